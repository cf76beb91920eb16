"""A stamp as a file that ffmpeg lays over a video."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from app.media.marks.layout import Box
from app.media.marks.stamps import Stamp


@dataclass(frozen=True, slots=True)
class Overlay:
    """A PNG and where its top left corner goes; `boxes` are where marks are seen."""

    path: Path
    left: int
    top: int
    boxes: tuple[Box, ...]


def overlay_of(stamp: Stamp, path: Path) -> Overlay:
    """All copies of the stamp in one picture as small as holds them: ffmpeg blends every pixel of it in every frame."""
    left, top = min(box.left for box in stamp.boxes), min(box.top for box in stamp.boxes)
    right, bottom = max(box.right for box in stamp.boxes), max(box.bottom for box in stamp.boxes)
    canvas = Image.new("RGBA", (right - left, bottom - top))
    for box in stamp.boxes:
        canvas.paste(stamp.image, (box.left - left, box.top - top))
    canvas.save(path, format="PNG", compress_level=1)
    return Overlay(path, left, top, stamp.boxes)
