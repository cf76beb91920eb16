"""A canary that must never be read, and a server that must never be called."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from PIL import Image

from tests.media.hostile.corpus import Bait
from tests.media.hostile.pieces import made

CANARY = "CANARY-7f3a91"
MAGENTA = (255, 0, 255)


@dataclass
class Server:
    """Listens on loopback and remembers who came."""

    address: str
    callers: list[tuple[str, int]] = field(default_factory=list)


@pytest.fixture
def server() -> Iterator[Server]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        found = Server(f"http://127.0.0.1:{listening.getsockname()[1]}")

        def answer() -> None:
            while True:
                try:
                    caller, address = listening.accept()
                except OSError:
                    return
                found.callers.append(address)
                caller.close()

        threading.Thread(target=answer, daemon=True).start()
        yield found
        listening.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def bait(server: Server, tmp_path: Path) -> Bait:
    """Files next door to the work, each readable by this user, of a colour and a word that nothing else has."""
    folder = tmp_path / "private"
    folder.mkdir()
    found = Bait(folder / "canary.txt", folder / "canary.png", folder / "canary.mp4", server.address)
    found.text.write_text(CANARY)
    Image.new("RGB", (64, 64), MAGENTA).save(found.picture)
    line = ["-f", "lavfi", "-i", "color=magenta:size=160x120:rate=15:duration=1", "-pix_fmt", "yuv420p"]
    found.video.write_bytes(made([*line, "-c:v", "libx264", "-preset", "ultrafast"], "mp4"))
    for path in (found.text, found.picture, found.video):
        os.utime(path, (1, path.stat().st_mtime))  # the next read moves the first of the two
    return found
