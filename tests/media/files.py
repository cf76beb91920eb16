"""Tiny files of each kind, and where a workspace's lie."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

from PIL import Image

from app.core.uploads import PART
from app.media.models import MediaFile
from app.media.service import keep
from tests.conftest import NOW
from tests.world import Owner


def picture(kind: str, width: int = 40, height: int = 30, *, shade: int = 0, frames: int = 1) -> bytes:
    """A picture of Pillow's `kind`; with several frames it moves."""
    drawn = [Image.new("RGB", (width, height), (shade, 40 * n, 200)) for n in range(frames)]
    out = io.BytesIO()
    more = {"save_all": True, "append_images": drawn[1:]} if frames > 1 else {}
    drawn[0].save(out, kind, **more)
    return out.getvalue()


def large_png(width: int, height: int) -> bytes:
    """A PNG that says it is so large; of its pixels there is nothing."""
    header = struct.pack(">II", width, height) + b"\x08\x02\x00\x00\x00"
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", b"")


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def container(brand: bytes) -> bytes:
    """The beginning of an ISO base media file (MP4, MOV, HEIC, M4A …)."""
    return struct.pack(">I", 16) + b"ftyp" + brand + bytes(4) + struct.pack(">I", 8) + b"mdat"


def kept(who: Owner, content: bytes, name: str, data_dir: Path) -> MediaFile:
    return keep(who.workspace.id, io.BytesIO(content), name, data_dir=data_dir, user_id=who.user.id, now=NOW)


def stored(data_dir: Path) -> list[Path]:
    return [path for path in (data_dir / "media").rglob("*") if path.is_file()]


def parts(data_dir: Path) -> list[Path]:
    return [path for path in stored(data_dir) if path.suffix == PART]
