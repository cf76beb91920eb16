"""A watched world from a seeded dice: own posts, others' posts of the same trade, and copies among them.

Copies are what the issue names: a picture cut by 10 % of its width and height, compressed again; a text with 20 % of its
words changed. Others write with the same words as often, and share stock phrases and kinds of pictures.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from app.protection.pictures import PicturePrint, print_of
from app.protection.texts import shingles
from tests.media.invisible.pictures import Dice, Pixels, compressed, drawn

_LETTERS = np.array(list("aeiouyktrlsnmdbgpvz"))
_CHANGED, _CUT = 0.2, 0.1


@dataclass(frozen=True)
class Piece:
    """What a post holds, as far as a scan sees it. `original`: which own post it copies."""

    numbers: frozenset[int]
    picture: PicturePrint | None
    original: int | None = None


@dataclass(frozen=True)
class World:
    own: list[Piece]
    found: list[Piece]


class _Author:
    """Words by Zipf's law, stock phrases of the trade."""

    def __init__(self, dice: Dice) -> None:
        self.dice = dice
        lengths = dice.integers(2, 11, 4000)
        self.words = ["".join(dice.choice(_LETTERS, n)) for n in lengths]
        weights = 1 / np.arange(1, 4001)
        self._weights = weights / weights.sum()
        self._phrases = [self._plain(int(dice.integers(5, 10))) for _ in range(40)]

    def text(self) -> list[str]:
        words = self._plain(int(self.dice.integers(20, 120)))
        if self.dice.random() < 0.3:
            at = int(self.dice.integers(0, len(words)))
            words[at:at] = self._phrases[int(self.dice.integers(0, 40))]
        return words

    def changed(self, words: list[str]) -> list[str]:
        places = self.dice.choice(len(words), max(1, round(_CHANGED * len(words))), replace=False)
        other = list(words)
        for place in places:
            other[int(place)] = self._plain(1)[0]
        return other

    def _plain(self, count: int) -> list[str]:
        return [self.words[int(n)] for n in self.dice.choice(4000, count, p=self._weights)]


def world(*, seed: int, own: int, copied: int, others: int) -> World:
    """`own` posts, the first `copied` of which stand once among `others` posts of watched channels."""
    dice = np.random.default_rng((seed, 1))
    author = _Author(dice)
    mine, copies = [], []
    for n in range(own):
        words, pixels = author.text(), _picture(n, seed)
        mine.append(Piece(shingles(" ".join(words)), print_of(Image.fromarray(pixels))))
        if n < copied:
            text = " ".join(author.changed(words)).upper() + "! https://t.me/thief"
            copies.append(Piece(shingles(text), print_of(Image.fromarray(_recut(dice, pixels))), n))
    return World(mine, copies + [_stranger(author, own + n, seed) for n in range(others)])


def _stranger(author: _Author, number: int, seed: int) -> Piece:
    """Every second one has a picture, as in channels."""
    picture = print_of(Image.fromarray(_picture(number, seed))) if author.dice.random() < 0.5 else None
    return Piece(shingles(" ".join(author.text())), picture)


def _picture(number: int, seed: int) -> Pixels:
    return drawn(number, seed=seed, sides=(320, 480))


def _recut(dice: Dice, pixels: Pixels) -> Pixels:
    """A tenth of the width and of the height is gone, from wherever the dice says; smaller, and JPEG of quality 70."""
    height, width = pixels.shape[:2]
    left, top = int(dice.uniform(0, _CUT) * width), int(dice.uniform(0, _CUT) * height)
    cut = pixels[top : top + round(height * (1 - _CUT)), left : left + round(width * (1 - _CUT))]
    return compressed(np.ascontiguousarray(cut), scale=float(dice.uniform(0.5, 1.0)), quality=70)
