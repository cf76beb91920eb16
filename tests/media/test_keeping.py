"""Which kind a file is, what is refused, and what lies on the disk afterwards."""

from __future__ import annotations

import io
import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, cast

import pytest

from app.boot import Runtime
from app.core import clock, db
from app.core.errors import Invalid
from app.core.tenancy import ScopeError, unscoped
from app.media import queries
from app.media.models import MediaCopy, MediaFile
from app.media.service import content, keep, path_of, store, sweep_parts
from tests.conftest import NOW
from tests.media.files import container, kept, large_png, parts, picture, stored
from tests.world import owner

KINDS = {
    "a JPEG": (picture("JPEG"), "photo", "image/jpeg", (40, 30)),
    "a phone's several pictures": (picture("MPO", frames=2), "photo", "image/jpeg", (40, 30)),
    "a PNG": (picture("PNG"), "photo", "image/png", (40, 30)),
    "a WebP": (picture("WEBP"), "photo", "image/webp", (40, 30)),
    "a moving PNG": (picture("PNG", frames=3), "document", "image/png", (40, 30)),
    "a moving WebP": (picture("WEBP", frames=3), "document", "image/webp", (40, 30)),
    "a GIF": (picture("GIF", frames=3), "animation", "image/gif", (40, 30)),
    "the longest photo": (picture("PNG", 20, 400), "photo", "image/png", (20, 400)),
    "one pixel too long": (picture("PNG", 20, 401), "document", "image/png", (20, 401)),
    "the widest photo": (large_png(9000, 1000), "photo", "image/png", (9000, 1000)),
    "one pixel too wide": (large_png(9000, 1001), "document", "image/png", (9000, 1001)),
    "a photo of 10 MB": (picture("JPEG").ljust(10_000_000, b"\0"), "photo", "image/jpeg", (40, 30)),
    "a photo of a byte more": (picture("JPEG").ljust(10_000_001, b"\0"), "document", "image/jpeg", (None, None)),
    "an MP4": (container(b"isom"), "video", "video/mp4", (None, None)),
    "a MOV": (container(b"qt  "), "video", "video/quicktime", (None, None)),
    "a sound": (container(b"M4A "), "document", "application/octet-stream", (None, None)),
    "a still of an iPhone": (container(b"heic"), "document", "image/heic", (None, None)),
    "a broken picture": (picture("PNG")[:20], "document", "application/octet-stream", (None, None)),
    "a page called .jpg": (b"<html><script>alert(1)</script>", "document", "application/octet-stream", (None, None)),
    "one byte": (b"x", "document", "application/octet-stream", (None, None)),
}


@pytest.mark.parametrize("what", KINDS)
def test_a_file_is_what_its_bytes_are(tmp_path: Path, what: str) -> None:
    given, kind, mime, size = KINDS[what]
    path = tmp_path / "photo.jpg"
    path.write_bytes(given)
    found = content.look(path, len(given))
    assert (found.kind, found.mime, (found.width, found.height)) == (kind, mime, size)


def test_a_file_lies_under_its_hash_for_our_eyes_only(runtime: Runtime, tmp_path: Path) -> None:
    os.umask(0o022)
    row = kept(owner("Aziza", now=NOW), picture("PNG"), "Весна.png", tmp_path)
    (path,) = stored(tmp_path)
    assert path == path_of(tmp_path, row.sha256) and path.read_bytes() == picture("PNG")
    assert (row.name, row.size, row.kind, row.created_at) == ("Весна.png", len(picture("PNG")), "photo", NOW)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert {stat.S_IMODE(p.stat().st_mode) for p in (path.parent, path.parent.parent)} == {0o700}


def test_the_same_bytes_twice_are_one_file_and_each_workspace_has_its_own(runtime: Runtime, tmp_path: Path) -> None:
    aziza, bek = owner("Aziza", now=NOW), owner("Bek", now=NOW)
    first, again = (kept(aziza, picture("PNG"), name, tmp_path) for name in ("a.png", "b.png"))
    his = kept(bek, picture("PNG"), "c.png", tmp_path)
    assert (first.id, again.name) == (again.id, "a.png")
    assert his.public_id != first.public_id and his.name == "c.png"
    assert len(stored(tmp_path)) == 1
    assert kept(aziza, picture("PNG", shade=9), "d.png", tmp_path).id != first.id


def test_bytes_that_were_lost_come_back_with_the_next_upload(runtime: Runtime, tmp_path: Path) -> None:
    who = owner("Aziza", now=NOW)
    row = kept(who, picture("PNG"), "a.png", tmp_path)
    path_of(tmp_path, row.sha256).unlink()
    assert kept(who, picture("PNG"), "a.png", tmp_path).id == row.id
    assert path_of(tmp_path, row.sha256).exists()


def test_after_a_deletion_the_same_bytes_are_a_new_file(runtime: Runtime, tmp_path: Path) -> None:
    who = owner("Aziza", now=NOW)
    row = kept(who, picture("PNG"), "a.png", tmp_path)
    db.execute("UPDATE media_file SET deleted_at = ? WHERE id = ?", db.stamp(NOW), row.id)
    assert queries.file_of(who.workspace.id, row.public_id) is None
    again = kept(who, picture("PNG"), "b.png", tmp_path)
    assert again.id != row.id and set(queries.files_of(who.workspace.id, [row.public_id, again.public_id])) == {
        again.public_id
    }


def test_ten_who_send_the_same_at_once_get_one_file(runtime: Runtime, tmp_path: Path) -> None:
    who = owner("Aziza", now=NOW)

    def send(_: int) -> int:
        try:
            return int(kept(who, picture("PNG"), "a.png", tmp_path).id)
        finally:
            db.database.close()

    with ThreadPoolExecutor(10) as pool:
        assert len(set(pool.map(send, range(10)))) == 1
    assert db.row("SELECT COUNT(*) FROM media_file") == (1,) and len(stored(tmp_path)) == 1


REFUSED = {
    "an empty file": (b"", "empty", "This file is empty."),
    "a bomb": (large_png(10_000, 5_001), "pixels", "This picture has more than 50 million pixels."),
    "a bomb that no reader opens": (large_png(60_000, 60_000), "pixels", "more than 50 million pixels."),
    "a file over 50 MB": (bytes(50_000_001), "size", "larger than 50 MB"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_refused_leaves_nothing(runtime: Runtime, tmp_path: Path, what: str) -> None:
    given, word, sentence = REFUSED[what]
    with pytest.raises(Invalid) as refusal:
        kept(owner("Aziza", now=NOW), given, "a.png", tmp_path)
    assert refusal.value.fields == {"file": word} and sentence in refusal.value.message
    assert stored(tmp_path) == [] and db.row("SELECT COUNT(*) FROM media_file") == (0,)


def test_without_the_guard_a_few_bytes_that_swell_to_270_mb_would_be_kept(
    runtime: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(content, "MOST_PIXELS", 10**12)
    row = kept(owner("Aziza", now=NOW), large_png(10_000, 9_000), "a.png", tmp_path)
    assert row.size < 100 and row.width * row.height * 3 == 270_000_000


class _BreaksOff(io.BytesIO):
    def read(self, size: int | None = -1, /) -> bytes:
        if self.tell():
            raise ConnectionError
        return super().read(8)


def test_an_upload_that_breaks_off_leaves_nothing(runtime: Runtime, tmp_path: Path) -> None:
    who = owner("Aziza", now=NOW)
    with pytest.raises(ConnectionError):
        stream = cast(IO[bytes], _BreaksOff(picture("PNG")))
        keep(who.workspace.id, stream, "a.png", data_dir=tmp_path, user_id=who.user.id, now=NOW)
    assert stored(tmp_path) == []


def test_the_sweep_takes_what_a_killed_process_left_and_nothing_else(runtime: Runtime, tmp_path: Path) -> None:
    now: datetime = clock.utcnow()
    kept(owner("Aziza", now=NOW), picture("PNG"), "a.png", tmp_path)
    for name, age in (("old.part", timedelta(hours=2)), ("young.part", timedelta(minutes=5))):
        path = store.folder(tmp_path) / name
        path.write_bytes(b"half")
        os.utime(path, ((now - age).timestamp(),) * 2)
    assert sweep_parts(tmp_path, now=now) == 1
    assert [path.name for path in parts(tmp_path)] == ["young.part"] and len(stored(tmp_path)) == 2


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("/etc/passwd", "passwd"),
        ("C:\\Users\\Aziza\\отчёт.pdf", "отчёт.pdf"),
        ("../..", "file"),
        ("photo\u202egpj.exe\r\n", "photogpj.exe"),
        ("x" * 200 + ".jpeg", "x" * 115 + ".jpeg"),
        ("a." + "y" * 200, "a." + "y" * 118),
    ],
)
def test_a_name_is_no_path_and_hides_nothing(runtime: Runtime, tmp_path: Path, given: str, name: str) -> None:
    row = kept(owner("Aziza", now=NOW), b"bytes", given, tmp_path)
    assert row.name[:100] == name[:100] and len(row.name) <= 120 and row.name.endswith(name[-5:])


def test_a_query_without_its_workspace_raises_and_without_the_guard_it_would_show_strangers(
    runtime: Runtime, tmp_path: Path
) -> None:
    for name in ("Aziza", "Bek"):
        kept(owner(name, now=NOW), picture("PNG"), "a.png", tmp_path)
    with pytest.raises(ScopeError):
        list(MediaFile.select())
    with pytest.raises(ScopeError):
        list(MediaCopy.select())
    with unscoped("the harm, shown"):
        assert len(list(MediaFile.select())) == 2


@pytest.mark.parametrize("head", [b"RIFF\xf8\xff\xff\x3fWEBPVP8 ", large_png(40, 30)[:33] + b"\x3f\xff\xff\x00prIV"])
def test_a_large_file_that_begins_like_a_picture_is_not_read_into_memory(tmp_path: Path, head: bytes) -> None:
    """Their readers take all of it at once: a chunk, or a whole WebP."""
    path, size = tmp_path / "large", 600_000_000
    with path.open("wb") as file:
        file.write(head)
        file.truncate(size)  # a hole: it takes no room
    code = (
        "import resource, sys; from pathlib import Path; from app.media.service import content;"
        "import PIL.Image, PIL.PngImagePlugin, PIL.WebPImagePlugin;"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss; content.look(Path(sys.argv[1]), int(sys.argv[2]));"
        "print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path), str(size)], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) < 50, "MB"
