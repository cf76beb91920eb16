"""The invisible mark of one copy, put into a picture behind whatever is seen on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from PIL import Image


@dataclass(frozen=True, slots=True)
class Trace:
    """Which copy it is (48 bits), and the key without which nobody reads that."""

    payload: int
    key: bytes


def trace_of(params: Mapping[str, Any]) -> Trace:
    """A trace as it comes to the child: the key in hexadecimal."""
    return Trace(int(params["payload"]), bytes.fromhex(params["key"]))


def traced(image: Image.Image, trace: Trace) -> Image.Image:
    """The picture (L, RGB or RGBA) with the mark, in its own mode; one too small to carry it as it is."""
    import numpy as np  # for this kind of work alone

    from app.media.invisible import TooSmall, embed

    colors = image if image.mode == "RGB" else image.convert("RGB")
    try:
        made = Image.fromarray(embed(np.asarray(colors), trace.payload, key=trace.key))
    except TooSmall:
        return image
    if image.mode == "RGBA":
        made.putalpha(image.getchannel("A"))
    return made.convert("L") if image.mode == "L" else made
