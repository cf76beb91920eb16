"""What a file is, by its first bytes and never by its name."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from app.media.marks.refusal import N_, Refusal


class Kind(StrEnum):
    JPEG = "jpeg"
    PNG = "png"
    WEBP = "webp"
    GIF = "gif"
    HEIC = "heic"
    MP4 = "mp4"
    MOV = "mov"

    @property
    def is_video(self) -> bool:
        return self in (Kind.MP4, Kind.MOV)

    @property
    def mime(self) -> str:
        return {Kind.MP4: "video/mp4", Kind.MOV: "video/quicktime"}.get(self, f"image/{self.value}")


# mp4ra.org/registered-types/brands, read 2026-11: sounds (M4A) and AVIF are of the same build and are not taken
_HEIC = frozenset((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"))
_MP4 = frozenset(
    (b"isom", b"iso2", b"iso3", b"iso4", b"iso5", b"iso6", b"iso7", b"iso8", b"iso9", b"mp41", b"mp42", b"avc1")
    + (b"dash", b"MSNV", b"M4V ", b"M4VH", b"M4VP", b"3gp4", b"3gp5", b"3gp6")
)
_MOV_BEGINNINGS = frozenset((b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"))  # QuickTime of before `ftyp`


def kind_of(path: Path) -> Kind:
    """Raises Refusal for a file of no kind that we work on."""
    with path.open("rb") as file:
        head = file.read(16)
    found = _picture(head) or _container(head)
    if found is None:
        raise Refusal(
            N_(
                "We work on JPEG, PNG, WebP, GIF and HEIC pictures and on MP4 and MOV videos; this file is none of them."
            ),
            "kind",
        )
    return found


def _picture(head: bytes) -> Kind | None:
    if head.startswith(b"\xff\xd8\xff"):
        return Kind.JPEG
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return Kind.PNG
    if head[:6] in (b"GIF87a", b"GIF89a"):
        return Kind.GIF
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return Kind.WEBP
    return None


def _container(head: bytes) -> Kind | None:
    if head[4:8] in _MOV_BEGINNINGS:
        return Kind.MOV
    if head[4:8] != b"ftyp":
        return None
    brand = head[8:12]
    if brand in _HEIC:
        return Kind.HEIC
    if brand == b"qt  ":
        return Kind.MOV
    return Kind.MP4 if brand in _MP4 else None
