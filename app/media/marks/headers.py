"""Sizes that the readers would find only while they decode: a GIF's frames, a HEIC's pictures."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from app.media.marks.bounds import Bounds
from app.media.marks.refusal import damaged

_MOST_META = 4_000_000
_MOST_DEPTH = 6


@dataclass(frozen=True, slots=True)
class Extent:
    """Pixels of the whole and how many frames there are."""

    width: int
    height: int
    frames: int


def gif_extent(path: Path, bounds: Bounds) -> Extent:
    """The smallest picture that holds every frame (readers grow to it), counted up to one frame over the bound.

    GIF89a, w3.org/Graphics/GIF/spec-gif89a.txt, sections 18 to 25.
    """
    with path.open("rb") as file:
        head = _exactly(file, 13)
        width, height = struct.unpack_from("<HH", head, 6)
        _skip_colors(file, head[10])
        frames = 0
        while frames <= bounds.frames and (block := file.read(1)) not in (b"", b";"):
            if block == b"!":
                _exactly(file, 1)
                _skip_blocks(file)
            elif block == b",":
                left, top, wide, high, flags = struct.unpack("<HHHHB", _exactly(file, 9))
                width, height, frames = max(width, left + wide), max(height, top + high), frames + 1
                _skip_colors(file, flags)
                _exactly(file, 1)
                _skip_blocks(file)
            else:
                break  # readers ignore what follows the last block they know
    return Extent(width, height, frames)


def _skip_colors(file: IO[bytes], flags: int) -> None:
    if flags & 0x80:
        _exactly(file, 3 << ((flags & 7) + 1))


def _skip_blocks(file: IO[bytes]) -> None:
    while size := file.read(1):
        if size == b"\0":
            return
        file.seek(size[0], 1)


def heic_extent(path: Path) -> Extent:
    """The largest picture that the file describes (`ispe`, ISO/IEC 23008-12 6.5.3), tiles and thumbnails included."""
    sizes = [struct.unpack_from(">II", body, 4) for body in _described(path, b"ispe") if len(body) >= 12]
    if not sizes:
        raise damaged()
    width, height = max(sizes, key=lambda size: size[0] * size[1])
    return Extent(width, height, 1)


def heic_profile(path: Path) -> bytes | None:
    """The colour profile (`colr`, ISO/IEC 14496-12 12.1.5), which ImageMagick 6.9.11 does not hand over."""
    profiles = (body[4:] for body in _described(path, b"colr") if body[:4] in (b"prof", b"rICC"))
    return next(profiles, None)


def _described(path: Path, name: bytes) -> list[bytes]:
    """The properties of this name of all pictures in the file."""
    with path.open("rb") as file:
        return list(_below(_meta(file), name, 0))


def _meta(file: IO[bytes]) -> bytes:
    while len(head := file.read(8)) == 8:
        size, name = struct.unpack(">I4s", head)
        if name == b"meta":
            if not 12 <= size <= _MOST_META:
                raise damaged()
            return _exactly(file, size - 8)[4:]
        if size < 8:
            break
        file.seek(size - 8, 1)
    raise damaged()


def _below(content: bytes, wanted: bytes, depth: int) -> Iterator[bytes]:
    for name, body in _boxes(content):
        if name == wanted:
            yield body
        elif name in (b"iprp", b"ipco") and depth < _MOST_DEPTH:
            yield from _below(body, wanted, depth + 1)


def _boxes(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at + 8 <= len(content):
        size, name = struct.unpack_from(">I4s", content, at)
        if size < 8 or at + size > len(content):
            return
        yield name, content[at + 8 : at + size]
        at += size


def _exactly(file: IO[bytes], count: int) -> bytes:
    content = file.read(count)
    if len(content) < count:
        raise damaged()
    return content
