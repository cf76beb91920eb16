"""The plane that carries the mark: a picture's brightness, brought to one size, so that a resize changes nothing."""

from __future__ import annotations

from functools import cache
from hashlib import shake_256

import numpy as np
import numpy.typing as npt
from PIL import Image

from app.media.invisible.code import CODE_BITS

SIDE = 256
LOWEST, HIGHEST = 6.0, 56.0  # half waves along the plane: below it flat areas would show clouds, above it JPEG rubs out
_OFF_AXIS = 3  # lines of text and edges of frames fill the coefficients beside the axes

Plane = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]


def brightness(pixels: npt.NDArray[np.uint8]) -> Image.Image:
    return Image.fromarray(pixels).convert("L")


def canonical(picture: Image.Image) -> Plane:
    """The picture's brightness at SIDE x SIDE, whatever its shape."""
    small = picture.resize((SIDE, SIDE), Image.Resampling.BICUBIC, reducing_gap=3.0)
    return np.asarray(small, dtype=np.float32)


def enlarged(plane: Plane, size: tuple[int, int], *, rows: tuple[float, float] = (0.0, 1.0)) -> Plane:
    """The plane, or the part of it between two heights (0 the top, 1 the bottom), at a size (width, height)."""
    box = (0.0, rows[0] * SIDE, float(SIDE), rows[1] * SIDE)
    return np.asarray(Image.fromarray(plane).resize(size, Image.Resampling.BICUBIC, box=box))


class Directions:
    """As many directions in the plane as the code has bits, at right angles to each other and known by the key alone.

    A direction is a sum of waves, one of each octave of the band, with signs. Everything is drawn from a hash, not from
    a library's dice: those may change their throws, and a mark is to be read in years.
    """

    def __init__(self, key: bytes) -> None:
        self._u, self._v = _band()
        self._per_bit = len(self._u) // CODE_BITS
        self._order = _shuffled(key, self._per_bit)
        count = CODE_BITS * self._per_bit
        self._signs = np.where(_numbers(key, "signs", count) & 1, 1.0, -1.0) / np.sqrt(self._per_bit)
        self.offsets: Floats = _numbers(key, "offsets", CODE_BITS) / 2.0**32

    def along(self, plane: Plane) -> Floats:
        """How far the plane lies along each direction, in grey levels times SIDE (an orthonormal transform)."""
        waves = _waves() @ plane @ _waves().T
        found: Floats = waves[self._u[self._order], self._v[self._order]] * self._signs
        return found.reshape(CODE_BITS, self._per_bit).sum(axis=1)

    def plane_of(self, lengths: Floats) -> Plane:
        """The plane that lies so far along each direction."""
        waves = np.zeros((len(_waves()),) * 2, dtype=np.float32)
        waves[self._u[self._order], self._v[self._order]] = np.repeat(lengths, self._per_bit) * self._signs
        return np.asarray(_waves().T @ waves @ _waves(), dtype=np.float32)


@cache
def _waves() -> Plane:
    """Rows of the orthonormal DCT-II, as many as the band needs."""
    n = np.arange(int(HIGHEST) + 1)[:, None]
    rows = np.cos(np.pi * n * (2 * np.arange(SIDE) + 1) / (2 * SIDE)) * np.sqrt(2 / SIDE)
    rows[0] /= np.sqrt(2)
    found: Plane = rows.astype(np.float32)
    return found


@cache
def _band() -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Places of the band's coefficients, the longest waves first."""
    u, v = np.mgrid[0 : int(HIGHEST) + 1, 0 : int(HIGHEST) + 1]
    radius = np.hypot(u, v)
    chosen = (radius >= LOWEST) & (radius <= HIGHEST) & (np.minimum(u, v) >= _OFF_AXIS)
    order = np.argsort(radius[chosen], kind="stable")
    return u[chosen][order], v[chosen][order]


def _shuffled(key: bytes, per_bit: int) -> npt.NDArray[np.int64]:
    """[bit, n] flattened: which coefficient; each bit has one of every neighbourhood of the band."""
    numbers = _numbers(key, "order", CODE_BITS * per_bit).reshape(per_bit, CODE_BITS)
    order = np.argsort(numbers, axis=1, kind="stable") + np.arange(per_bit)[:, None] * CODE_BITS
    return order.T.reshape(-1)


def _numbers(key: bytes, purpose: str, count: int) -> npt.NDArray[np.int64]:
    """Numbers of 32 bits that nobody without the key can tell from chance."""
    stream = shake_256(len(key).to_bytes(4, "big") + key + purpose.encode()).digest(4 * count)
    return np.frombuffer(stream, dtype=">u4").astype(np.int64)
