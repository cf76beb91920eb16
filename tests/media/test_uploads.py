"""Uploads in pieces: the protocol, what survives broken connections and crashes, and what a plan has room for."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import IO, Any, cast

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.accounts.service import sessions
from app.boot import Runtime
from app.core import clock, db
from app.core.errors import Conflict, Invalid, LimitReached, NotFound
from app.core.settings import Settings
from app.media import upload_views
from app.media.models import MediaFile
from app.media.service import keeping, path_of, room, store, uploads
from app.media.service.uploads import Checksum, Locked, Mismatch, TooLarge
from app.media.upload_models import MediaUpload
from tests.conftest import NOW
from tests.media.files import kept, large_png, picture, stored
from tests.world import Owner, owner

SignIn = Callable[[Owner], FlaskClient]
PICTURE = picture("PNG", 300, 200)
TUS = {"Tus-Resumable": "1.0.0"}
PIECE = {**TUS, "Content-Type": "application/offset+octet-stream"}


def _begin(who: Owner, content: bytes, folder: Path, name: str = "a.png", **more: Any) -> MediaUpload:
    given: dict[str, Any] = {"sha256": None, "most_bytes": 50_000_000, "now": NOW, **more}
    return uploads.begin(
        who.workspace.id, name, given.pop("size", len(content)), data_dir=folder, user_id=who.user.id, **given
    )


def _send(upload: MediaUpload, offset: int, piece: bytes | IO[bytes], folder: Path, **more: Any) -> MediaUpload:
    stream = io.BytesIO(piece) if isinstance(piece, bytes) else piece
    return uploads.receive(upload.workspace, upload.public_id, offset, stream, data_dir=folder, now=NOW, **more)


def _state(upload: MediaUpload) -> tuple[Any, ...]:
    return db.rows("SELECT state, received FROM media_upload WHERE public_id = ?", upload.public_id)[0]


# ---- the protocol, as a client sees it


def _metadata(**told: str) -> str:
    return ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in told.items())


def _announce(client: FlaskClient, content: bytes, name: str = "Весна.png", **told: str) -> TestResponse:
    headers = {**TUS, "Upload-Length": str(len(content)), "Upload-Metadata": _metadata(filename=name, **told)}
    return client.post("/media/uploads", headers=headers)


def _patch(client: FlaskClient, url: str, offset: int, piece: bytes, **headers: str) -> TestResponse:
    return client.patch(url, data=piece, headers={**PIECE, "Upload-Offset": str(offset), **headers})


def test_a_file_comes_in_pieces_and_becomes_a_file_of_the_workspace(sign_in: SignIn, tmp_path: Path) -> None:
    who = owner("Aziza", now=clock.utcnow())
    client, content = sign_in(who), PICTURE
    begun = _announce(client, content, sha256=hashlib.sha256(content).hexdigest())
    assert (begun.status_code, begun.headers["Tus-Resumable"]) == (201, "1.0.0") and "Upload-Expires" in begun.headers
    url = begun.headers["Location"]
    first = _patch(client, url, 0, content[:100])
    assert (first.status_code, first.headers["Upload-Offset"]) == (204, "100") and "X-Media" not in first.headers
    asked = client.head(url, headers=TUS)
    assert (asked.status_code, asked.headers["Upload-Offset"]) == (200, "100")
    assert (asked.headers["Upload-Length"], asked.headers["Cache-Control"]) == (str(len(content)), "no-store")
    last = _patch(client, url, 100, content[100:])
    shown = client.get(f"/media/{last.headers['X-Media']}")
    assert (last.status_code, last.headers["Upload-Offset"]) == (204, str(len(content)))
    assert (shown.data, shown.mimetype) == (content, "image/png")
    (row,) = MediaFile.select().where(MediaFile.workspace == who.workspace.id)
    assert (row.name, row.kind, row.width, row.sha256) == (
        "Весна.png",
        "photo",
        300,
        hashlib.sha256(content).hexdigest(),
    )
    assert client.head(url, headers=TUS).headers["X-Media"] == row.public_id
    assert list((tmp_path / "media" / "uploads").iterdir()) == []


def test_the_limit_is_told_before_the_upload(app: Flask, runtime: Runtime, sign_in: SignIn) -> None:
    client = sign_in(owner("Aziza", now=clock.utcnow()))
    told = client.options("/media/uploads").headers
    assert (told["Tus-Version"], told["Tus-Max-Size"]) == ("1.0.0", "50000000")
    assert told["Tus-Extension"] == "creation,checksum,termination,expiration"
    assert told["Tus-Checksum-Algorithm"] == "sha1,sha256"
    length = {**TUS, "Upload-Length": "50000001"}
    refused = client.post("/media/uploads", headers={**length, "Accept": "application/json"})
    assert refused.status_code == 413 and "larger than 50 MB" in refused.json["error"]["message"]  # type: ignore[index]
    object.__setattr__(runtime.settings, "telegram_local_server", True)
    assert client.options("/media/uploads").headers["Tus-Max-Size"] == "2000000000"
    assert client.post("/media/uploads", headers=length).status_code == 201
    assert Settings(_env_file=None).telegram_local_server is False  # type: ignore[call-arg]


WRONG = {
    "no version": ("patch", {"Tus-Resumable": ""}, 412),
    "another version": ("patch", {"Tus-Resumable": "0.2.2"}, 412),
    "another type": ("patch", {"Content-Type": "application/octet-stream"}, 415),
    "no offset": ("patch", {"Upload-Offset": ""}, 400),
    "another offset": ("patch", {"Upload-Offset": "1"}, 409),
    "a negative offset": ("patch", {"Upload-Offset": "-1"}, 400),
    "an unknown checksum": ("patch", {"Upload-Checksum": "md5 AAAA"}, 400),
    "a checksum that is none": ("patch", {"Upload-Checksum": "sha1 *"}, 400),
    "a wrong checksum": ("patch", {"Upload-Checksum": "sha1 AAAA"}, 460),
    "a method that is none": ("post", {"X-HTTP-Method-Override": "PUT"}, 405),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_request_that_is_wrong_changes_nothing(sign_in: SignIn, what: str) -> None:
    method, headers, status = WRONG[what]
    client = sign_in(owner("Aziza", now=clock.utcnow()))
    url = _announce(client, PICTURE).headers["Location"]
    asked = {**PIECE, "Upload-Offset": "0", **headers}
    answer = getattr(client, method)(url, data=b"piece", headers={k: v for k, v in asked.items() if v})
    assert answer.status_code == status and answer.headers["Tus-Resumable"] == "1.0.0"
    assert client.head(url, headers=TUS).headers["Upload-Offset"] == "0"
    assert _patch(client, url, 0, PICTURE).status_code == 204, "and the upload goes on"


def test_the_length_that_was_announced_is_the_most_that_is_taken(sign_in: SignIn) -> None:
    client = sign_in(owner("Aziza", now=clock.utcnow()))
    url = _announce(client, PICTURE).headers["Location"]
    assert _patch(client, url, 0, PICTURE + b"x").status_code == 413
    assert client.head(url, headers=TUS).headers["Upload-Offset"] == "0"
    piece = bytes(upload_views.MOST_PIECE + 70_000)
    assert _patch(client, url, 0, piece).status_code == 413, "and one piece has a limit of its own"


def test_a_checksum_of_a_piece_is_checked(sign_in: SignIn) -> None:
    client = sign_in(owner("Aziza", now=clock.utcnow()))
    url = _announce(client, PICTURE).headers["Location"]
    for name, at, piece in (("sha1", 0, PICTURE[:50]), ("sha256", 50, PICTURE[50:])):
        digest = base64.b64encode(hashlib.new(name, piece).digest()).decode()
        assert _patch(client, url, at, piece, **{"Upload-Checksum": f"{name} {digest}"}).status_code == 204


def test_a_client_without_all_methods_names_the_one_it_means(sign_in: SignIn) -> None:
    client = sign_in(owner("Aziza", now=clock.utcnow()))
    url = _announce(client, PICTURE).headers["Location"]
    meant = {**PIECE, "Upload-Offset": "0", "X-HTTP-Method-Override": "PATCH"}
    assert client.post(url, data=PICTURE[:9], headers=meant).headers["Upload-Offset"] == "9"
    assert client.post(url, headers={**TUS, "X-HTTP-Method-Override": "DELETE"}).status_code == 204
    assert client.head(url, headers=TUS).status_code == 404


def test_an_upload_that_is_cancelled_leaves_nothing(sign_in: SignIn, tmp_path: Path) -> None:
    client = sign_in(owner("Aziza", now=clock.utcnow()))
    url = _announce(client, PICTURE).headers["Location"]
    _patch(client, url, 0, PICTURE[:9])
    assert client.delete(url, headers=TUS).status_code == 204
    for again in (client.delete(url, headers=TUS), client.head(url, headers=TUS), _patch(client, url, 9, b"x")):
        assert again.status_code == 404
    assert stored(tmp_path) == [] and db.row("SELECT COUNT(*) FROM media_file") == (0,)


def test_what_is_cancelled_too_late_stays_and_the_answer_says_so(sign_in: SignIn) -> None:
    client = sign_in(owner("Aziza", now=clock.utcnow()))
    url = _announce(client, PICTURE).headers["Location"]
    media = _patch(client, url, 0, PICTURE).headers["X-Media"]
    late = client.delete(url, headers={**TUS, "Accept": "application/json"})
    assert (late.status_code, late.get_json()["error"]["code"]) == (410, "upload_ended")
    assert client.get(f"/media/{media}").status_code == 200


def test_an_upload_of_another_workspace_is_not_there(app: Flask, sign_in: SignIn) -> None:
    aziza, bek = (sign_in(owner(name, now=clock.utcnow())) for name in ("Aziza", "Bek"))
    url = _announce(aziza, PICTURE).headers["Location"]
    for answer in (bek.head(url, headers=TUS), _patch(bek, url, 0, PICTURE), bek.delete(url, headers=TUS)):
        assert answer.status_code == 404
    assert aziza.head(url, headers=TUS).headers["Upload-Offset"] == "0"
    stranger = app.test_client()
    assert _announce(stranger, PICTURE).status_code in (303, 401) and _patch(stranger, url, 0, b"x").status_code == 401


def test_beside_a_cookie_a_token_is_asked_for_and_the_mini_apps_header_needs_none(app: Flask, sign_in: SignIn) -> None:
    who = owner("Aziza", now=clock.utcnow())
    client = sign_in(who)
    url = _announce(client, PICTURE).headers["Location"]
    app.config["WTF_CSRF_ENABLED"] = True
    for refused in (_announce(client, PICTURE), _patch(client, url, 0, PICTURE), client.delete(url, headers=TUS)):
        assert refused.status_code == 422
    token, _ = sessions.start(who.user.id, who.workspace.id, kind="twa", now=clock.utcnow())
    sent = _patch(app.test_client(), url, 0, PICTURE, **{"X-Session": token})
    assert sent.status_code == 204 and "X-Media" in sent.headers


def test_slow_senders_leave_threads_to_the_pages(sign_in: SignIn) -> None:
    client = sign_in(owner("Aziza", now=clock.utcnow()))
    url = _announce(client, PICTURE).headers["Location"]
    for _ in range(3):
        assert upload_views._RECEIVING.acquire(blocking=False)
    try:
        told = _patch(client, url, 0, PICTURE)
        assert (told.status_code, told.headers["Retry-After"]) == (503, "1")
        assert client.head(url, headers=TUS).status_code == 200
    finally:
        for _ in range(3):
            upload_views._RECEIVING.release()
    assert _patch(client, url, 0, PICTURE).status_code == 204


# ---- what breaks in between


class _BreaksOff(io.BytesIO):
    """A connection that ends after its first bytes."""

    def read(self, size: int | None = -1, /) -> bytes:
        if self.tell():
            raise OSError("the connection is gone")
        return super().read(60)


def test_what_came_before_the_connection_broke_stays(runtime: Runtime, tmp_path: Path) -> None:
    upload = _begin(owner("Aziza", now=NOW), PICTURE, tmp_path)
    half = _send(upload, 0, cast(IO[bytes], _BreaksOff(PICTURE)), tmp_path)
    assert half.received == 60 and _state(upload) == ("open", 60)
    assert _send(upload, 60, PICTURE[60:], tmp_path).state == "done"


def test_a_file_that_is_longer_than_its_row_says_is_cut_back(runtime: Runtime, tmp_path: Path) -> None:
    """A crash after the bytes and before the row leaves more on the disk than is known of."""
    upload = _begin(owner("Aziza", now=NOW), PICTURE, tmp_path)
    _send(upload, 0, PICTURE[:100], tmp_path)
    with store.growing(tmp_path, upload.public_id).open("ab") as file:
        file.write(b"what a crash left")
    _send(upload, 100, PICTURE[100:], tmp_path)
    assert _content(upload, tmp_path) == PICTURE


def test_without_the_cut_what_the_crash_left_stays_within_the_file(
    runtime: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "_cut", lambda file, _received: file.seek(0, os.SEEK_END))
    upload = _begin(owner("Aziza", now=NOW), PICTURE, tmp_path)
    _send(upload, 0, PICTURE[:100], tmp_path)
    with store.growing(tmp_path, upload.public_id).open("ab") as file:
        file.write(b"what a crash left")
    _send(upload, 100, PICTURE[100:], tmp_path)
    assert b"what a crash left" in _content(upload, tmp_path)


def _content(upload: MediaUpload, folder: Path) -> bytes:
    """The bytes of the file that an upload became."""
    (found,) = db.rows(
        "SELECT m.sha256 FROM media_file m JOIN media_upload u ON u.media_id = m.id WHERE u.public_id = ?",
        upload.public_id,
    )
    return path_of(folder, found[0]).read_bytes()


def test_a_death_before_the_row_is_told_of_loses_the_piece_and_nothing_else(
    runtime: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = _begin(owner("Aziza", now=NOW), PICTURE, tmp_path)
    with monkeypatch.context() as dying:
        dying.setattr(MediaUpload, "save", _dies)
        with pytest.raises(KeyboardInterrupt):
            _send(upload, 0, PICTURE[:100], tmp_path)
    assert _state(upload) == ("open", 0) and store.growing(tmp_path, upload.public_id).stat().st_size == 100
    assert _send(upload, 0, PICTURE, tmp_path).state == "done" and _content(upload, tmp_path) == PICTURE


def _dies(*_given: object, **_more: object) -> None:
    raise KeyboardInterrupt


def test_a_death_before_the_end_is_made_good_by_whoever_asks(
    runtime: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that hears that all bytes are here sends nothing more: asking alone has to bring it to its end."""
    upload = _begin(owner("Aziza", now=NOW), PICTURE, tmp_path)
    for broken in ("record", "known"):
        with monkeypatch.context() as dying:
            dying.setattr(keeping, broken, _dies)
            with pytest.raises(KeyboardInterrupt):
                _send(upload, 0, PICTURE, tmp_path) if _state(upload)[1] == 0 else _resume(upload, tmp_path)
        assert _state(upload) == ("open", len(PICTURE))
    with monkeypatch.context() as dying:  # the bytes have their name, and the row was not committed
        dying.setattr(store, "give_name", _names_and_dies(store.give_name))
        with pytest.raises(KeyboardInterrupt):
            _resume(upload, tmp_path)
    assert _state(upload) == ("open", len(PICTURE)) and db.row("SELECT COUNT(*) FROM media_file") == (0,)
    assert _resume(upload, tmp_path).state == "done" and _content(upload, tmp_path) == PICTURE
    assert len(stored(tmp_path)) == 1, "and of what was in between nothing is left"


def _resume(upload: MediaUpload, folder: Path) -> MediaUpload:
    return uploads.resume(upload.workspace, upload.public_id, data_dir=folder, now=NOW)


def _names_and_dies(real: Callable[..., None]) -> Callable[..., None]:
    def give(*given: Any) -> None:
        real(*given)
        raise KeyboardInterrupt

    return give


def test_bytes_that_the_disk_lost_are_sent_anew(runtime: Runtime, tmp_path: Path) -> None:
    upload = _begin(owner("Aziza", now=NOW), PICTURE, tmp_path)
    store.growing(tmp_path, upload.public_id).unlink()
    with pytest.raises(NotFound):
        _send(upload, 0, PICTURE, tmp_path)
    assert _state(upload) == ("expired", 0)


# ---- two at once


class _Slow(io.BytesIO):
    """A connection whose first bytes are here, and whose others come when they are let."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self.reading, self.go = threading.Event(), threading.Event()

    def read(self, size: int | None = -1, /) -> bytes:
        self.reading.set()
        assert self.go.wait(20)
        return super().read(size)


def _at_once(upload: MediaUpload, slow: bytes, quick: bytes, folder: Path) -> list[str]:
    """What two hear who send at the same offset, the second while the first has not ended."""
    stream = _Slow(slow)

    def send() -> str:
        try:
            return _send(upload, 0, cast(IO[bytes], stream), folder).state
        finally:
            db.database.close()

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(send)
        assert stream.reading.wait(20)
        try:
            second = _send(upload, 0, quick, folder).state
        except Locked:
            second = "locked"
        finally:
            stream.go.set()
        return [first.result(20), second]


def test_of_two_that_send_at_once_one_is_told_to_wait(runtime: Runtime, tmp_path: Path) -> None:
    upload = _begin(owner("Aziza", now=NOW), PICTURE, tmp_path)
    assert _at_once(upload, PICTURE[:100], b"x" * 100, tmp_path) == ["open", "locked"]
    with pytest.raises(Conflict) as refused:
        _send(upload, 0, b"x" * 100, tmp_path)
    assert refused.value.code == "upload_offset"
    _send(upload, 100, PICTURE[100:], tmp_path)
    assert _content(upload, tmp_path) == PICTURE


def test_without_the_lock_both_are_told_that_their_bytes_are_kept(
    runtime: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The harm that the lock prevents: the bytes of one are gone, and nobody was told."""
    monkeypatch.setattr(uploads.fcntl, "flock", lambda *_given: None)
    upload = _begin(owner("Aziza", now=NOW), PICTURE, tmp_path)
    assert _at_once(upload, PICTURE[:100], b"x" * 100, tmp_path) == ["open", "open"]
    assert store.growing(tmp_path, upload.public_id).read_bytes() == PICTURE[:100]


def test_an_upload_is_not_cancelled_while_a_piece_comes(runtime: Runtime, tmp_path: Path) -> None:
    upload = _begin(owner("Aziza", now=NOW), PICTURE, tmp_path)
    with uploads._alone(upload, tmp_path), pytest.raises(Locked):
        uploads.cancel(upload.workspace, upload.public_id, data_dir=tmp_path)
    with uploads._alone(upload, tmp_path):
        assert uploads.expire(tmp_path, now=NOW + timedelta(days=2)) == 0
    assert _state(upload) == ("open", 0)


# ---- what it becomes


def test_the_same_bytes_are_one_file(runtime: Runtime, tmp_path: Path) -> None:
    who = owner("Aziza", now=NOW)
    first = kept(who, PICTURE, "first.png", tmp_path)
    upload = _begin(who, PICTURE, tmp_path, "again.png")
    assert _send(upload, 0, PICTURE, tmp_path).media == first.id
    assert len(stored(tmp_path)) == 1 and db.row("SELECT COUNT(*) FROM media_file") == (1,)


def test_what_comes_again_comes_out_of_the_trash(runtime: Runtime, tmp_path: Path) -> None:
    who = owner("Aziza", now=NOW)
    first = kept(who, PICTURE, "first.png", tmp_path)
    db.execute("UPDATE media_file SET trashed_at = ?", db.stamp(NOW))
    upload = _begin(who, PICTURE, tmp_path)
    assert _send(upload, 0, PICTURE, tmp_path).media == first.id
    assert db.row("SELECT trashed_at FROM media_file") == (None,)


REFUSED: dict[str, tuple[bytes, str | None, str]] = {
    "other bytes than were announced": (PICTURE, "0" * 64, "The file came damaged. Send it again."),
    "a bomb": (large_png(10_000, 5_001), None, "This picture has more than 50 million pixels."),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_file_that_is_not_taken_leaves_nothing(runtime: Runtime, tmp_path: Path, what: str) -> None:
    content, sha256, sentence = REFUSED[what]
    upload = _begin(owner("Aziza", now=NOW), content, tmp_path, sha256=sha256)
    with pytest.raises(Invalid) as refused:
        _send(upload, 0, content, tmp_path)
    assert refused.value.message == sentence
    assert db.row("SELECT state, error FROM media_upload") == ("refused", sentence)
    assert stored(tmp_path) == [] and room.used_bytes(upload.workspace) == 0
    with pytest.raises(NotFound):
        _resume(upload, tmp_path)


def test_a_piece_that_is_damaged_is_thrown_away_whole(runtime: Runtime, tmp_path: Path) -> None:
    upload = _begin(owner("Aziza", now=NOW), PICTURE, tmp_path)
    _send(upload, 0, PICTURE[:50], tmp_path)
    with pytest.raises(Mismatch):
        _send(upload, 50, PICTURE[50:99], tmp_path, checksum=Checksum("sha1", bytes(20)))
    assert _state(upload) == ("open", 50) and store.growing(tmp_path, upload.public_id).stat().st_size == 50


def test_nothing_and_too_much_are_refused_at_once(runtime: Runtime, tmp_path: Path) -> None:
    who = owner("Aziza", now=NOW)
    with pytest.raises(Invalid, match="empty"):
        _begin(who, b"", tmp_path)
    with pytest.raises(TooLarge):
        _begin(who, b"x", tmp_path, most_bytes=0)
    assert db.row("SELECT COUNT(*) FROM media_upload") == (0,)


# ---- what a plan has room for

GIGABYTE = 1_000_000_000


def _code(call: Callable[[], object]) -> str:
    try:
        call()
    except LimitReached as refused:
        return refused.code
    return "taken"


def test_files_and_open_uploads_fill_the_plan(runtime: Runtime, tmp_path: Path) -> None:
    who = owner("Aziza", plan="free", now=NOW)
    file = kept(who, PICTURE, "a.png", tmp_path)
    upload = _begin(who, b"", tmp_path, size=GIGABYTE - file.size, most_bytes=GIGABYTE)
    assert room.room_of(who.workspace.id, now=NOW) == room.Room(GIGABYTE, GIGABYTE)
    assert runtime.stocks["media_mb"](who.workspace.id) == 1000
    with pytest.raises(LimitReached, match="The Free plan keeps 1000 MB of files, and 1000 MB are used") as refused:
        _begin(who, b"x", tmp_path)
    assert refused.value.code == "limit_media_mb"
    assert _code(lambda: kept(who, picture("PNG"), "b.png", tmp_path)) == "limit_media_mb"
    assert kept(who, PICTURE, "the same.png", tmp_path).id == file.id, "which takes no room"
    uploads.cancel(who.workspace.id, upload.public_id, data_dir=tmp_path)
    assert _code(lambda: kept(who, picture("PNG"), "b.png", tmp_path)) == "taken"
    assert room.used_bytes(owner("Bek", now=NOW).workspace.id) == 0


def test_of_twenty_at_the_last_place_one_gets_it(runtime: Runtime, tmp_path: Path) -> None:
    assert Counter(_twenty(tmp_path)) == {"taken": 1, "limit_media_mb": 19}


def test_without_the_gate_the_plan_is_passed(runtime: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "require", lambda *_given, **_more: None)
    assert Counter(_twenty(tmp_path)) == {"taken": 20}


def _twenty(folder: Path) -> list[str]:
    who = owner("Aziza", plan="free", now=NOW)

    def announce(_: int) -> str:
        try:
            return _code(lambda: _begin(who, b"", folder, size=600_000_000, most_bytes=GIGABYTE))
        finally:
            db.database.close()

    with ThreadPoolExecutor(20) as pool:
        return list(pool.map(announce, range(20)))


def test_a_workspace_has_so_many_uploads_at_once_and_no_more(runtime: Runtime, tmp_path: Path) -> None:
    who = owner("Aziza", now=NOW)
    for _ in range(uploads.MOST_OPEN):
        last = _begin(who, b"x", tmp_path)
    assert _code(lambda: _begin(who, b"x", tmp_path)) == "too_many_uploads"
    _send(last, 0, b"x", tmp_path)
    assert _code(lambda: _begin(who, b"x", tmp_path)) == "taken"


def test_who_pays_late_adds_nothing(runtime: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room.limits, "late_of", lambda workspaces, now: set(workspaces))
    assert _code(lambda: _begin(owner("Aziza", now=NOW), b"x", tmp_path)) == "payment_late"


# ---- what nobody goes on with


def test_an_upload_that_rests_a_day_is_over_and_a_piece_gives_it_another(runtime: Runtime, tmp_path: Path) -> None:
    who = owner("Aziza", now=NOW)
    resting, going = _begin(who, PICTURE, tmp_path), _begin(who, PICTURE, tmp_path)
    later = NOW + timedelta(hours=20)
    stream = io.BytesIO(PICTURE[:9])
    uploads.receive(who.workspace.id, going.public_id, 0, stream, data_dir=tmp_path, now=later)
    assert uploads.expire(tmp_path, now=NOW + timedelta(hours=24)) == 0
    assert uploads.expire(tmp_path, now=NOW + timedelta(hours=25)) == 1
    assert (_state(resting)[0], _state(going)[0]) == ("expired", "open")
    assert [path.name for path in stored(tmp_path)] == [going.public_id]
    assert uploads.expire(tmp_path, now=later + timedelta(hours=25)) == 1 and stored(tmp_path) == []


def test_a_file_whose_upload_is_over_goes_once_it_is_old(runtime: Runtime, tmp_path: Path) -> None:
    open_one = _begin(owner("Aziza", now=NOW), PICTURE, tmp_path)
    for name, age in (("old", timedelta(hours=2)), ("young", timedelta(minutes=5)), (open_one.public_id, timedelta(9))):
        path = store.growing(tmp_path, name)
        path.touch()
        os.utime(path, ((clock.utcnow() - age).timestamp(),) * 2)
    uploads.expire(tmp_path, now=NOW)
    assert {path.name for path in stored(tmp_path)} == {"young", open_one.public_id}
