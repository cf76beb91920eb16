"""The line of the date: in the language and the zone, below the text, within Telegram's limits."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from app.posting.content import checks, markup, parts, utf16
from app.posting.content.blocks import Code, Content, Media, Paragraph, Poll, Span, plain_text
from app.posting.content.telegram import render
from app.protection.archive.dated import cut, dated, note_of

AT = datetime(2026, 1, 5, 22, 30, tzinfo=UTC)
NOTE = note_of(AT, language="en", zone="Asia/Tashkent")
PICTURE = Media("photo", "f" * 22)


def said(content: Content) -> str:
    return render(content.blocks).text


def test_the_moment_is_told_in_the_zone_and_the_language() -> None:
    assert NOTE == "First published 6 Jan 2026, 03:30"
    assert "янв" in note_of(AT, language="ru", zone="Europe/Moscow")


def test_it_stands_below_the_text_in_italics() -> None:
    found = dated(Content(markup.parse("**News**")), NOTE)
    assert markup.write(found.content.blocks) == f"**News**\n\n__{NOTE}__"
    assert not found.is_cut


def test_a_picture_without_words_has_it_as_its_caption_and_a_poll_above_it() -> None:
    (one,) = parts.parts(dated(Content(media=(PICTURE,)), NOTE).content)
    assert (one.kind, one.text) == ("photo", NOTE)
    kinds = [part.kind for part in parts.parts(dated(Content(poll=Poll("Q", ("a", "b"))), NOTE).content)]
    assert kinds == ["message", "poll"]


@pytest.mark.parametrize(
    "length", [1, 900, 986, 987, 988, 1000, 1024, 3000, 4050, 4058, 4059, 4060, 4061, 4062, 4096, 9000]
)
@pytest.mark.parametrize("media", [(), (PICTURE,), (PICTURE, Media("photo", "g" * 22))])
@pytest.mark.parametrize("letter", ["a", "👍"])
def test_every_length_can_be_sent_and_says_when(length: int, media: tuple[Media, ...], letter: str) -> None:
    words = (letter * length)[: length if letter == "a" else max(length // 2, 1)]
    found = dated(Content((Paragraph((Span(words),)),), media=media), NOTE)
    checks.require(found.content)
    assert said(found.content).endswith(NOTE)
    assert (words in said(found.content)) is not found.is_cut
    assert not found.is_cut or utf16.length(said(found.content)) > checks.TEXT_LIMIT - 8


def test_a_long_caption_becomes_a_message_below_its_picture() -> None:
    made = parts.parts(dated(Content((Paragraph((Span("a" * 1020),)),), media=(PICTURE,)), NOTE).content)
    assert [part.kind for part in made] == ["photo", "message"]
    assert made[1].text.startswith("a" * 1020) and made[1].text.endswith(NOTE)


def test_a_text_that_has_all_the_looks_it_may_have_gets_a_plain_line() -> None:
    spans = [Span("a", frozenset({"bold"})) if number % 2 else Span("b") for number in range(200)]
    found = dated(Content((Paragraph(tuple(spans)),)), NOTE)
    checks.require(found.content)
    assert said(found.content).endswith(NOTE)


def test_a_cut_ends_within_the_block_that_is_too_long() -> None:
    blocks = (Paragraph((Span("first"),)), Code("x" * 50), Paragraph((Span("last"),)))
    kept = cut(blocks, 30)
    text = plain_text(kept)
    assert text.startswith("first\nxxx") and text.endswith("…") and "last" not in text
    assert utf16.length(text) <= 30
