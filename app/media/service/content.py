"""What a file is, by its bytes and never by its name, and whether Telegram takes it.

Limits: core.telegram.org/bots/api "Sending files", "Using a Local Bot API Server" and "sendPhoto": by upload a photo has
at most 10 MB, any other file 50 MB, through a server of one's own 2,000 MB; a photo's width and height add up to at most
10,000 and differ at most by a factor of 20.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from app.core.errors import Invalid
from app.core.i18n import N_
from app.media.marks.bounds import Bounds
from app.media.marks.headers import gif_extent
from app.media.marks.refusal import Refusal

PHOTO, VIDEO, ANIMATION, DOCUMENT = "photo", "video", "animation", "document"
MOST_BYTES = 50_000_000
MOST_LOCAL_BYTES = 2_000_000_000
MOST_PHOTO_BYTES = 10_000_000
MOST_PIXELS = 50_000_000  # what a small file can swell to when it is drawn
_MOST_SIDES, _MOST_RATIO = 10_000, 20
_UNKNOWN = "application/octet-stream"
_READERS = ("JPEG", "PNG", "WEBP", "GIF")  # JPEG's also opens a phone's several pictures in one file, as MPO
_IMAGES = {"JPEG": "image/jpeg", "MPO": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp", "GIF": "image/gif"}
# mp4ra.org/registered-types/brands: files of the same build are also sounds (M4A) and stills (heic, avif)
_MP4 = frozenset(
    ("isom", "iso2", "iso3", "iso4", "iso5", "iso6", "iso7", "iso8", "iso9")
    + ("mp41", "mp42", "avc1", "dash", "MSNV", "M4V", "M4VH", "M4VP")
)
_HEIC = frozenset({"heic", "heix", "heim", "heis", "mif1"})
HEIC = "image/heic"
_MOV = "qt"
_BEGINS = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG\r\n\x1a\n": "image/png", b"RIFF": "image/webp"}


@dataclass(frozen=True, slots=True)
class Found:
    """A file's kind, media type, size in pixels and number of frames, as far as known."""

    kind: str
    mime: str
    width: int | None = None
    height: int | None = None
    frames: int | None = None


@dataclass(frozen=True, slots=True)
class _Image:
    format: str
    width: int
    height: int
    is_moving: bool
    frames: int | None


def most_bytes(*, is_local_server: bool) -> int:
    """The most that a bot can send: a Bot API server of one's own takes more than Telegram's."""
    return MOST_LOCAL_BYTES if is_local_server else MOST_BYTES


def look(path: Path, size: int) -> Found:
    """What a file of `size` bytes is. Raises Invalid for an empty one and for a picture of too many pixels."""
    if not size:
        raise Invalid(N_("This file is empty."), fields={"file": "empty"})
    with path.open("rb") as file:
        head = file.read(12)
    if head[4:8] == b"ftyp":
        return _container(head[8:12].decode("latin-1").strip())
    if size > MOST_PHOTO_BYTES and not head.startswith(b"GIF8"):
        return Found(DOCUMENT, _mime(head))
    image = _image(path, size)
    if image is None:
        return Found(DOCUMENT, _UNKNOWN)
    if image.width * image.height > MOST_PIXELS:
        raise _too_many_pixels()
    return Found(_kind(image, size), _IMAGES[image.format], image.width, image.height, image.frames)


def _container(brand: str) -> Found:
    if brand == _MOV:
        return Found(VIDEO, "video/quicktime")
    if brand in _HEIC:
        return Found(DOCUMENT, HEIC)  # Telegram shows it as a file
    return Found(VIDEO, "video/mp4") if brand in _MP4 else Found(DOCUMENT, _UNKNOWN)


def _mime(head: bytes) -> str:
    """Of a file too large to be a photo, which is not opened here: some readers take a whole file into memory for its size."""
    if head.startswith(b"RIFF") and head[8:12] != b"WEBP":
        return _UNKNOWN
    return next((mime for begin, mime in _BEGINS.items() if head.startswith(begin)), _UNKNOWN)


def _image(path: Path, size: int) -> _Image | None:
    """What the header says of a picture; nothing is decoded. None for what no reader knows or what breaks one."""
    from PIL import Image  # only who sends a file needs it: half a second and 10 MiB of the web process

    try:
        with Image.open(path, formats=_READERS) as image:
            moving = image.format in ("PNG", "WEBP") and bool(getattr(image, "is_animated", False))
            frames = (
                _gif_frames(path, size)
                if image.format == "GIF"
                else int(getattr(image, "n_frames", 1))
                if moving
                else None
            )
            return _Image(str(image.format), image.width, image.height, moving, frames)
    except Image.DecompressionBombError as error:
        raise _too_many_pixels() from error
    except (OSError, ValueError, EOFError, OverflowError, MemoryError):
        return None


def _gif_frames(path: Path, size: int) -> int | None:
    """Counted by the file's blocks, to one more than a mark can stand on; Pillow would go through all of them."""
    if size > MOST_BYTES:
        return None
    try:
        return gif_extent(path, Bounds()).frames
    except Refusal:
        return None


def _kind(image: _Image, size: int) -> str:
    """Telegram would show a moving PNG or WebP as a still: it goes as a document."""
    if image.format == "GIF":
        return ANIMATION
    short, long = sorted((image.width, image.height))
    fits = size <= MOST_PHOTO_BYTES and short + long <= _MOST_SIDES and long <= short * _MOST_RATIO
    return PHOTO if fits and not image.is_moving else DOCUMENT


def _too_many_pixels() -> Invalid:
    return Invalid(
        N_("This picture has more than %(most)s million pixels."),
        most=MOST_PIXELS // 1_000_000,
        fields={"file": "pixels"},
    )
