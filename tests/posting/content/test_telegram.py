"""Composed equals delivered: entities in UTF-16 units, cut and ordered as Telegram keeps them, and read back."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from app.posting.content import utf16
from app.posting.content.markup import parse
from app.posting.content.telegram import Entity, Rendered, read, render
from app.posting.content.tree import Block, Code, Paragraph, Quote, Span, plain_text, tidy
from tests.posting.content.trees import FAMILY, texts, trees

SLOW = settings(max_examples=200, deadline=None)
KINDS = {"strike": "strikethrough"}


def _units(text: str) -> list[bytes]:
    raw = text.encode("utf-16-le")
    return [raw[at : at + 2] for at in range(0, len(raw), 2)]


def _looks_composed(tree: tuple[Block, ...]) -> list[set[str]]:
    """What each UTF-16 unit looks like by the tree: an account of its own, unit by unit."""
    result: list[set[str]] = []
    for number, block in enumerate(tree):
        if number:
            result.append(set())
        if isinstance(block, Code):
            result += [{f"pre:{block.language}"} for _ in _units(block.text)]
            continue
        around = (
            {"expandable_blockquote" if block.is_expandable else "blockquote"} if isinstance(block, Quote) else set()
        )
        for span in block.spans:
            looks = around | {KINDS.get(mark, mark) for mark in span.marks}
            looks |= {f"text_link:{span.link}"} if span.link else set()
            looks |= {f"custom_emoji:{span.emoji}"} if span.emoji else set()
            result += [looks for _ in _units(span.text)]
    return result


def _looks_delivered(rendered: Rendered) -> list[set[str]]:
    result: list[set[str]] = [set() for _ in _units(rendered.text)]
    for entity in rendered.entities:
        value = {"pre": entity.language or "", "text_link": entity.url, "custom_emoji": entity.custom_emoji_id}
        name = f"{entity.type}:{value[entity.type]}" if entity.type in value else entity.type
        for unit in result[entity.offset : entity.end]:
            assert name not in unit, "the same look twice in one place"
            unit.add(name)
    return result


@SLOW
@given(trees)
def test_every_unit_is_delivered_as_composed(tree: tuple[Block, ...]) -> None:
    rendered = render(tree)
    assert rendered.text == plain_text(tidy(tree))
    assert _looks_delivered(rendered) == _looks_composed(tidy(tree))


@SLOW
@given(trees)
def test_what_telegram_gives_back_is_read_as_composed(tree: tuple[Block, ...]) -> None:
    rendered = render(tree)
    assert read(rendered.text, rendered.entities) == tidy(tree) == tidy(tidy(tree))
    assert render(tidy(tree)) == rendered


@SLOW
@given(trees)
def test_nothing_is_left_for_telegram_to_mend(tree: tuple[Block, ...]) -> None:
    rendered = render(tree)
    assert rendered.text == rendered.text.strip(" \n")
    assert not set(rendered.text) & set("\0\t\r\u202e\u030a\ud83d")
    places = [(entity.offset, -entity.length) for entity in rendered.entities]
    assert places == sorted(places)
    assert not any(_is_inside_a_pair(rendered.text, edge) for e in rendered.entities for edge in (e.offset, e.end))
    for number, one in enumerate(rendered.entities):
        assert one.length > 0
        for other in rendered.entities[number + 1 :]:
            assert other.offset >= one.end or other.end <= one.end, "one entity crosses another"
            assert other.offset >= one.end or one.type not in ("code", "pre"), "code carries another look"


def _is_inside_a_pair(text: str, unit: int) -> bool:
    units = _units(text)
    return unit < len(units) and 0xDC00 <= int.from_bytes(units[unit], "little") < 0xE000


@SLOW
@given(texts)
def test_lengths_are_those_of_utf_16(text: str) -> None:
    kept = utf16.whole(text)
    assert utf16.length(kept) == len(_units(kept))
    assert "".join(utf16.cut(kept, at, at + 1) for at in range(utf16.length(kept))) == "".join(
        character for character in kept if character <= "\uffff"
    )


def _entities(*rows: tuple[object, ...]) -> tuple[Entity, ...]:
    return tuple(Entity(*row) for row in rows)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "entities"),
    [
        (f"{FAMILY} **x**", _entities(("bold", 9, 1))),
        ("שלום **👍🏽**", _entities(("bold", 5, 4))),
        ("n\u0303 __n\u0303__", _entities(("italic", 3, 2))),
        ("**a__b__**", _entities(("bold", 0, 1), ("bold", 1, 1), ("italic", 1, 1))),
        ("**a__b__c**", _entities(("bold", 0, 1), ("bold", 1, 2), ("italic", 1, 1))),
        ("**a__b**c__", _entities(("bold", 0, 1), ("italic", 1, 2), ("bold", 1, 1))),
        ("**a [b](https://a.uz/)**", _entities(("bold", 0, 2), ("text_link", 2, 1, "https://a.uz/"), ("bold", 2, 1))),
        ("> **a**", _entities(("blockquote", 0, 1), ("bold", 0, 1))),
        ("**a `b` c**", _entities(("bold", 0, 1), ("code", 2, 1), ("bold", 4, 1))),
        ("**a\n> b**", ()),
    ],
)
def test_entities_are_cut_and_ordered_as_tdlib_does_it(text: str, entities: tuple[Entity, ...]) -> None:
    """The cuts by hand after split_entities of tdlib at 022d602: at each beginning, and at the ends of what is no mark."""
    wanted = entities or _entities(("blockquote", 4, 3))
    assert render(parse(text)).entities == wanted


def test_space_around_the_text_goes_and_entities_with_it() -> None:
    tree = (
        Paragraph((Span(" \n "), Span(" a ", frozenset({"bold"})), Span("\n", frozenset({"code"})))),
        Quote((Span(" "),)),
    )
    assert render(tree) == Rendered("a", (Entity("bold", 0, 1),))


def test_halves_of_characters_and_nul_are_left_out() -> None:
    assert render((Paragraph((Span("a\ud83d\0b\udc4d\ud83d\udc4d"),)),)).text == "ab👍"


def test_foreign_entities_are_clipped_to_whole_characters() -> None:
    found = read(
        "👍👍 x", _entities(("bold", 1, 2), ("italic", 2, 99), ("mention", 0, 4), ("code", 7, 3), ("bold", 5, 0))
    )
    assert found == (Paragraph((Span("👍"), Span("👍 x", frozenset({"italic"})))),)


def test_code_inside_a_quote_and_a_quote_amid_a_line_are_read() -> None:
    assert read("a b", _entities(("blockquote", 0, 3), ("pre", 2, 1))) == (
        Quote((Span("a "), Span("b", frozenset({"code"})))),
    )
    assert [type(block) for block in read("abc", _entities(("blockquote", 1, 1)))] == [Paragraph, Quote, Paragraph]


def test_a_custom_emoji_half_bold_stays_whole() -> None:
    emoji = Entity("custom_emoji", 0, 4, custom_emoji_id="7")
    assert read("👍🏽x", (Entity("bold", 2, 3), emoji)) == (
        Paragraph((Span("👍🏽", frozenset(), None, "7"), Span("x", frozenset({"bold"})))),
    )


def test_entities_as_the_bot_api_writes_them() -> None:
    docs = [
        {"type": "text_link", "offset": 0, "length": 1, "url": "https://a.uz/"},
        {"type": "bold", "offset": 1, "length": 1},
    ]
    assert [Entity.from_api(doc).to_api() for doc in docs] == docs
