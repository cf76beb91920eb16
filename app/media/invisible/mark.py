"""Writing a payload into a picture and reading it.

Each bit of the code moves the picture's place along one direction to the nearest point of a lattice: full steps say
zero, half steps one (B. Chen and G. Wornell, IEEE Trans. Inf. Theory 47, 2001, "spread-transform dither modulation").
So the picture itself is no noise to the reader, and the change is as small for a busy picture as for a plain one.
Where the change lies in the picture is for the eye: more where it is busy, `MOST_ON_FLAT` grey levels at most elsewhere.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from app.media.invisible import code
from app.media.invisible.plane import SIDE, Directions, Floats, Plane, brightness, canonical, enlarged

MIN_SIDE = 320  # pixels; at half the size a wave of the mark still spans six
STEP = 28.0  # of the lattice, in grey levels times SIDE: half a grey level on average
MOST_ON_FLAT = 1.5
_MOST_BUSY = 4.0  # times as much where the picture is busiest
_BUSY_PER_LEVEL = 0.2
_ROUNDS, _ASCENTS, _STRIDE = 3, 20, 0.7
_LEAST_CONFIDENCE = 0.45  # the best path through chance alone agrees with it by 0.41 (spread 0.014, measured)
_LONGEST_SENT = 1280  # Telegram's clients send no photo longer than that
_STRIP_ROWS = 256

Pixels = npt.NDArray[np.uint8]


class TooSmall(ValueError):
    """The picture has too few pixels to carry a mark unseen."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a picture carries; `confidence` 0..1 is how well what was read agrees with the code, 0.45 at least."""

    payload: int
    confidence: float


def embed(pixels: Pixels, payload: int, *, key: bytes) -> Pixels:
    """A copy of the picture (height x width x 3, RGB) that carries the payload, 0 <= payload < 2**48.

    Who does not know `key` can neither read nor forge it. Raises TooSmall under MIN_SIDE pixels on the shorter side,
    ValueError for a payload out of range.
    """
    signs = code.encode(payload)
    if min(pixels.shape[:2]) < MIN_SIDE:
        raise TooSmall(f"A picture needs at least {MIN_SIDE} pixels on its shorter side to carry a mark.")
    return _added(pixels, _Change(brightness(pixels), signs, Directions(key)).best())


def read(pixels: Pixels, *, key: bytes) -> Reading | None:
    """What the picture (height x width x 3, RGB) carries under this key; None where its checksum finds no mark."""
    directions = Directions(key)
    places = directions.along(canonical(brightness(pixels)))
    softs = np.cos(2 * np.pi * (places / STEP - directions.offsets))
    found = code.decode(softs)
    if found is None:
        return None
    payload, signs = found
    confidence = float(np.mean(softs * signs))
    return Reading(payload, confidence) if confidence >= _LEAST_CONFIDENCE else None


class _Change:
    """The change of a picture's plane that survives half the size and a JPEG of quality 70, tried at that size."""

    def __init__(self, grey: Image.Image, signs: Floats, directions: Directions) -> None:
        plane = canonical(grey)
        self._directions, self._weight = directions, _weight(plane)
        self._low = np.maximum(-MOST_ON_FLAT * self._weight, -plane)
        self._high = np.minimum(MOST_ON_FLAT * self._weight, 255 - plane)
        scale = min(0.5, _LONGEST_SENT / max(grey.size))
        size = (round(grey.width * scale), round(grey.height * scale))
        self._sent = grey.resize(size, Image.Resampling.BICUBIC, reducing_gap=3.0)
        self._start = directions.along(plane)
        shift = np.where(signs > 0, 0.0, 0.5) + directions.offsets
        self._targets: Floats = (np.round(self._start / STEP - shift) + shift) * STEP

    def best(self) -> Plane:
        """The one that is read best of a few, each corrected by what was lost of the one before it."""
        wanted, tried = self._targets - self._start, []
        for _ in range(_ROUNDS):
            change = self._least(wanted)
            missing = self._targets - self._after(change)
            tried.append((float(np.cos(2 * np.pi * missing / STEP).mean()), change))
            wanted = wanted + _STRIDE * missing
        return max(tried, key=lambda one: one[0])[1]

    def _least(self, wanted: Floats) -> Plane:
        """The least change (measured in `weight`) within bounds that moves the plane as wanted: dual ascent.

        The directions stand at right angles, so one gain for all of them is close to Newton's step.
        """
        square = self._weight * self._weight
        pull, gain = np.zeros_like(wanted), 1.0 / float(square.mean())
        change = np.zeros_like(self._weight)
        for _ in range(_ASCENTS):
            change = np.clip(square * self._directions.plane_of(pull), self._low, self._high)
            pull = pull + gain * (wanted - self._directions.along(change))
        return change

    def _after(self, change: Plane) -> Floats:
        """Where the picture would lie when Telegram has made it smaller and compressed it."""
        sent = np.asarray(self._sent, dtype=np.float32) + enlarged(change, self._sent.size)
        file = io.BytesIO()
        Image.fromarray(np.clip(np.rint(sent), 0, 255).astype(np.uint8)).save(file, "JPEG", quality=70)
        return self._directions.along(canonical(Image.open(file)))


def _weight(plane: Plane) -> Plane:
    """1 where the picture is flat, more where it is busy: the spread over 5 x 5 of the plane says so, and the least of
    it around each place, since beside a hard edge a plain ground shows everything."""
    mean = _blurred(plane)
    spread = _least_around(np.sqrt(np.maximum(_blurred(plane * plane) - mean * mean, 0)))
    return np.clip(1.0 + spread * _BUSY_PER_LEVEL, 1.0, _MOST_BUSY).astype(np.float32)


def _least_around(plane: Plane) -> Plane:
    """Minimum over 3 x 3."""
    padded = np.pad(plane, 1, mode="edge")
    rows = np.min([padded[n : n + SIDE] for n in range(3)], axis=0)
    return np.min([rows[:, n : n + SIDE] for n in range(3)], axis=0)


def _blurred(plane: Plane) -> Plane:
    padded = np.pad(plane, 2, mode="edge")
    rows = np.mean([padded[n : n + SIDE] for n in range(5)], axis=0)
    return np.mean([rows[:, n : n + SIDE] for n in range(5)], axis=0)


def _added(pixels: Pixels, change: Plane) -> Pixels:
    """The picture with the change, strip by strip: a large one would take its size in floats several times.

    Rounding up or down by chance keeps a change of less than one level, which rounding alone would drop.
    """
    height, width = pixels.shape[:2]
    chance = np.random.default_rng(0)
    marked = np.empty_like(pixels)
    for top in range(0, height, _STRIP_ROWS):
        rows = slice(top, min(top + _STRIP_ROWS, height))
        part = enlarged(change, (width, rows.stop - top), rows=(top / height, rows.stop / height))
        whole = np.floor(part + chance.random(part.shape, dtype=np.float32)).astype(np.int16)
        marked[rows] = np.clip(pixels[rows] + whole[..., None], 0, 255)
    return marked
