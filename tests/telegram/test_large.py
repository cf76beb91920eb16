"""Large files through a Bot API server of one's own: by HTTP or by a shared disk, once, and without memory for them.

300 MB by default; the proof at full size is MEDIA_LARGE_MB=2000.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path, PurePosixPath
from typing import Any

import httpx
import pytest

from app.boot import Runtime
from app.core import clock, ids
from app.core.errors import Upstream
from app.media.models import MediaFile
from app.media.service import content, store
from app.posting.content.blocks import Media
from app.posting.lane import run
from app.posting.service import sweeping
from app.telegram import calls, large
from app.telegram import service as telegram
from app.telegram.large import SharedDisk
from app.telegram.outgoing import Outgoing, OutgoingMedia
from app.telegram.publisher import HttpPublisher
from tests.posting.authored import ScriptedLine, deliveries, may_post, run_lane, scheduled, text
from tests.simulator.process import OWNER_ID, TOKEN, SimulatorProcess
from tests.world import Owner, owned_channel, owner
from workflows import lane

MEGABYTES = int(os.environ.get("MEDIA_LARGE_MB", "300"))
BOT_ID = int(TOKEN.split(":")[0])
NAME = "Отчёт за год.pdf"
MOST_MORE_MB = 80
pytestmark = pytest.mark.timeout(300 + MEGABYTES)


@pytest.fixture
def disk() -> Iterator[Path]:
    """A folder that is not in memory."""
    with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="analyticbot-large-") as folder:
        yield Path(folder)


@pytest.fixture
def local_server(disk: Path) -> Iterator[SimulatorProcess]:
    """A Bot API server with --local that sees our files."""
    files = store.folder(disk)
    with SimulatorProcess(disk / "sim", "--local", str(files)) as process:
        process.http.timeout = httpx.Timeout(120)
        process.api("getMe")
        process.control("users", id=OWNER_ID, first_name="Owner")
        process.control("channels", username="news", title="News", owner_id=OWNER_ID)
        process.control("promote_bot", chat="news", user_id=OWNER_ID)
        yield process


def _large_file(who: Owner, folder: Path) -> MediaFile:
    """A file of so many bytes that takes no room on the disk, as an upload leaves one."""
    grown = store.folder(folder) / "grown"
    with grown.open("wb") as file:
        file.write(b"%PDF-1.7")
        file.truncate(MEGABYTES * 1_000_000)
    sha256 = store.digest_of(grown)
    store.give_name(grown, sha256, folder)
    grown.unlink()
    return MediaFile.create(
        public_id=ids.public_id(),
        workspace=who.workspace.id,
        kind="document",
        name=NAME,
        mime="application/pdf",
        size=MEGABYTES * 1_000_000,
        sha256=sha256,
        created_by=who.user.id,
        created_at=clock.utcnow(),
    )


def _peak_mb(pid: int) -> float:
    (line,) = [one for one in Path(f"/proc/{pid}/status").read_text().splitlines() if one.startswith("VmHWM:")]
    return int(line.split()[1]) / 1000


@pytest.mark.parametrize("way", ["by HTTP", "by the shared disk"])
def test_a_large_file_goes_out_once_and_takes_no_memory(
    way: str, runtime: Runtime, local_server: SimulatorProcess, disk: Path
) -> None:
    who = owner("Aziza", telegram_user_id=42, now=clock.utcnow())
    telegram.register(runtime.sealer, token=TOKEN, username="Bot", updates="polling", now=clock.utcnow())
    chat_id = int(local_server.channel("news")["chat_id"])
    news = owned_channel(who, "News", telegram_chat_id=chat_id, now=clock.utcnow(), bot_id=BOT_ID)
    may_post(news, bot_id=BOT_ID)
    row = _large_file(who, disk)
    post = scheduled(who, replace(text("All of it"), media=(Media("document", row.public_id),)), news)
    before_mb = _peak_mb(local_server.process.pid)  # type: ignore[union-attr]
    told = _send(runtime, local_server.url, disk, files=str(store.folder(disk)) if way != "by HTTP" else "")
    more_mb = _peak_mb(local_server.process.pid) - before_mb  # type: ignore[union-attr]
    print(f"{MEGABYTES} MB {way}: the sender took {told['more_mb']:.1f} MB more, the server {more_mb:.1f} MB")
    assert (told["sent"], told["other"]) == (1, 0) and deliveries(post) == [(0, "sent", None)]
    assert told["more_mb"] < MOST_MORE_MB and more_mb < MOST_MORE_MB
    (entry,) = [entry for entry in local_server.journal() if entry["method"] == "sendDocument"]
    assert entry["result"]["document"]["file_name"] == NAME
    assert entry["result"]["document"]["file_size"] == row.size
    assert store.digest_of(disk / "sim" / "files" / row.sha256) == row.sha256
    assert list(store.folder(disk).glob("outgoing/*")) == []


def _send(runtime: Runtime, url: str, data_dir: Path, *, files: str) -> dict[str, Any]:
    environ = {**os.environ, "DATABASE_URL": runtime.settings.database_url, "DATA_DIR": str(data_dir), "DEMO": "1"}
    environ |= {"TELEGRAM_API_URL": url, "TELEGRAM_LOCAL_SERVER": "1", "TELEGRAM_LOCAL_FILES": files}
    command = [sys.executable, str(Path(__file__).with_name("sends_large.py")), str(BOT_ID)]
    environ["PYTHONPATH"] = str(Path(__file__).parents[2])
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return dict(json.loads(done.stdout.splitlines()[-1]))


def test_the_cloud_refuses_what_a_server_of_ones_own_takes(tmp_path: Path) -> None:
    """The harm of the setting without the server."""
    with (tmp_path / "a.pdf").open("wb") as file:
        file.truncate(content.MOST_BYTES + 5_000_000)
    what = Outgoing("document", media=(OutgoingMedia("document", path=str(tmp_path / "a.pdf"), name="a.pdf"),))
    with SimulatorProcess(tmp_path / "sim") as cloud:
        cloud.http.timeout = httpx.Timeout(120)
        cloud.api("getMe")
        cloud.control("users", id=OWNER_ID, first_name="Owner")
        cloud.control("channels", username="news", title="News", owner_id=OWNER_ID)
        cloud.control("promote_bot", chat="news", user_id=OWNER_ID)
        with pytest.raises(Upstream, match="Too Large"):
            HttpPublisher(TOKEN, cloud.url).send(int(cloud.channel("news")["chat_id"]), what)


# ---- the engine's patience


class _Slow(ScriptedLine):
    """What is called slow takes as long as a large file."""

    def send(self, chat_id: int, what: Outgoing) -> Any:
        self.slow_s = 7.0 if what.text == "slow" else 0.0
        return super().send(chat_id, what)


def _two_posts() -> tuple[Any, Any]:
    """One that is slow and, in another channel, one that is due while it is on its way."""
    who = owner("Aziza", telegram_user_id=42, now=clock.utcnow())
    news, other = (owned_channel(who, f"C{n}", telegram_chat_id=-1000 - n, now=clock.utcnow()) for n in range(2))
    may_post(news, other)
    later = clock.utcnow() + timedelta(seconds=5)
    return scheduled(who, text("slow"), news), scheduled(who, text("quick"), other, at=later)


def test_while_a_large_file_is_on_its_way_other_posts_go_out_in_the_same_attempt(runtime: Runtime) -> None:
    slow, quick = _two_posts()
    line = _Slow()
    report = run_lane(line, run_s=1.0)
    assert line.texts == ["quick", "slow"] and report.sent == 2
    run_lane(line, run_s=1.0)
    assert deliveries(slow) == deliveries(quick) == [(0, "sent", None)] and len(line.sent) == 2


def test_without_that_they_wait_for_the_large_file(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run.LaneRun, "_goes_on", lambda self, ran_s: ran_s < self._run_s)
    _two_posts()
    line = _Slow()
    run_lane(line, run_s=1.0)
    assert line.texts == ["slow"]


def test_an_attempt_may_take_as_long_as_the_largest_file() -> None:
    longest = run.LONGEST_S + large.patience_s(content.MOST_LOCAL_BYTES)
    assert lane._LONGEST.total_seconds() > longest
    assert large.patience_s(100_000) < large.QUICK_S + 1


def test_a_post_with_a_large_file_is_no_violation_while_it_may_be_on_its_way(
    runtime: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    who = owner("Aziza", telegram_user_id=42, now=clock.utcnow())
    news = owned_channel(who, "News", telegram_chat_id=-1001, now=clock.utcnow())
    may_post(news)
    row = _large_file(who, tmp_path)
    seen: list[int] = []
    line = ScriptedLine(before=lambda _chat, _what: seen.append(_violations()))
    scheduled(who, replace(text("All"), media=(Media("document", row.public_id),)), news)
    run_lane(line, run_s=2.0, folder=tmp_path)
    assert seen == [0]
    monkeypatch.setattr(large, "patience_s", lambda _size: 1.0)  # the harm: nobody knows by when
    scheduled(who, replace(text("More"), media=(Media("document", row.public_id),)), news)
    run_lane(line, run_s=4.0, folder=tmp_path)
    assert seen == [0, 1]


def _violations() -> int:
    """What the sweep would count seven minutes from now."""
    return sweeping.violations(now=clock.utcnow() + timedelta(minutes=7))


# ---- the shared disk


def test_an_address_stands_where_a_part_would_and_nowhere_else(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"x")
    both = tuple(OutgoingMedia("photo", path=str(tmp_path / "x"), name=f"{n}.png") for n in range(2))
    call = calls.sending(1, Outgoing("album", "attach://file0", media=both))
    told = large.by_address(call.told(), {"file0": "file:///a", "file1": "file:///b"})
    assert [item["media"] for item in told["media"]] == ["file:///a", "file:///b"]
    assert told["media"][0]["caption"] == "attach://file0", "what people write is theirs"


@pytest.mark.parametrize("name", ["a.pdf", "я" * 120 + ".pdf", "../../etc/passwd", "", ".", "no ending", "#50%.txt"])
def test_a_file_is_shown_under_its_own_name_and_gone_after(name: str, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"x")
    disk = SharedDisk(tmp_path, PurePosixPath("/srv/files"))
    with disk.shown(name, str(tmp_path / "x")) as address:
        (shown,) = (tmp_path / "outgoing").glob("*/*")
        assert shown.read_bytes() == b"x" and address.startswith("file:///srv/files/outgoing/")
        assert httpx.URL(address).path == f"/srv/files/outgoing/{shown.parent.name}/{shown.name}"
        assert shown.suffix == Path(name.replace("/", "_")).suffix
    assert list((tmp_path / "outgoing").iterdir()) == [] and (tmp_path / "x").exists()


def test_what_a_killed_process_showed_goes_after_a_day(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"x")
    with SharedDisk(tmp_path, PurePosixPath("/srv")).shown("a.pdf", str(tmp_path / "x")):
        assert large.sweep(tmp_path, now=clock.utcnow()) == 0
        os.utime(next((tmp_path / "outgoing").iterdir()), (1, 1))
        assert large.sweep(tmp_path, now=clock.utcnow()) == 1
    assert list((tmp_path / "outgoing").iterdir()) == []
