"""Pictures that show the same, also when one was cut and compressed again.

A picture's print has a perceptual hash (pHash: signs of its lowest waves) and a difference hash (dHash: which way the
brightness goes) of 64 bits each, of the whole and of windows that leave a tenth away (C. Zauner, Implementation and
Benchmarking of Perceptual Image Hash Functions, 2010). A cut copy's whole looks like one of the original's windows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
from PIL import Image

MOST_DISTANCE = 18  # of 128 bits; chance gives 64. Seed 1 of the tests: 98 % of cut copies to 17, strangers from 21
LEAST_DETAIL = 2.5  # grey levels; a plain ground or a gradient looks like any other

Hash = npt.NDArray[np.uint64]
_CUTS = (0.0, 0.05, 0.1)


@dataclass(frozen=True, slots=True)
class PicturePrint:
    """`hashes`: uint64 of shape (windows, 2), pHash and dHash; the first row is the whole."""

    hashes: Hash

    def to_hex(self) -> str:
        return self.hashes.astype(">u8").tobytes().hex()

    @classmethod
    def from_hex(cls, text: str) -> PicturePrint:
        return cls(np.frombuffer(bytes.fromhex(text), dtype=">u8").astype(np.uint64).reshape(-1, 2))


def print_of(picture: Image.Image) -> PicturePrint | None:
    """The print; None for a picture with too little on it to be told from others."""
    grey = picture.convert("L")
    grey.thumbnail((512, 512), reducing_gap=2.0)
    hashes = [_hashes(grey, window) for window in _windows()]
    if hashes[0][2] < LEAST_DETAIL:
        return None
    return PicturePrint(np.array([(p, d) for p, d, _ in hashes], dtype=np.uint64))


@dataclass(frozen=True, slots=True)
class PictureMatch:
    """Which own picture (its place in the index), and how many of 128 bits differ."""

    place: int
    distance: int


class PictureIndex:
    """Own pictures: every comparison is an XOR of all windows at once."""

    def __init__(self, prints: Sequence[PicturePrint]) -> None:
        self._count = len(prints)
        self._hashes = np.stack([p.hashes for p in prints]) if prints else np.zeros((0, 1, 2), np.uint64)

    def matches(self, other: PicturePrint, *, most: int = MOST_DISTANCE) -> list[PictureMatch]:
        """Own pictures that the other is a copy of, cut or not, the closest first. An original that was cut by its
        owner and is copied in full is found by the windows of the copy."""
        if not self._count:
            return []
        ways = (self._distances(self._hashes, other.hashes[0]), self._distances(self._hashes[:, :1], other.hashes))
        distances = np.minimum(ways[0].min(axis=1), ways[1].min(axis=1))
        return [PictureMatch(int(n), int(distances[n])) for n in np.argsort(distances) if distances[n] <= most]

    def _distances(self, ours: Hash, theirs: Hash) -> npt.NDArray[np.int64]:
        return np.bitwise_count(ours ^ theirs).astype(np.int64).sum(axis=-1)


@cache
def _windows() -> tuple[tuple[float, float, float, float], ...]:
    """Boxes as parts of width and height: the whole first, then all that leave up to a tenth away on each axis."""
    spans = [(start, 1 - cut + start) for cut in _CUTS for start in (0.0, cut / 2, cut)]
    spans = sorted(set(spans), key=lambda span: (span[0] - span[1], span[0]))
    return tuple((left, top, right, bottom) for left, right in spans for top, bottom in spans)


def _hashes(grey: Image.Image, window: tuple[float, float, float, float]) -> tuple[int, int, float]:
    """pHash, dHash, and the spread in grey levels of the lowest waves that run both ways: a gradient has none."""
    left, top, right, bottom = window
    box = (left * grey.width, top * grey.height, right * grey.width, bottom * grey.height)
    waves = _cosines() @ np.asarray(grey.resize((32, 32), Image.Resampling.BICUBIC, box=box), np.float64) @ _cosines().T
    low = waves.ravel()[1:]
    phash = _bits(np.append(low > np.median(low), False))
    steps = np.asarray(grey.resize((9, 8), Image.Resampling.BICUBIC, box=box), np.int64)
    return phash, _bits((steps[:, 1:] > steps[:, :-1]).ravel()), float(np.sqrt(np.square(waves[1:, 1:]).sum()) / 32)


def _bits(signs: npt.NDArray[np.bool_]) -> int:
    return int.from_bytes(np.packbits(signs).tobytes(), "big")


@cache
def _cosines() -> npt.NDArray[np.float64]:
    """The eight lowest rows of the orthonormal DCT-II of 32 points."""
    n = np.arange(8)[:, None]
    rows = np.cos(np.pi * n * (2 * np.arange(32) + 1) / 64) * np.sqrt(2 / 32)
    rows[0] /= np.sqrt(2)
    return rows
