"""What the invisible mark promises, measured on varied pictures; `INVISIBLE_IMAGES`, `INVISIBLE_UNMARKED` raise the sizes."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest

from app.media.invisible import MIN_SIDE, PAYLOAD_BITS, Pixels, TooSmall, code, embed, mark, read
from app.media.invisible.plane import SIDE, Directions
from tests.media.invisible.pictures import KINDS, compressed, drawn

MARKED, UNMARKED = (int(os.environ.get(name, n)) for name, n in (("INVISIBLE_IMAGES", 40), ("INVISIBLE_UNMARKED", 100)))
SIDES = (600, 3000 if MARKED >= 200 else 1200)
KEY, SEED = b"the service's key", 20261128


@dataclass(frozen=True)
class Sample:
    kind: str
    plain: Pixels
    marked: Pixels
    payload: int


def _samples(count: int) -> Iterator[Sample]:
    dice = np.random.default_rng(SEED)
    for n in range(count):
        plain, payload = drawn(n, seed=SEED, sides=SIDES), int(dice.integers(0, 1 << PAYLOAD_BITS))
        yield Sample(list(KINDS)[n % len(KINDS)], plain, embed(plain, payload, key=KEY), payload)


def _psnr_db(one: Pixels, other: Pixels) -> float:
    """Peak signal to noise; chunks keep a large picture's differences small."""
    error = np.mean([np.square(a.astype(np.float32) - b).mean() for a, b in zip(one, other, strict=True)])
    return float(10 * np.log10(255**2 / error))


@pytest.mark.timeout(1800)
def test_marks_survive_half_the_size_and_a_jpeg_of_quality_70_and_are_not_seen() -> None:
    lost, wrong, quality, confidence = Counter[str](), 0, [], []
    for sample in _samples(MARKED):
        quality.append(_psnr_db(sample.plain, sample.marked))
        found = read(compressed(sample.marked, scale=0.5, quality=70), key=KEY)
        wrong += found is not None and found.payload != sample.payload
        lost[sample.kind] += found is None
        confidence.append(found.confidence if found else 0.0)
    print(
        f"\nmarked {MARKED}, sides {SIDES}: read back {MARKED - lost.total() - wrong} ({dict(+lost)} lost), wrong {wrong},"
        f" confidence least {min(confidence):.2f} median {np.median(confidence):.2f},"
        f" PSNR least {min(quality):.1f} median {np.median(quality):.1f} dB"
    )
    assert MARKED - lost.total() - wrong >= 0.95 * MARKED
    assert wrong <= MARKED / 1000
    assert min(quality) >= 38


@pytest.mark.timeout(1800)
def test_no_picture_without_a_mark_gives_an_id() -> None:
    found = 0
    for n in range(UNMARKED):
        plain = drawn(n, seed=SEED + 1, sides=SIDES)
        found += read(plain if n % 2 else compressed(plain, scale=0.5), key=KEY) is not None
    print(f"\nunmarked {UNMARKED}, every second one made smaller and compressed: {found} gave an id")
    assert found == 0


def test_without_the_checksum_pictures_without_a_mark_would_name_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(code, "is_intact", lambda message: True)
    monkeypatch.setattr(mark, "_LEAST_CONFIDENCE", 0.0)
    plain = [drawn(n, seed=SEED + 1, sides=(600, 700)) for n in range(8)]
    assert all(read(picture, key=KEY) is not None for picture in plain)


def test_nobody_reads_or_forges_a_mark_without_the_key() -> None:
    sample = next(_samples(1))
    assert read(sample.marked, key=KEY) is not None
    assert read(sample.marked, key=b"a guess") is None
    assert read(embed(sample.plain, sample.payload, key=b"a guess"), key=KEY) is None


def test_two_copies_of_one_picture_say_which_they_are() -> None:
    plain = drawn(0, seed=SEED, sides=(600, 900))
    for payload in (0, 1, 2**48 - 1):
        found = read(compressed(embed(plain, payload, key=KEY)), key=KEY)
        assert found is not None and found.payload == payload


def test_a_marked_copy_that_is_compressed_twice_or_marked_over_says_the_last_word() -> None:
    plain = drawn(3, seed=SEED, sides=(600, 900))
    marked = embed(embed(plain, 7, key=KEY), 8, key=KEY)
    found = read(compressed(compressed(marked, scale=0.5), quality=75), key=KEY)
    assert found is not None and found.payload == 8


@pytest.mark.parametrize("grey", [0, 128, 255])
def test_a_plain_area_changes_by_two_levels_at_most_and_shows_no_pattern(grey: int) -> None:
    plain = np.full((700, 900, 3), grey, dtype=np.uint8)
    marked = embed(plain, 123_456_789, key=KEY)
    change = marked[..., 0].astype(np.float64) - grey
    tiles = change.reshape(70, 10, 90, 10).mean(axis=(1, 3))  # what the eye adds up
    assert np.abs(change).max() <= 2 and np.abs(tiles).max() <= mark.MOST_ON_FLAT + 0.2  # rounding goes by chance
    assert tiles.std() < 0.7
    found = read(compressed(marked, scale=0.5, quality=70), key=KEY)
    assert found is not None and found.payload == 123_456_789


def test_a_picture_that_is_too_small_is_refused_with_the_least_size() -> None:
    with pytest.raises(TooSmall, match=str(MIN_SIDE)):
        embed(np.zeros((MIN_SIDE - 1, 2000, 3), dtype=np.uint8), 1, key=KEY)
    smallest = drawn(1, seed=SEED, sides=(MIN_SIDE, MIN_SIDE + 1))
    found = read(compressed(embed(smallest, 1, key=KEY), scale=0.5), key=KEY)
    assert found is not None and found.payload == 1


@pytest.mark.parametrize("payload", [-1, 2**48])
def test_a_payload_out_of_range_is_an_error(payload: int) -> None:
    with pytest.raises(ValueError, match="48 bits"):
        embed(np.zeros((400, 400, 3), dtype=np.uint8), payload, key=KEY)


def test_the_directions_are_the_same_for_ever() -> None:
    """A mark is to be read in years: what this key leads to today it must lead to with every later version."""
    directions = Directions(b"fixed")
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    plane = ((7 * x + 13 * y * y + x * y) % 251).astype(np.float32)
    assert directions.offsets[:3] == pytest.approx([0.1236, 0.4197, 0.6735], abs=1e-4)
    assert directions.along(plane)[:6] == pytest.approx([12, -129, -2, 97, -56, 113], abs=1)
