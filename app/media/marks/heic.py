"""HEIC pictures, which Pillow cannot read: by ImageMagick under our own policy (magick/policy.xml)."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path
from typing import Any

from PIL import Image

from app.media.marks import headers
from app.media.marks.bounds import Bounds
from app.media.marks.refusal import N_, Refusal, damaged

POLICY = Path(__file__).parent / "magick"
_CHAR_PIXEL = 1  # StorageType of ImageMagick 6, magick/constitute.h


def missing() -> str | None:
    """What is not installed of what reads HEIC, or None."""
    try:
        _prepare()
        from wand.version import formats
    except ImportError:
        return "imagemagick"
    return None if formats("HEIC") else "libheif1"


def read(path: Path, bounds: Bounds) -> Image.Image:
    """The picture as RGB with its colour profile, upright (irot and imir are applied by libheif; its EXIF repeats them)."""
    extent = headers.heic_extent(path)
    bounds.check_picture(extent.width, extent.height)
    if missing():
        raise Refusal(N_("HEIC pictures cannot be read on this server: send a JPEG."), "no_heic")
    from wand.exceptions import WandException
    from wand.image import Image as Magick

    try:
        with Magick(filename=f"heic:{path}") as magick:
            bounds.check_picture(magick.width, magick.height)
            size = (magick.width, magick.height)
            magick.transform_colorspace("srgb")  # libheif's luma and chroma come through as they are
            content = _pixels(magick)
    except WandException as error:
        raise damaged() from error
    image = Image.frombuffer("RGB", size, content, "raw", "RGB", 0, 1)  # ImageMagick's own pixels are gone by now
    if profile := headers.heic_profile(path):
        image.info["icc_profile"] = profile
    return image


def _prepare() -> None:
    os.environ["MAGICK_CONFIGURE_PATH"] = str(POLICY)  # read when the library is loaded first
    import wand.api  # noqa: F401


def _pixels(magick: Any) -> Any:
    """Bytes of RGB by the library's own call: Wand's export_pixels makes a Python list of 36 million numbers."""
    from wand.api import library

    width, height = magick.width, magick.height
    buffer = ctypes.create_string_buffer(width * height * 3)
    if not library.MagickExportImagePixels(magick.wand, 0, 0, width, height, b"RGB", _CHAR_PIXEL, buffer):
        raise damaged()
    return buffer
