"""A mark on a picture that does not move: pasted in place, with its alpha as the mask.

A composite of the whole picture in RGBA costs twice what decoding and encoding do; this costs one hundredth of them
(ADR 17).
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image, JpegImagePlugin

from app.media.marks import moving, pictures
from app.media.marks.bounds import Bounds
from app.media.marks.files import written
from app.media.marks.kinds import Kind, kind_of
from app.media.marks.layout import Box, Size
from app.media.marks.pasting import Marked, is_lossless_webp, paste
from app.media.marks.stamps import stamp_for
from app.media.marks.traces import Trace, traced
from app.media.marks.wishes import Mark

QUALITY = 90


def mark_image(
    source: Path,
    target: Path,
    mark: Mark | None,
    *,
    trace: Trace | None = None,
    bounds: Bounds = Bounds(),  # noqa: B008 - frozen
    quality: int = QUALITY,
    on_progress: Callable[[float], None] = lambda _share: None,
) -> Marked:
    """Write `source` with the mark to `target`, in its own kind (a HEIC becomes a JPEG), whole or not at all.

    `trace`: the invisible mark, of a picture that does not move. Without a `mark` there has to be one.
    The EXIF orientation is applied, the colour profile kept, all other metadata dropped. Raises Refusal.
    """
    kind = kind_of(source)
    with pictures.opened(source, bounds) as image, written(target) as draft:
        frames = pictures.frames_of(image)
        if mark is None and frames > 1:
            shutil.copyfile(source, draft)  # what moves carries no trace
            return Marked(kind, *image.size, frames, ())
        if mark is not None and (kind is Kind.GIF or frames > 1):
            return moving.mark_frames(image, draft, kind, mark, quality=quality, on_progress=on_progress)
        kept = _kept(image, kind, source, quality)
        plain, profile = pictures.in_plain_colors(pictures.upright(image))
        boxes: tuple[Box, ...] = ()
        if mark is not None:
            stamp = stamp_for(mark, Size(*plain.size))
            if plain.mode == "L" and not stamp.is_grey:
                plain, profile = plain.convert("RGB"), None
            paste(plain, stamp)
            boxes = stamp.boxes
        plain = traced(plain, trace) if trace else plain
        plain.info = {}
        plain.save(draft, icc_profile=profile, **kept)
    on_progress(1.0)
    return Marked(_kind_after(kind), *plain.size, 1, boxes)


def _kept(image: Image.Image, kind: Kind, source: Path, quality: int) -> dict[str, Any]:
    """How to save it so that what is outside of the mark stays as it was, as far as the kind allows."""
    if kind is Kind.PNG:
        return {"format": "PNG"}
    if kind is Kind.WEBP:
        return {"format": "WEBP", "quality": quality, "lossless": is_lossless_webp(source), "exact": True}
    return {"format": "JPEG", "quality": quality, "subsampling": _sampling(image)}


def _sampling(image: Image.Image) -> int:
    """The source's own chroma sampling; 4:2:0 where it is unknown, and 4:4:4 where it would have to be turned with it."""
    found = JpegImagePlugin.get_sampling(image) if image.format in ("JPEG", "MPO") else 2
    if found == 1 and pictures.is_on_its_side(image):
        return 0
    return found if found in (0, 1, 2) else 2


def _kind_after(kind: Kind) -> Kind:
    return Kind.JPEG if kind is Kind.HEIC else kind
