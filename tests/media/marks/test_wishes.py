"""Marks as people wish for them, and how their letters are drawn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageFont, features

from app.media.marks import fonts
from app.media.marks.layout import Size
from app.media.marks.refusal import Refusal
from app.media.marks.stamps import Stamp, stamp_for
from app.media.marks.wishes import clean, mark_of
from tests.media.hostile.pieces import saved, scene

_PICTURE = Size(1200, 900)


def _stamp(**wish: Any) -> Stamp:
    return stamp_for(mark_of(wish), _PICTURE)


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        ({}, "mark"),
        ({"text": "x", "logo": "y"}, "mark"),
        ({"text": " \n\t​"}, "mark"),
        ({"text": "x" * 201}, "text_too_long"),
        ({"text": "x\n" * 5 + "x"}, "text_too_long"),
        ({"text": "x", "color": "white"}, "color"),
        ({"text": "x", "color": "#fff:x=1"}, "color"),
        ({"text": "x", "position": "somewhere"}, "position"),
        ({"text": "x", "opacity": 0}, "share"),
        ({"text": "x", "opacity": "nan"}, "share"),
        ({"text": "x", "scale": 1.5}, "share"),
        ({"text": "x", "scale": None}, "share"),
        ({"text": "x", "margin": -1}, "share"),
    ],
)
def test_what_cannot_be_drawn_is_refused_with_a_sentence(wish: dict[str, Any], code: str) -> None:
    with pytest.raises(Refusal) as refused:
        mark_of(wish)
    assert refused.value.code == code and len(str(refused.value)) > 20 and "%(" not in str(refused.value)


def test_what_is_invisible_is_taken_out_and_line_ends_are_one() -> None:
    assert clean("a\0b\u200bc\r\nd\u2028e\x1b[0m") == "abc\nd\ne[0m"


def test_letters_that_no_font_has_are_named() -> None:
    with pytest.raises(Refusal, match="字 漢"):
        _stamp(text="漢字 ok")


def test_right_to_left_letters_are_joined_and_turned() -> None:
    """Shaped by raqm; letter by letter in the order of reading they would be wider and another picture."""
    assert features.check("raqm")
    word, font = "سلام", fonts.text_font(80)
    plain = ImageFont.truetype(font.path, 80, layout_engine=ImageFont.Layout.BASIC)
    assert font.getlength(word) < plain.getlength(word) - 5
    shaped, reversed_ = _stamp(text=word).image, _stamp(text=word[::-1]).image
    assert shaped.size != reversed_.size


def test_emoji_are_drawn_in_their_colours_in_the_line() -> None:
    drawn = np.asarray(_stamp(text="Hi ❤️", opacity=1, scale=0.5).image).astype(int)
    red = (drawn[..., 0] - drawn[..., 1] > 100) & (drawn[..., 3] > 200)
    assert red[:, drawn.shape[1] // 2 :].sum() > 300 and red[:, : drawn.shape[1] // 3].sum() == 0


def test_families_and_flags_are_one_emoji() -> None:
    assert [run.is_emoji for run in fonts.runs("a👨‍👩‍👧🇺🇿1️⃣b")] == [False, True, False]
    one = fonts.emoji_font().getlength("👍")
    assert fonts.emoji_font().getlength("👨‍👩‍👧") == fonts.emoji_font().getlength("🇺🇿") == one


def test_runs_of_a_line_that_begins_right_to_left_stand_from_the_right() -> None:
    assert [run.text for run in fonts.runs("سلام 🎉 hi")] == [" hi", "🎉", "سلام "]


def test_the_uzbek_apostrophe_and_cyrillic_are_drawn() -> None:
    assert [run.is_emoji for run in fonts.runs("Oʻzbekiston Ўзбекистон ғқҳ")] == [False]


def test_opacity_is_the_most_that_the_mark_covers() -> None:
    assert _stamp(text="III", opacity=0.3).image.getchannel("A").getextrema()[1] == round(255 * 0.3)


def test_the_text_has_its_colour_and_an_outline_of_the_other() -> None:
    drawn = np.asarray(_stamp(text="III", color="#ffff00", opacity=1, scale=0.5).image)
    solid = {tuple(color) for color in drawn[drawn[..., 3] == 255][:, :3].tolist()}
    assert {(255, 255, 0), (0, 0, 0)} <= solid


def test_lines_stand_below_each_other() -> None:
    one, two = _stamp(text="kanal", scale=0.3), _stamp(text="kanal\nkanal", scale=0.3)
    assert two.image.height > 1.7 * one.image.height and two.image.width == one.image.width


def test_a_logo_is_cut_to_what_is_seen(tmp_path: Path) -> None:
    picture = Image.new("RGBA", (400, 300))
    picture.paste((10, 200, 30, 255), (100, 100, 200, 150))
    picture.save(tmp_path / "logo.png")
    stamp = _stamp(logo=str(tmp_path / "logo.png"), scale=0.25)
    assert stamp.image.size == (300, 150)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "kind"),
        (saved(Image.new("RGBA", (9, 9)), "PNG"), "logo"),
        (saved(Image.new("1", (5000, 4000)), "PNG"), "pixels"),
        (saved(scene(), "PNG")[:200], "damaged"),
    ],
)
def test_logos_that_are_none(content: bytes, code: str, tmp_path: Path) -> None:
    (tmp_path / "logo.png").write_bytes(content)
    with pytest.raises(Refusal) as refused:
        _stamp(logo=str(tmp_path / "logo.png"))
    assert refused.value.code == code


def test_a_missing_font_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "_EMOJI", Path("/nowhere.ttf"))
    fonts.emoji_font.cache_clear()
    assert fonts.missing() == ["/nowhere.ttf"]
    with pytest.raises(Refusal) as refused:
        _stamp(text="🎉")
    assert refused.value.code == "no_font"
