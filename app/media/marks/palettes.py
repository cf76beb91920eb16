"""A marked frame of a GIF in its own colours: every pixel outside of the mark keeps its exact value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PIL import Image

if TYPE_CHECKING:
    import numpy as np

_MOST = 256
_SHADES = 32  # kept free for the mark where a frame uses all colours
_OPAQUE = 128


def indexed(marked: Image.Image, before: Image.Image) -> Image.Image:
    """`marked` (RGB or RGBA) as a palette picture; `before` is the same without the mark.

    A frame has at most 256 colours, so its own come first. The mark's shades take what is left; where too little is
    left the nearest of the frame's own serve.
    """
    import numpy as np  # a tenth of a second and 20 MiB, for moving GIFs alone

    holes = np.asarray(marked.getchannel("A")) < _OPAQUE if marked.mode == "RGBA" else None
    most = _MOST - (holes is not None)
    own = _colors(before, most)
    if own is None:  # layers of several palettes: there is no exact way
        return _reduced(marked, holes, most)
    codes = _codes(marked)
    present = np.zeros(1 << 24, dtype=bool)
    present[codes] = True
    new = np.setdiff1d(np.flatnonzero(present), own)
    own = own[: most - min(len(new), _SHADES)]  # the rarest give way
    palette = np.concatenate([own, _shades(new, most - len(own))]).astype(np.int64)
    places = np.full(1 << 24, -1, dtype=np.int16)
    places[palette] = np.arange(len(palette), dtype=np.int16)
    present[palette] = False
    rest = np.flatnonzero(present)
    places[rest] = _nearest(rest, palette)
    return _picture(places[codes].astype(np.uint8), palette, holes)


def _colors(image: Image.Image, most: int) -> np.ndarray[Any, Any] | None:
    """The colours of a frame, those of most pixels first; None where there are too many."""
    import numpy as np

    found = image.convert("RGB").getcolors(most)
    if found is None:
        return None
    rgb = np.array([color for _count, color in sorted(found, reverse=True)], dtype=np.int64)
    return rgb[:, 0] << 16 | rgb[:, 1] << 8 | rgb[:, 2]


def _codes(image: Image.Image) -> np.ndarray[Any, Any]:
    """Each pixel as one number of 24 bits."""
    import numpy as np

    rgb = np.asarray(image.convert("RGB")).astype(np.int32)
    return rgb[..., 0] << 16 | rgb[..., 1] << 8 | rgb[..., 2]


def _shades(codes: np.ndarray[Any, Any], count: int) -> np.ndarray[Any, Any]:
    """All of these colours, or `count` of them evenly over their brightness."""
    import numpy as np

    if len(codes) <= count:
        return codes
    light = (codes >> 16 & 255) * 3 + (codes >> 8 & 255) * 6 + (codes & 255)
    ordered = codes[np.argsort(light, kind="stable")]
    return np.unique(ordered[np.linspace(0, len(ordered) - 1, min(count, len(ordered))).astype(int)])


def _nearest(codes: np.ndarray[Any, Any], palette: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    import numpy as np

    rgb, own = _channels(codes), _channels(palette)
    found = [
        np.argmin(((part[:, None] - own[None]) ** 2).sum(2), axis=1)
        for part in np.array_split(rgb, len(rgb) // 1000 + 1)
    ]
    return np.concatenate(found).astype(np.int16)


def _channels(codes: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    import numpy as np

    return np.stack([codes >> 16 & 255, codes >> 8 & 255, codes & 255], axis=1).astype(np.int32)


def _reduced(marked: Image.Image, holes: np.ndarray[Any, Any] | None, most: int) -> Image.Image:
    import numpy as np

    found = marked.convert("RGB").quantize(most, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    if holes is None:
        return found
    rgb = np.array(found.getpalette() or [], dtype=np.int64).reshape(-1, 3)
    return _picture(np.asarray(found), rgb[:, 0] << 16 | rgb[:, 1] << 8 | rgb[:, 2], holes)


def _picture(
    indexes: np.ndarray[Any, Any], palette: np.ndarray[Any, Any], holes: np.ndarray[Any, Any] | None
) -> Image.Image:
    import numpy as np

    if holes is not None:
        indexes = np.where(holes, np.uint8(len(palette)), indexes)
    image = Image.fromarray(np.ascontiguousarray(indexes))
    image.putpalette(_channels(palette).astype(np.uint8).tobytes())
    if holes is not None:
        image.info["transparency"] = len(palette)
    return image
