"""A large file from a Bot API server of one's own into an archive: by HTTP or by a shared disk, without memory for it.

300 MB by default; the proof at full size is MEDIA_LARGE_MB=2000.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from app.core import clock
from app.media.models import MediaFile
from app.media.service import content, store
from app.protection.archive.models import ArchivedFile
from app.protection.archive.service import filling
from tests.protection.archive.conftest import Scene

MEGABYTES = int(os.environ.get("MEDIA_LARGE_MB", "300"))
MOST_MORE_MB = 80
PLACE = "/srv/media"
pytestmark = pytest.mark.timeout(300 + MEGABYTES)


@pytest.fixture
def disk() -> Iterator[Path]:
    """A folder that is not in memory."""
    with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="analyticbot-large-") as folder:
        yield Path(folder)


@pytest.fixture
def film(disk: Path) -> Path:
    """A file of so many bytes that takes no room on the disk, where the server keeps it."""
    path = store.folder(disk) / "server" / "film.mp4"
    path.parent.mkdir()
    with path.open("wb") as file:
        file.write(b"\0\0\0\x18ftypmp42")
        file.truncate(MEGABYTES * 1_000_000)
    return path


@pytest.fixture(params=["by HTTP", "by the shared disk"])
def seen_at(request: pytest.FixtureRequest) -> str:
    return "" if request.param == "by HTTP" else PLACE


@pytest.fixture
def server(film: Path, seen_at: str) -> Iterator[str]:
    """getFile and the file itself, as a Bot API server gives them; returns its address."""
    told = f"{PLACE}/server/film.mp4" if seen_at else "videos/film.mp4"

    class Answers(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self._answer(json.dumps({"ok": True, "result": {"file_id": "v", "file_path": told}}).encode())

        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(film.stat().st_size))
            self.end_headers()
            with film.open("rb") as file:
                self.wfile.flush()
                self.connection.sendfile(file)

        def _answer(self, body: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as http:
        thread = threading.Thread(target=http.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{http.server_port}"
        http.shutdown()
        thread.join(10)


def test_a_large_file_comes_into_the_archive_and_takes_no_memory(
    scene: Scene, disk: Path, film: Path, server: str, seen_at: str
) -> None:
    size = film.stat().st_size
    scene.told(caption="All of it", video={"file_id": "v", "file_unique_id": "uv", "file_size": size})
    bound = filling.most_bytes(is_local_server=True)
    filling.fill(scene.kept(), is_over=lambda: False, most_bytes=bound, now=clock.utcnow())
    environ = {**os.environ, "DATABASE_URL": scene.runtime.settings.database_url, "DATA_DIR": str(disk), "DEMO": "1"}
    environ["PYTHONPATH"] = str(Path(__file__).parents[3])
    command = [sys.executable, str(Path(__file__).with_name("fetches_large.py")), server, seen_at]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads(done.stdout.splitlines()[-1])
    print(f"{MEGABYTES} MB {seen_at or 'by HTTP'}: {told['more_mb']:.1f} MB more")
    assert told["came"] == 1 and told["more_mb"] < MOST_MORE_MB and size > content.MOST_BYTES
    mine = scene.who.workspace.id
    (kept,) = MediaFile.select().where(MediaFile.workspace == mine)
    (file,) = ArchivedFile.select().where(ArchivedFile.workspace == mine)
    assert (file.state, file.file, kept.size) == ("kept", kept.public_id, size)
    assert store.digest_of(store.path_of(disk, kept.sha256)) == kept.sha256 == store.digest_of(film)
    assert list(store.folder(disk).glob("*.part")) == [] and film.exists()
