"""Files by the Bot API: their bytes, or in which way there are none."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import httpx
import pytest

from app.core.errors import Upstream
from app.protection.archive.service.filling import MOST_BYTES
from app.protection.archive.sources.bot_files import TOO_BIG, BotFiles
from app.telegram.large import SharedDisk
from app.telegram.outgoing import Outgoing, OutgoingMedia
from app.telegram.publisher import HttpPublisher
from tests.media.files import picture
from tests.simulator.process import OWNER_ID, TOKEN, SimulatorProcess


@pytest.fixture(scope="module")
def sim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatorProcess]:
    with SimulatorProcess(tmp_path_factory.mktemp("files") / "sim") as running:
        running.api("getMe")
        running.control("users", id=OWNER_ID, first_name="Owner")
        running.control("channels", username="mine", title="Mine", owner_id=OWNER_ID)
        running.control("promote_bot", chat="mine", user_id=OWNER_ID)
        yield running


@pytest.fixture
def files(sim: SimulatorProcess) -> Iterator[BotFiles]:
    with httpx.Client(trust_env=False) as client:
        yield BotFiles(client, TOKEN, sim.url)


def sent(sim: SimulatorProcess, folder: Path, content: bytes, kind: str, name: str) -> str:
    path = folder / name
    path.write_bytes(content)
    line = HttpPublisher(TOKEN, sim.url)
    (message,) = line.send(
        int(sim.channel("mine")["chat_id"]), Outgoing(kind, media=(OutgoingMedia(kind, path=str(path), name=name),))
    )
    return message.file_id


def test_a_files_bytes_come_whole(sim: SimulatorProcess, files: BotFiles, tmp_path: Path) -> None:
    into, content = io.BytesIO(), picture("PNG")
    path = files.fetch(sent(sim, tmp_path, content, "document", "a.png"), into, most_bytes=MOST_BYTES)
    assert into.getvalue() == content and path.endswith(".png")


def test_an_unknown_id_is_refused_for_good(files: BotFiles) -> None:
    with pytest.raises(Upstream) as refused:
        files.fetch("nothing", io.BytesIO(), most_bytes=MOST_BYTES)
    assert refused.value.permanent and "file_id" in refused.value.message


def test_what_is_too_large_is_said_to_be(sim: SimulatorProcess, files: BotFiles, tmp_path: Path) -> None:
    with pytest.raises(Upstream, match=TOO_BIG) as told:
        files.fetch(
            sent(sim, tmp_path, bytes(MOST_BYTES + 1), "document", "b.bin"), io.BytesIO(), most_bytes=MOST_BYTES
        )
    assert told.value.permanent
    with pytest.raises(Upstream, match=TOO_BIG):
        files.fetch(sent(sim, tmp_path, bytes(5_000), "document", "c.bin"), io.BytesIO(), most_bytes=4_999)


def test_silence_is_no_refusal(tmp_path: Path) -> None:
    with httpx.Client(trust_env=False) as client, pytest.raises(Upstream) as told:
        BotFiles(client, TOKEN, "http://127.0.0.1:9").fetch("x", io.BytesIO(), most_bytes=1)
    assert not told.value.permanent and TOKEN not in told.value.message


PLACE = PurePosixPath("/srv/media")


@dataclass
class LocalServer:
    """A Bot API server with --local, which names a file by where it lies."""

    path: str

    def __call__(self, _request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"ok": True, "result": {"file_id": "a", "file_path": self.path}})


@pytest.fixture
def disk(tmp_path: Path) -> SharedDisk:
    inner = tmp_path / "media" / "server" / "7:x"
    inner.mkdir(parents=True)
    (inner / "file_0.png").write_bytes(b"bytes of it")
    (tmp_path / "secret").write_bytes(b"not to be read")
    (inner / "link").symlink_to(tmp_path / "secret")
    return SharedDisk(tmp_path / "media", PLACE)


def by_both(path: str, disk: SharedDisk | None, most_bytes: int) -> list[bytes | Upstream]:
    """What the archive and the pictures of emoji get of a file at a path of the server's."""
    with httpx.Client(transport=httpx.MockTransport(LocalServer(path))) as client:
        archive, into, line = (
            BotFiles(client, TOKEN, "http://here", disk),
            io.BytesIO(),
            HttpPublisher(TOKEN, "http://here", disk),
        )
        line._client = client
        found: list[bytes | Upstream] = []
        try:
            archive.fetch("a", into, most_bytes=most_bytes)
            found.append(into.getvalue())
        except Upstream as error:
            found.append(error)
        try:
            found.append(line.download("a", most_bytes=most_bytes))
        except Upstream as error:
            found.append(error)
    return found


def test_a_file_of_a_local_server_is_read_where_it_lies(disk: SharedDisk) -> None:
    assert by_both("/srv/media/server/7:x/file_0.png", disk, 100) == [b"bytes of it"] * 2
    for error in by_both("/srv/media/server/7:x/file_0.png", disk, 5):
        assert isinstance(error, Upstream) and error.permanent


@pytest.mark.parametrize(
    "path",
    [
        "/var/lib/telegram-bot-api/7:x/file_0.png",
        "/srv/media/../secret",
        "/srv/media/server/7:x/link",
        "/srv/media/server/none.png",
        "/srv/mediaother/file_0.png",
    ],
)
def test_a_path_outside_of_the_shared_folder_is_never_read_and_tried_again(disk: SharedDisk, path: str) -> None:
    for error in [*by_both(path, disk, 100), *by_both(path, None, 100)]:
        assert isinstance(error, Upstream) and not error.permanent and error.retry_after_s
        assert "TELEGRAM_LOCAL_FILES" in error.message and TOKEN not in error.message
