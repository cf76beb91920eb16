from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import Upstream
from app.readings.collectors.base import (
    Collector,
    Count,
    LayoutChanged,
    NoPreview,
    bot_api_chat_id,
    hash_text,
    utf16_length,
)
from app.readings.collectors.preview_page import PreviewPages


def test_a_count_says_how_precise_it_is() -> None:
    assert (Count(842, 0).precision, Count(4850, 10).precision) == ("exact", "rounded")


@pytest.mark.parametrize(
    ("kind", "code", "permanent"),
    [(LayoutChanged, "layout_changed", True), (NoPreview, "no_preview", True), (Upstream, "upstream", False)],
)
def test_failures_carry_their_code_and_whether_repeating_helps(
    kind: type[Upstream], code: str, permanent: bool
) -> None:
    error = kind("A sentence.")
    assert (error.code, error.permanent) == (code, permanent)


@pytest.mark.parametrize("channel_id", [-1005640892, 1005640892])
def test_the_chat_id_is_the_bot_apis_for_either_sign(channel_id: int) -> None:
    assert bot_api_chat_id(channel_id) == -1001005640892


def test_length_counts_utf16_units() -> None:
    assert [utf16_length(text) for text in ("", "abc", "é", "👍", "👨‍👩‍👧", "Ўзбек")] == [0, 3, 1, 2, 8, 5]


@given(st.text())
def test_length_is_one_unit_a_character_and_one_more_beyond_the_basic_plane(text: str) -> None:
    assert utf16_length(text) == len(text) + sum(ord(letter) > 0xFFFF for letter in text)


def test_the_same_words_hash_alike_whatever_the_white_space_and_the_accents_form() -> None:
    assert hash_text(" cafe\u0301\n\nopen ") == hash_text("caf\u00e9 open") != hash_text("cafe open")
    assert hash_text(" \n") is None


def test_the_preview_page_is_a_collector() -> None:
    collector: type[Collector] = PreviewPages
    assert collector.source == "preview_page"
