"""The invisible mark of one copy: put into a picture behind whatever is seen on it, and read from one that was found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from app.media.marks import pictures
from app.media.marks.bounds import Bounds

_ENOUGH = 1280  # pixels on the longer side: a mark needs no more to be read


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


def payload_in(source: Path, keys: Sequence[bytes], *, bounds: Bounds) -> int | None:
    """What a picture carries under one of the keys; None where there is no mark. Raises Refusal for what is no picture."""
    import numpy as np  # for this kind of work alone

    from app.media.invisible import read

    with pictures.opened(source, bounds) as image:
        image.draft("RGB", (_ENOUGH, _ENOUGH))
        plain, _profile = pictures.in_plain_colors(pictures.upright(image))
        plain.thumbnail((_ENOUGH, _ENOUGH), reducing_gap=3.0)
        pixels = np.asarray(plain.convert("RGB"))
    found = (read(pixels, key=key) for key in keys)
    return next((reading.payload for reading in found if reading is not None), None)
