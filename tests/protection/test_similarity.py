"""Copies are found and strangers are left alone, measured on planted worlds; `THEFT_OTHERS=5000` is the full size.

Thresholds were chosen on seeds 1 and 20261128; what is measured here has another one.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

import pytest
from PIL import Image

from app.protection import texts
from app.protection.pictures import PictureIndex, PicturePrint, print_of
from app.protection.texts import TextIndex, normal_words, shingles
from tests.media.invisible.pictures import compressed, drawn
from tests.protection.planted import World, world

OTHERS = int(os.environ.get("THEFT_OTHERS", 100))
OWN, COPIED = (200, 150) if OTHERS >= 5000 else (30, 24)
SEED = 20261129


@dataclass(frozen=True)
class Rates:
    name: str
    right: int
    wrong: int
    wanted: int

    @property
    def recall(self) -> float:
        return self.right / self.wanted

    @property
    def precision(self) -> float:
        return self.right / max(1, self.right + self.wrong)

    def told(self) -> str:
        return (
            f"{self.name}: recall {self.recall:.3f}, precision {self.precision:.3f}"
            f" ({self.right} of {self.wanted} found, {self.wrong} wrong)"
        )


def _by_text(seen: World) -> set[tuple[int, int]]:
    index = TextIndex({n: piece.numbers for n, piece in enumerate(seen.own)})
    return {(m.key, n) for n, piece in enumerate(seen.found) for m in index.matches(piece.numbers)}


def _by_picture(seen: World) -> set[tuple[int, int]]:
    prints = {n: piece.picture for n, piece in enumerate(seen.own) if piece.picture}
    places, index = list(prints), PictureIndex(list(prints.values()))
    pairs = ((n, piece.picture) for n, piece in enumerate(seen.found) if piece.picture)
    return {(places[m.place], n) for n, picture in pairs for m in index.matches(picture)}


@pytest.mark.timeout(1800)
def test_planted_copies_are_found_among_others() -> None:
    seen = world(seed=SEED, own=OWN, copied=COPIED, others=OTHERS)
    planted = {(piece.original, n) for n, piece in enumerate(seen.found) if piece.original is not None}
    told = {n for n, piece in enumerate(seen.own) if piece.picture}
    pictured = {pair for pair in planted if pair[0] in told}
    by_text, by_picture = _by_text(seen), _by_picture(seen)
    rates = [
        Rates(name, len(found & wanted), len(found - planted), len(wanted))
        for name, found, wanted in (
            ("text alone", by_text, planted),
            (f"picture alone (of {len(pictured)} that can be told apart)", by_picture, pictured),
            ("text or picture", by_text | by_picture, planted),
        )
    ]
    print(f"\n{len(planted)} copies among {OTHERS} others, {OWN} own posts:", *(r.told() for r in rates), sep="\n  ")
    for one in rates:
        assert one.recall >= 0.9 and one.precision >= 0.95, one.told()


def test_without_the_guard_of_footers_every_post_with_the_footer_would_be_a_copy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    footer = "subscribe to our channel and tell all your friends about it today"
    own = {n: shingles(f"post number {n} {footer}") for n in range(20)}
    stranger = shingles(f"weather {footer}")
    assert TextIndex(own).matches(stranger) == []
    monkeypatch.setattr(texts, "_FOOTER_POSTS", 1000)
    assert len(TextIndex(own).matches(stranger)) == 20


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ertaga O‘zbekistonda yangi qonun", "ertaga, OʻZBEKISTONDA - yangi qonun!"),
        ("Эртага Ўзбекистонда янги қонун", "ertaga o'zbekistonda yangi qonun"),
        ("Скидка сегодня", "Cкидкa сeгoдня"),  # four Latin letters
        ("The price is 5 USD https://t.me/shop/1 @shop #sale", "the price (is) 5 usd"),
    ],
)
def test_case_signs_scripts_and_links_make_no_other_text(one: str, other: str) -> None:
    assert normal_words(one) == normal_words(other)


def test_one_text_among_5000_is_compared_with_those_alone_that_share_words(monkeypatch: pytest.MonkeyPatch) -> None:
    own = {n: shingles(" ".join(f"w{n * 20 + k}x" for k in range(40))) for n in range(5000)}
    index, touched = TextIndex(own), 0
    made = texts.TextMatch

    def counted(key: int, score: float) -> texts.TextMatch:
        nonlocal touched
        touched += 1
        return made(key, score)

    monkeypatch.setattr(texts, "TextMatch", counted)
    (best, *_) = index.matches(own[4321])
    assert (best.key, best.score) == (4321, 1.0) and touched < 20


def test_a_picture_with_nothing_on_it_has_no_print_and_so_accuses_nobody() -> None:
    for kind in (5, 7):  # a gradient, noise
        assert print_of(Image.fromarray(drawn(kind, seed=SEED, sides=(320, 480)))) is None


def test_a_print_stays_the_same_through_the_database() -> None:
    pixels = drawn(0, seed=SEED, sides=(320, 480))
    found = print_of(Image.fromarray(pixels))
    assert found is not None
    again = PicturePrint.from_hex(found.to_hex())
    (match,) = PictureIndex([again]).matches(found)
    assert match.distance == 0
    small = print_of(Image.fromarray(compressed(pixels, scale=0.3, quality=50)))
    assert small is not None and PictureIndex([found]).matches(small)[0].distance < 12
