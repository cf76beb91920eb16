"""Files in a bucket: what is durable before its row, what comes back, what is let go of, and what a bucket away costs."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import random
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient
from PIL import Image

from app.boot import Runtime, media_remote
from app.cli import main
from app.core import clock, db
from app.core.errors import LimitReached
from app.core.settings import SettingsError, load_settings
from app.media import library_jobs
from app.media.jobs import Workshop
from app.media.making import Maker
from app.media.models import MediaFile
from app.media.service import copies, keeping, library, path_of, ready, room, store, unnamed, uploads, want
from app.media.service.bucket import S3Bucket
from app.media.service.store import StoreAway
from app.telegram import service as telegram
from app.telegram.port import Telegram
from tests.conftest import NOW
from tests.media.files import kept, parts, picture, stored
from tests.media.s3 import S3, served
from tests.media.test_uploads import PICTURE, _begin, _send, _state
from tests.world import Owner, owner

SignIn = Callable[[Owner], FlaskClient]
LONG_AGO = 3 * 60 * 60


@pytest.fixture(scope="module")
def server() -> Iterator[S3]:
    with served() as s3:
        yield s3


@pytest.fixture
def s3(server: S3) -> Iterator[S3]:
    """An empty bucket; the settings that name it are those of `runtime`, if that is asked for later."""
    server.empty()
    with pytest.MonkeyPatch.context() as environment:
        for name, value in server.environ.items():
            environment.setenv(name, value)
        yield server
    store.configure(None)
    if server.running is None:
        server.start()


@pytest.fixture
def bucket(s3: S3, runtime: Runtime) -> S3:
    """The bucket of a running service, which asks anew at once after a failure."""
    store.configure(S3Bucket(s3.place, rests_s=0))
    return s3


def _lose_local(row: MediaFile, folder: Path) -> None:
    path_of(folder, row.sha256).unlink()


def _rests(path: Path) -> None:
    """It was asked for long ago."""
    then = path.stat().st_mtime - LONG_AGO
    os.utime(path, (then, then))


# ---- in and out


def test_a_kept_file_lies_in_the_bucket_and_comes_back_when_it_is_asked_for(bucket: S3, tmp_path: Path) -> None:
    row = kept(owner("Aziza", now=NOW), PICTURE, "a.png", tmp_path)
    assert bucket.names() == {row.sha256} and path_of(tmp_path, row.sha256).exists()
    _lose_local(row, tmp_path)
    path = store.fetched(tmp_path, row.sha256)
    assert path == path_of(tmp_path, row.sha256) and path.read_bytes() == PICTURE and not parts(tmp_path)
    assert store.fetched(tmp_path, "0" * 64) is None


def test_without_the_bucket_what_the_disk_lost_is_lost(
    bucket: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The harm: the row stands, and its bytes are nowhere."""
    monkeypatch.setattr(store, "secure", lambda *_given: False)
    row = kept(owner("Aziza", now=NOW), PICTURE, "a.png", tmp_path)
    _lose_local(row, tmp_path)
    assert store.fetched(tmp_path, row.sha256) is None


def test_the_page_shows_a_file_that_is_only_in_the_bucket(bucket: S3, sign_in: SignIn, tmp_path: Path) -> None:
    aziza = owner("Aziza", now=NOW)
    row = kept(aziza, PICTURE, "a.png", tmp_path)
    _lose_local(row, tmp_path)
    assert sign_in(aziza).get(f"/media/{row.public_id}").data == PICTURE


def test_other_bytes_than_were_asked_for_are_not_taken(
    bucket: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = kept(owner("Aziza", now=NOW), PICTURE, "a.png", tmp_path)
    bucket.client().put_object(Bucket="files", Key=f"media/{row.sha256[:2]}/{row.sha256}", Body=b"somebody else's")
    _lose_local(row, tmp_path)
    assert store.fetched(tmp_path, row.sha256) is None and not parts(tmp_path)
    monkeypatch.setattr(store, "digest_of", lambda _path: row.sha256)  # the harm without the check
    path = store.fetched(tmp_path, row.sha256)
    assert path is not None and path.read_bytes() == b"somebody else's"


def test_what_has_no_room_does_not_leave_for_the_bucket(
    bucket: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "MB", 1)  # the plan's megabytes are bytes
    with pytest.raises(LimitReached):
        kept(owner("Aziza", plan="free", now=NOW), b"%PDF" + bytes(100_000), "a.pdf", tmp_path)
    assert bucket.names() == set() and stored(tmp_path) == []


# ---- away


def test_with_the_bucket_away_local_copies_are_read_and_nothing_half_is_kept(
    bucket: S3, sign_in: SignIn, tmp_path: Path
) -> None:
    aziza = owner("Aziza", now=NOW)
    here, far = (kept(aziza, picture("PNG", shade=n), "a.png", tmp_path) for n in (1, 2))
    _lose_local(far, tmp_path)
    bucket.stop()
    client = sign_in(aziza)
    assert client.get(f"/media/{here.public_id}").status_code == 200
    assert client.get(f"/media/{far.public_id}").status_code == 503
    answer = client.post("/media", data={"file": (io.BytesIO(PICTURE), "new.png")})
    assert answer.status_code == 503 and "Nothing is lost" in answer.text
    assert db.rows("SELECT COUNT(*) FROM media_file") == [(2,)] and len(stored(tmp_path)) == 1


def test_an_upload_whose_end_finds_the_bucket_away_goes_on_with_its_last_byte(bucket: S3, tmp_path: Path) -> None:
    upload = _begin(owner("Aziza", now=NOW), PICTURE, tmp_path)
    bucket.stop()
    with pytest.raises(StoreAway) as refused:
        _send(upload, 0, PICTURE, tmp_path)
    assert refused.value.status == 503 and _state(upload) == ("open", len(PICTURE) - 1)
    assert db.rows("SELECT COUNT(*) FROM media_file") == [(0,)]
    bucket.start()
    bucket.empty()
    assert _send(upload, len(PICTURE) - 1, PICTURE[-1:], tmp_path).state == "done"
    (found,) = db.rows("SELECT sha256 FROM media_file")
    assert bucket.names() == set(found) and path_of(tmp_path, found[0]).read_bytes() == PICTURE


def test_who_asks_how_far_it_is_while_the_bucket_is_away_is_not_told_that_all_is_here(
    bucket: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that died between the last byte and the end left an upload that is whole."""
    upload = _begin(owner("Aziza", now=NOW), PICTURE, tmp_path)
    with monkeypatch.context() as dying:
        dying.setattr(uploads, "_end", _dies)
        with pytest.raises(KeyboardInterrupt):
            _send(upload, 0, PICTURE, tmp_path)
    bucket.stop()
    asked = uploads.resume(upload.workspace, upload.public_id, data_dir=tmp_path, now=NOW)
    assert (asked.state, asked.received) == ("open", len(PICTURE) - 1)


def _dies(*_given: object, **_more: object) -> None:
    raise KeyboardInterrupt


def test_a_copy_at_telegram_waits_for_the_bucket_and_is_no_attempt(
    bucket: S3, runtime: Runtime, tmp_path: Path
) -> None:
    aziza, row = _with_copy(runtime, tmp_path)
    _lose_local(row, tmp_path)
    bucket.stop()
    (copy,) = copies.due(NOW)
    assert not copies.make(copy, _Nobody(), data_dir=tmp_path, now=NOW)  # type: ignore[arg-type]
    assert db.rows("SELECT state, attempts FROM media_copy") == [("wanted", 0)] and copies.due(NOW) == []
    assert [one.media_id for one in copies.due(NOW + timedelta(minutes=2))] == [row.id]
    with pytest.raises(StoreAway):
        ready(aziza.workspace.id, [row.public_id], 7, data_dir=tmp_path)


def test_work_on_a_file_waits_for_the_bucket_and_its_result_lies_there(
    bucket: S3, runtime: Runtime, tmp_path: Path
) -> None:
    row = kept(owner("Aziza", now=NOW), _noise(), "a.png", tmp_path)
    _lose_local(row, tmp_path)
    bucket.stop()
    work_off = Workshop(Maker(tmp_path, runtime.settings.secret_keys).make).work_off
    for _ in range(3):
        with pytest.raises(StoreAway):
            work_off()
    assert db.rows("SELECT state, runs FROM media_job") == [("waiting", 0)]
    bucket.start()
    bucket.empty()
    bucket.client().put_object(Bucket="files", Key=f"media/{row.sha256[:2]}/{row.sha256}", Body=_noise())
    assert work_off() == 1 and db.rows("SELECT state, runs FROM media_job") == [("done", 1)]
    (made,) = db.rows("SELECT sha256 FROM media_file WHERE origin_id = ?", row.id)
    assert set(made) < bucket.names()


def _noise() -> bytes:
    """A picture that is large enough to want a still; the same each time."""
    out = io.BytesIO()
    Image.frombytes("RGB", (400, 300), random.Random(1).randbytes(400 * 300 * 3)).save(out, "PNG")
    return out.getvalue()


class _Nobody(Telegram):
    """A line that must not be asked."""


def _with_copy(runtime: Runtime, folder: Path) -> tuple[Owner, MediaFile]:
    aziza = owner("Aziza", now=NOW)
    bot = telegram.register(
        runtime.sealer, token="7:abc", username="B", updates="polling", storage_chat_id=-1009, now=NOW
    )
    row = kept(aziza, PICTURE, "a.png", folder)
    want(aziza.workspace.id, [row.public_id], bot.bot_id, now=NOW)
    return aziza, row


def test_an_away_bucket_is_left_alone_for_a_moment(s3: S3, runtime: Runtime) -> None:
    far = S3Bucket(s3.place, rests_s=3600)
    s3.stop()
    with pytest.raises(StoreAway):
        far.has("0" * 64)
    s3.start()
    s3.empty()
    with pytest.raises(StoreAway):
        far.has("0" * 64)  # it answers again, and is not asked yet
    assert not S3Bucket(s3.place).has("0" * 64)


# ---- let go of, and forgotten


def test_copies_that_rest_are_let_go_of_beyond_the_room_and_come_back(bucket: S3, tmp_path: Path) -> None:
    aziza = owner("Aziza", now=NOW)
    rows = [kept(aziza, picture("PNG", shade=n), "a.png", tmp_path) for n in range(3)]
    for row in rows[:2]:
        _rests(path_of(tmp_path, row.sha256))
    size = sum(path.stat().st_size for path in stored(tmp_path))
    assert store.let_go(tmp_path, most_bytes=size, now=clock.utcnow()) == 0
    assert store.let_go(tmp_path, most_bytes=size - 1, now=clock.utcnow()) == 1
    assert store.let_go(tmp_path, most_bytes=0, now=clock.utcnow()) == 1, "what was just kept stays"
    assert [path.name for path in stored(tmp_path)] == [rows[2].sha256]
    assert all(store.fetched(tmp_path, row.sha256) for row in rows)


def test_a_copy_that_the_bucket_lacks_is_put_there_before_it_goes(
    bucket: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = kept(owner("Aziza", now=NOW), PICTURE, "a.png", tmp_path)
    bucket.empty()
    _rests(path_of(tmp_path, row.sha256))
    assert store.let_go(tmp_path, most_bytes=0, now=clock.utcnow()) == 1
    path = store.fetched(tmp_path, row.sha256)
    assert path is not None and path.read_bytes() == PICTURE
    bucket.empty()  # the harm without the check
    _rests(path)
    monkeypatch.setattr(store, "brought_over", lambda *_given: False)
    assert store.let_go(tmp_path, most_bytes=0, now=clock.utcnow()) == 1
    assert store.fetched(tmp_path, row.sha256) is None


def test_a_copy_that_is_asked_for_while_it_is_let_go_of_stays(
    bucket: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = kept(owner("Aziza", now=NOW), PICTURE, "a.png", tmp_path)
    _rests(path_of(tmp_path, row.sha256))
    looked = store.brought_over

    def asked_meanwhile(folder: Path, sha256: str) -> bool | None:
        found = looked(folder, sha256)
        assert store.fetched(folder, sha256) is not None
        return found

    monkeypatch.setattr(store, "brought_over", asked_meanwhile)
    assert store.let_go(tmp_path, most_bytes=0, now=clock.utcnow()) == 0
    assert path_of(tmp_path, row.sha256).exists()


def test_what_is_forgotten_goes_from_both_also_when_the_bucket_was_away(bucket: S3, tmp_path: Path) -> None:
    row = kept(owner("Aziza", now=NOW), PICTURE, "a.png", tmp_path)
    again = picture("PNG", shade=9)
    other = kept(owner("Bek", now=NOW), again, "b.png", tmp_path)
    bucket.stop()
    with store.going(tmp_path):
        store.forget(row.sha256, tmp_path)
        store.forget(other.sha256, tmp_path)
    db.execute("UPDATE media_file SET deleted_at = ? WHERE id = ?", db.stamp(NOW), row.id)
    assert sorted(store.still_to_forget(tmp_path)) == sorted([row.sha256, other.sha256])
    bucket.start()
    bucket.empty()
    for sha256, content in ((row.sha256, PICTURE), (other.sha256, again)):
        bucket.client().put_object(Bucket="files", Key=f"media/{sha256[:2]}/{sha256}", Body=content)
    library.forget_again(tmp_path)
    assert bucket.names() == {other.sha256}, "a file that lives, by whomever it came again, stays"
    assert store.still_to_forget(tmp_path) == []


def test_nothing_is_forgotten_while_it_is_brought(bucket: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the bytes would come back after they were deleted, and stay."""
    row = kept(owner("Aziza", now=NOW), PICTURE, "a.png", tmp_path)
    _lose_local(row, tmp_path)
    brings, began = S3Bucket.bring, threading.Event()
    forgetting = threading.Thread(target=_forget, args=(began, row.sha256, tmp_path))

    def bring_slowly(self: S3Bucket, sha256: str, target: Path) -> bool:
        began.set()
        forgetting.join(0.3)
        return brings(self, sha256, target)

    monkeypatch.setattr(S3Bucket, "bring", bring_slowly)
    forgetting.start()
    store.fetched(tmp_path, row.sha256)
    forgetting.join(10)
    assert stored(tmp_path) == [] and bucket.names() == set()


def _forget(began: threading.Event, sha256: str, folder: Path) -> None:
    began.wait(10)
    with store.going(folder):
        store.forget(sha256, folder)


# ---- what no row names


TOMORROW = timedelta(days=1, minutes=1)


def _lies(bucket: S3, content: bytes) -> str:
    """An object that no row names; returns its SHA-256."""
    sha256 = hashlib.sha256(content).hexdigest()
    bucket.client().put_object(Bucket="files", Key=f"media/{sha256[:2]}/{sha256}", Body=content)
    return sha256


def test_what_no_row_names_goes_after_a_day_and_all_else_stays(bucket: S3, tmp_path: Path) -> None:
    aziza, now = owner("Aziza", now=NOW), clock.utcnow()
    live, trashed, deleted = (kept(aziza, picture("PNG", shade=n), "a.png", tmp_path) for n in range(3))
    db.execute("UPDATE media_file SET trashed_at = ? WHERE id = ?", db.stamp(NOW), trashed.id)
    db.execute("UPDATE media_file SET deleted_at = ? WHERE id = ?", db.stamp(NOW), deleted.id)
    orphan = _lies(bucket, b"a process died here")
    bucket.client().put_object(Bucket="files", Key="media/readme", Body=b"somebody else's")
    bucket.client().put_object(Bucket="files", Key=f"other/{orphan}", Body=b"somebody else's")
    assert unnamed.sweep(tmp_path, now=now) == 0 and orphan in bucket.names(), "a row may still come"
    assert unnamed.sweep(tmp_path, now=now + TOMORROW) == 2
    assert bucket.names() == {live.sha256, trashed.sha256, "readme", orphan}
    assert bucket.client().get_object(Bucket="files", Key=f"other/{orphan}")["Body"].read() == b"somebody else's"


def test_it_goes_on_where_it_stopped_once_a_day(bucket: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.media.service.bucket._ON_A_PAGE", 3)
    monkeypatch.setattr(unnamed, "_PAGES", 1)
    names, day = {_lies(bucket, bytes([n])) for n in range(8)}, clock.utcnow()
    left = []
    for _ in range(4):
        day += TOMORROW
        unnamed.sweep(tmp_path, now=day)
        os.utime(tmp_path / "media" / "bucket-swept", (day.timestamp(), day.timestamp()))
        left.append(len(bucket.names()))
        assert unnamed.sweep(tmp_path, now=day + timedelta(hours=1)) == 0
    assert left == [5, 2, 0, 0] and len(names) == 8
    last = _lies(bucket, bytes([0]))
    assert unnamed.sweep(tmp_path, now=day + TOMORROW) == 1 and last not in bucket.names()


def test_of_a_run_only_so_many_go(bucket: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unnamed, "_MOST", 3)
    for n in range(5):
        _lies(bucket, bytes([n]))
    day = clock.utcnow() + TOMORROW
    assert unnamed.sweep(tmp_path, now=day) == 3 and len(bucket.names()) == 2
    assert unnamed.sweep(tmp_path, now=day + TOMORROW) == 2


@pytest.mark.parametrize("most", [500, 10])
def test_with_the_database_of_another_bucket_nothing_is_deleted(
    bucket: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    """Also where there is more of it than one run deletes."""
    monkeypatch.setattr(unnamed, "_MOST", most)
    names = {_lies(bucket, bytes([n])) for n in range(24)}
    day = clock.utcnow() + TOMORROW
    assert unnamed.sweep(tmp_path, now=day) == 0 and bucket.names() == names
    monkeypatch.setattr(unnamed, "_FEW", 24)  # the harm without that
    assert unnamed.sweep(tmp_path, now=day) == min(24, most) and len(bucket.names()) == max(24 - most, 0)


@pytest.mark.parametrize("is_locked", [True, False])
def test_a_file_whose_row_is_being_written_is_not_deleted(
    bucket: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_locked: bool
) -> None:
    """Its bytes lie there without a row, so they are not sent again: deleted now, the row would name nothing."""
    aziza, record, began = owner("Aziza", now=NOW), keeping.record, threading.Event()
    _lies(bucket, PICTURE)
    if not is_locked:  # the harm
        monkeypatch.setattr(store, "going", contextlib.nullcontext)
    day = clock.utcnow() + TOMORROW

    def write_slowly(*given: Any, **more: Any) -> MediaFile:
        began.set()
        sweeping.join(1)
        return record(*given, **more)

    def sweep() -> None:
        began.wait(10)
        unnamed.sweep(tmp_path, now=day)
        db.database.close()

    sweeping = threading.Thread(target=sweep)
    monkeypatch.setattr(keeping, "record", write_slowly)
    sweeping.start()
    row = kept(aziza, PICTURE, "a.png", tmp_path)
    sweeping.join(20)
    assert (row.sha256 in bucket.names()) == is_locked


def test_the_hourly_cleaning_sweeps_and_a_bucket_away_stops_none_of_it(
    bucket: S3, runtime: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _lies(bucket, b"a process died here")
    monkeypatch.setattr(unnamed, "AGE", timedelta(seconds=-60))
    bucket.stop()
    assert library_jobs.clean(runtime.uses, tmp_path, cache_bytes=0)["media_unnamed"] == 0
    bucket.start()
    bucket.empty()
    _lies(bucket, b"a process died here")
    assert library_jobs.clean(runtime.uses, tmp_path, cache_bytes=0)["media_unnamed"] == 1


# ---- kill -9


_KEEPER = """
    import io, sys
    from app.boot import boot
    from app.core import clock
    from app.core.settings import load_settings
    from app.media.service import keep
    runtime = boot("jobs", load_settings(_env_file=None))
    with open(sys.argv[1], "rb") as file:
        keep(int(sys.argv[2]), file, "a.png", data_dir=runtime.settings.data_dir, user_id=int(sys.argv[3]), now=clock.utcnow())
"""


def test_a_file_that_lies_here_is_read_while_somebody_waits_for_the_bucket(bucket: S3, tmp_path: Path) -> None:
    row = kept(owner("Aziza", now=NOW), picture("PNG"), "a.png", tmp_path)
    found: list[Path | None] = []
    with store.going(tmp_path):
        reader = threading.Thread(target=lambda: found.append(store.fetched(tmp_path, row.sha256)), daemon=True)
        reader.start()
        reader.join(20)
        assert found == [store.path_of(tmp_path, row.sha256)]


def test_killed_between_the_bucket_and_the_row_no_row_names_what_is_missing(
    bucket: S3, runtime: Runtime, tmp_path: Path
) -> None:
    aziza = owner("Aziza", now=NOW)
    (tmp_path / "a.png").write_bytes(PICTURE)
    for crashpoint, code in (("media.secured:9", -signal.SIGKILL), ("", 0)):
        environ = {**os.environ, "DATABASE_URL": runtime.settings.database_url, "DATA_DIR": str(tmp_path)}
        environ |= {"DEMO": "1", "CRASHPOINT": crashpoint}
        command = [sys.executable, "-c", textwrap.dedent(_KEEPER), str(tmp_path / "a.png")]
        ended = subprocess.run([*command, str(aziza.workspace.id), str(aziza.user.id)], env=environ, check=False)
        assert ended.returncode == code
        named = {str(sha256) for (sha256,) in db.rows("SELECT sha256 FROM media_file")}
        assert named <= bucket.names() and len(named) == (0 if crashpoint else 1)
        assert len(bucket.names()) == 1, "what was put and not named is there for the next who brings it"


# ---- the commands


@pytest.fixture
def cli(bucket: S3, runtime: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    monkeypatch.setenv("DATABASE_URL", runtime.settings.database_url)
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    return CliRunner()


def test_a_folder_is_brought_into_the_bucket_and_the_second_time_nothing_is_left(
    bucket: S3, cli: CliRunner, runtime: Runtime, tmp_path: Path
) -> None:
    store.configure(None)
    aziza = owner("Aziza", now=NOW)
    rows = [kept(aziza, picture("PNG", shade=n), "a.png", tmp_path) for n in range(3)]
    assert bucket.names() == set()
    S3Bucket(bucket.place).put(rows[0].sha256, path_of(tmp_path, rows[0].sha256))  # as after a run that was broken off
    first = cli.invoke(main, ["media", "to-bucket"])
    assert first.exit_code == 0 and "2 brought, 1 were there already" in first.output
    assert bucket.names() == {row.sha256 for row in rows}
    assert "0 brought, 3 were there already" in cli.invoke(main, ["media", "to-bucket"]).output


def test_a_damaged_file_is_named_and_not_brought(bucket: S3, cli: CliRunner, runtime: Runtime, tmp_path: Path) -> None:
    store.configure(None)
    row = kept(owner("Aziza", now=NOW), PICTURE, "a.png", tmp_path)
    path_of(tmp_path, row.sha256).write_bytes(PICTURE[:50])
    told = cli.invoke(main, ["media", "to-bucket"])
    assert told.exit_code == 1 and f"LOST {row.sha256}" in told.output and bucket.names() == set()


def test_the_doctor_puts_gets_and_deletes(bucket: S3, cli: CliRunner) -> None:
    assert "ok   files: the bucket files takes" in cli.invoke(main, ["doctor"]).output
    assert bucket.names() == set()
    bucket.stop()
    assert "FAIL files: the bucket files does not do as asked" in cli.invoke(main, ["doctor"]).output


def test_a_key_without_its_secret_is_refused_and_neither_is_shown(s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load_settings(_env_file=None)
    assert "test-secret-key" not in repr(settings) and "test-access-key" not in repr(settings)
    assert media_remote(settings) is not None
    monkeypatch.setenv("MEDIA_S3_SECRET_KEY", "")
    with pytest.raises(SettingsError, match="MEDIA_S3_ACCESS_KEY and MEDIA_S3_SECRET_KEY"):
        load_settings(_env_file=None)


def test_without_the_setting_boto_is_not_imported() -> None:
    program = "import sys, app.boot, app.web, app.media.service; assert not {'boto3', 'botocore'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)
