"""Pictures opened: kind and size are checked before a pixel is decoded, and what comes out is upright."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image, ImageFile, ImageOps

from app.media.marks import headers
from app.media.marks.bounds import Bounds
from app.media.marks.kinds import Kind, kind_of
from app.media.marks.refusal import N_, Refusal, damaged, too_many_pixels

# JPEG's reader also opens a phone's several pictures in one file, as MPO
_READERS = {Kind.JPEG: ("JPEG", "MPO"), Kind.PNG: ("PNG",), Kind.WEBP: ("WEBP",), Kind.GIF: ("GIF",)}
_DECODERS_FAULTS = (OSError, ValueError, SyntaxError, EOFError, OverflowError, IndexError, KeyError, TypeError)
_ORIENTATION = 0x0112
_MOST_PROFILE = 1_000_000


@contextmanager
def opened(path: Path, bounds: Bounds) -> Iterator[Image.Image]:
    """A picture, not decoded yet. Raises Refusal for what is no picture, too large, or turns out to be damaged."""
    kind = kind_of(path)
    if kind.is_video:
        raise Refusal(N_("This is a video, not a picture."), "kind")
    with decoding(bounds):
        image = _opened(path, kind, bounds)
        bounds.check_picture(image.width, image.height, frames_of(image))
    with image:
        yield image


def _opened(path: Path, kind: Kind, bounds: Bounds) -> Image.Image:
    if kind is Kind.HEIC:
        from app.media.marks import heic  # loads ImageMagick, for this kind alone

        return heic.read(path, bounds)
    if kind is Kind.GIF:
        extent = headers.gif_extent(path, bounds)
        bounds.check_picture(extent.width, extent.height, extent.frames)
    return Image.open(path, formats=_READERS[kind])


@contextmanager
def decoding(bounds: Bounds = Bounds()) -> Iterator[None]:  # noqa: B008 - frozen
    """Whatever a reader trips over is a damaged file: readers raise nearly anything for one (python-pillow #5148)."""
    try:
        yield
    except Image.DecompressionBombError as error:
        raise too_many_pixels(bounds.pixels) from error
    except _DECODERS_FAULTS as error:
        raise damaged() from error


def frames_of(image: Image.Image) -> int:
    """How many pictures are shown one after the other; a phone's several pictures in one file count as one."""
    return 1 if image.format == "MPO" else int(getattr(image, "n_frames", 1))


def upright(image: Image.Image) -> Image.Image:
    """The picture, decoded, as its EXIF orientation says that it stands. Raises Refusal when it is damaged."""
    with decoding():
        image.load()
        is_turned = isinstance(image, ImageFile.ImageFile) and image.getexif().get(_ORIENTATION, 1) != 1
        return ImageOps.exif_transpose(image) if is_turned else image  # it would copy what stands upright already


def is_on_its_side(image: Image.Image) -> bool:
    """Whether its EXIF orientation swaps width and height."""
    return isinstance(image, ImageFile.ImageFile) and image.getexif().get(_ORIENTATION, 1) in (5, 6, 7, 8)


def profile_of(image: Image.Image) -> bytes | None:
    """The colour profile; none for one that is absurdly large."""
    profile = image.info.get("icc_profile")
    return profile if isinstance(profile, bytes) and len(profile) <= _MOST_PROFILE else None


def in_plain_colors(image: Image.Image) -> tuple[Image.Image, bytes | None]:
    """The picture as L, RGB or RGBA and the profile that goes with it (none once ink has become light)."""
    profile = profile_of(image)
    if image.mode in ("L", "RGB", "RGBA"):
        transparent = image.mode != "RGBA" and "transparency" in image.info
        return (image.convert("RGBA"), profile) if transparent else (image, profile)
    if image.mode in ("1", "I;16", "I", "F"):
        return _eight_bit(image), None
    if image.mode == "CMYK":
        return _without_ink(image, profile), None
    has_alpha = image.mode in ("LA", "PA", "La", "RGBa") or "transparency" in image.info
    return image.convert("RGBA" if has_alpha else "RGB"), profile if image.mode != "LA" else None


def _eight_bit(image: Image.Image) -> Image.Image:
    if image.mode == "1":
        return image.convert("L")
    if image.mode != "I;16":
        return image.convert("L")
    return image.convert("I").point(lambda level: level * (1 / 257)).convert("L")  # its own way would clip at 255


def _without_ink(image: Image.Image, profile: bytes | None) -> Image.Image:
    """CMYK to sRGB by its own profile, where there is one that can be read."""
    import io

    from PIL import ImageCms  # few pictures are in ink

    if profile is not None:
        try:
            found = ImageCms.profileToProfile(
                image, io.BytesIO(profile), ImageCms.createProfile("sRGB"), outputMode="RGB"
            )
            if found is not None:
                return found
        except (ImageCms.PyCMSError, OSError, ValueError):
            pass  # the profile is not for ink, or is broken
    return image.convert("RGB")
