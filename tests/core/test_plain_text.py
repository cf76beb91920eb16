from __future__ import annotations

import pytest

from app.core.plain_text import one_line


@pytest.mark.parametrize("text", ["", " ", "\u200b\u200d", "\ufeff", "\u2800", "\u3164 \u202e", "\u0301", "\x00\x07"])
def test_a_text_without_anything_to_see_is_empty(text: str) -> None:
    assert one_line(text) == ""


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("  New\n prices\t", "New prices"),
        ("a\u202egpj.exe\u202c b", "agpj.exe b"),
        ("\u2066x\u2069\u200e \u200f y", "x y"),
        ("Reklama: oʻzbek 🎉", "Reklama: oʻzbek 🎉"),
        ("ё\u0308!", "ё\u0308!"),
    ],
)
def test_what_cannot_be_seen_is_left_out(text: str, kept: str) -> None:
    assert one_line(text) == kept
