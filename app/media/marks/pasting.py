"""A stamp onto a picture, in place, and what is said of the result."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from app.media.marks.kinds import Kind
from app.media.marks.layout import Box
from app.media.marks.stamps import Stamp


@dataclass(frozen=True, slots=True)
class Marked:
    """What came out; sizes in pixels."""

    kind: Kind
    width: int
    height: int
    frames: int
    boxes: tuple[Box, ...]


def paste(image: Image.Image, stamp: Stamp) -> None:
    """The stamp onto each of its boxes, in place."""
    mask = stamp.image.getchannel("A")
    if image.mode == "RGBA":
        for box in stamp.boxes:
            image.alpha_composite(stamp.image, (box.left, box.top))  # touches the box alone
        return
    colored = stamp.image.convert(image.mode)
    for box in stamp.boxes:
        image.paste(colored, (box.left, box.top), mask)


def is_lossless_webp(path: Path) -> bool:
    """Whether its pixels are of the lossless kind (developers.google.com/speed/webp/docs/riff_container)."""
    with path.open("rb") as file:
        head = file.read(100_000)
    lossy, lossless = head.find(b"VP8 "), head.find(b"VP8L")
    return lossless >= 0 and (lossy < 0 or lossless < lossy)
