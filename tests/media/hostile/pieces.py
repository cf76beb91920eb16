"""What hostile files are built of."""

from __future__ import annotations

import io
import random
import struct
import subprocess
import zlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from PIL import Image

PNG = b"\x89PNG\r\n\x1a\n"


def png_chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png(width: int, height: int, *more: bytes, pixels: bytes | None = None, depth: int = 8, kind: int = 2) -> bytes:
    """A PNG that says it is so large, with chunks between header and pixels."""
    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    data = b"" if pixels is None else png_chunk(b"IDAT", pixels)
    return PNG + png_chunk(b"IHDR", header) + b"".join(more) + data + png_chunk(b"IEND", b"")


def bomb(width: int, height: int) -> bytes:
    """A PNG that truly holds all of its grey pixels."""
    row, packer = b"\0" * (width // 8 + 1), zlib.compressobj(9)
    pixels = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    return png(width, height, pixels=pixels, depth=1, kind=0)


def scene(width: int = 240, height: int = 160, mode: str = "RGB") -> Image.Image:
    """A picture with edges and slopes, of no colour that a canary has."""
    across = Image.linear_gradient("L").resize((width, height))
    down = Image.linear_gradient("L").rotate(90).resize((width, height))
    picture = Image.merge("RGB", (across.point(lambda v: v // 2), down, across.point(lambda v: 90 + v // 4)))
    return picture.convert(mode)


def saved(image: Image.Image, kind: str, **how: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **how)
    return out.getvalue()


def frames(count: int, width: int, height: int, kind: str, **how: Any) -> bytes:
    """A moving picture whose frames differ by a few pixels."""
    first = Image.new("P", (width, height))
    first.putpalette([level for level in range(256) for _channel in range(3)])
    others = []
    for nth in range(1, count):
        frame = first.copy()
        frame.putpixel((nth % width, nth // width % height), 1 + nth % 200)
        others.append(frame)
    if kind != "GIF":
        first, others = first.convert("RGB"), [frame.convert("RGB") for frame in others]
    return saved(first, kind, save_all=True, append_images=others, **how)


def gif(screen: tuple[int, int], *blocks: bytes) -> bytes:
    return b"GIF89a" + struct.pack("<HHBBB", *screen, 0x80, 0, 0) + bytes(6) + b"".join(blocks) + b";"


def gif_frame(left: int, top: int, width: int, height: int, data: bytes = b"\x02\x02\x44\x01\x00") -> bytes:
    return b"," + struct.pack("<HHHHB", left, top, width, height, 0) + data


def box(name: bytes, *content: bytes) -> bytes:
    body = b"".join(content)
    return struct.pack(">I", 8 + len(body)) + name + body


def noise(size: int) -> bytes:
    return random.Random(6).randbytes(size)


@cache
def clip(*how: str, seconds: str = "1", size: str = "160x120", sound: bool = True, suffix: str = "mp4") -> bytes:
    """A small video of ffmpeg's test picture, less its blue (a canary is magenta), with a tone."""
    tone = ("-f", "lavfi", "-i", f"sine=440:duration={seconds}") if sound else ()
    picture = ("-f", "lavfi", "-i", f"testsrc2=size={size}:rate=15:duration={seconds},lutrgb=b=val*0.55")
    plain = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac")
    return made([*picture, *tone, *plain, *how], suffix)


def made(line: Iterable[str], suffix: str) -> bytes:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / f"made.{suffix}"
        subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-y", *line, str(target)], check=True)
        return target.read_bytes()


@cache
def heic(width: int = 240, height: int = 160) -> bytes:
    """By ImageMagick, where its own policy lets it write."""
    from wand.image import Image as Magick

    with Magick(blob=saved(scene(width, height), "PNG")) as picture:
        picture.format = "heic"
        return bytes(picture.make_blob())


def patched(content: bytes, name: bytes, at: int, new: bytes, *, nth: int = 0) -> bytes:
    """`new` written `at` bytes behind the n-th occurrence of a box's name."""
    where = -1
    for _ in range(nth + 1):
        where = content.index(name, where + 1)
    start = where + len(name) + at
    return content[:start] + new + content[start + len(new) :]
