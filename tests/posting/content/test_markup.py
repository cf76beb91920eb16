"""What people type says what they mean, is never refused, and is given back as they would type it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from app.posting.content.markup import parse, write
from app.posting.content.tree import Block, Code, Paragraph, Quote, Span, plain_text, tidy
from tests.posting.content.trees import texts, trees

SLOW = settings(max_examples=200, deadline=None)


def _said(*spans: Span) -> tuple[Block, ...]:
    return (Paragraph(spans),)


def _with(text: str, *marks: str, link: str | None = None) -> Span:
    return Span(text, frozenset(marks), link)  # type: ignore[arg-type]


@SLOW
@given(trees)
def test_a_tree_written_as_markup_is_read_back(tree: tuple[Block, ...]) -> None:
    assert parse(write(tree)) == tidy(tree)


@SLOW
@given(texts)
def test_whatever_is_typed_is_taken_and_stays_what_it_is(text: str) -> None:
    first = parse(text)
    assert parse(write(first)) == first == tidy(first)


@pytest.mark.parametrize(
    ("text", "mark"),
    [
        ("**x**", "bold"),
        ("__x__", "italic"),
        ("++x++", "underline"),
        ("~~x~~", "strike"),
        ("||x||", "spoiler"),
        ("`x`", "code"),
    ],
)
def test_each_mark(text: str, mark: str) -> None:
    assert parse(text) == _said(_with("x", mark))
    assert write(_said(_with("x", mark))) == text


def test_marks_cross_each_other_and_lines() -> None:
    spans = (_with("a ", "bold"), _with("b\nc", "bold", "italic"), _with(" d", "italic"), Span(" e"))
    assert parse("**a __b\nc** d__ e") == _said(*spans)
    assert write(_said(*spans)) == "**a __b\nc** d__ e"


@pytest.mark.parametrize(
    "text",
    [
        "**bold", "2 ** 3 ** 4", "C++ and i++", "a || b || c", "____", "***x***", "**__**__", "**  **", "snake_case_name",
        "`open", "` `", "``x``", "[x]", "[x](y)", "[](https://a.uz)", "[x](mailto:a@b.uz)", "[x](javascript:alert(1))",
        "[x](https://localhost)", "[a b](emoji:1)", "[👍](emoji:no)", "[x](tg://user?id=1)", "C:\\new\\table",
        "```", "```py\nnever closed", "```\n\n```", "a > b", ">", "> \n>>", "https://a.uz/x_y?z=1",
    ],
)  # fmt: skip
def test_what_is_no_mark_stays_text(text: str) -> None:
    assert plain_text(parse(text)) == text
    assert parse(text) == _said(Span(text))
    assert write(parse(text)).replace("\\", "") == text.replace("\\", "")


@pytest.mark.parametrize(
    "text", ["C++ and i++", "a || b", "[x](y)", "2 ** 3", "____", "a_b", "C:\\new", "[1]", "a > b"]
)
def test_text_that_cannot_be_mistaken_is_written_without_backslashes(text: str) -> None:
    assert write(_said(Span(text))) == text


def test_a_backslash_takes_a_meaning_away() -> None:
    assert parse(r"\*\*x\*\* \[a](https://a.uz) \`c\` \\") == _said(Span("**x** [a](https://a.uz) `c` \\"))
    assert parse("\\> no quote") == _said(Span("> no quote"))
    assert parse(r"`a\`b\\ \n`") == _said(_with("a`b\\ \\n", "code"))


def test_a_link_is_kept_as_telegram_keeps_it() -> None:
    kept = _said(Span("see "), _with("here", link="https://site.uz/a_(b)?c=1"))
    assert parse("see [here](HTTPS://Site.uz/a_(b)?c=1)") == kept
    assert parse(write(kept)) == kept


def test_the_nearest_bracket_begins_the_link() -> None:
    assert parse("[a [b](https://a.uz/)") == _said(Span("[a "), _with("b", link="https://a.uz/"))
    assert parse("[a] b](https://a.uz/)") == _said(Span("[a] b](https://a.uz/)"))


def test_a_custom_emoji_keeps_its_plain_one() -> None:
    emoji = Span("👍", frozenset(), None, "5368324170671202286")
    assert parse("[👍](emoji:5368324170671202286)[👍](emoji:5368324170671202286)") == _said(emoji, emoji)


def test_quotes_begin_and_go_on() -> None:
    text = "Said:\n> one\n> two\n>> another\n>>> long\n> longer\nend"
    blocks = (
        Paragraph((Span("Said:"),)),
        Quote((Span("one\ntwo"),)),
        Quote((Span("another"),)),
        Quote((Span("long\nlonger"),), is_expandable=True),
        Paragraph((Span("end"),)),
    )
    assert parse(text) == blocks
    assert write(blocks) == text


def test_code_keeps_every_sign() -> None:
    code = Code("**x** `y`\n\n> z\n```\nend", "py")
    assert write((code,)) == "````py\n**x** `y`\n\n> z\n```\nend\n````"
    assert parse(write((code,))) == (code,)
    assert parse("```py\nx = 1```") == (Code("x = 1", "py"),)
    assert parse("a\n```x = 1```") == (Paragraph((Span("a"),)), Code("x = 1"))


def test_empty_lines_between_blocks_are_kept() -> None:
    for text in ("a\n\n> q\n\n\nb", "> q\n\n> p", "```\nx\n```\n\nb\n\n```\ny\n```"):
        assert write(parse(text)) == text
    assert plain_text(parse("> q\n\n> p")) == "q\n\np"


@pytest.mark.parametrize(
    "piece", ["**", "[", "](a", "`a``", ">a\n", ">>a\n", "```a\n", "```\n\n", "|| ", "](((", "\\`"]
)
def test_a_long_row_of_signs_is_read_as_text_without_end(piece: str) -> None:
    """What looks like many beginnings of marks is taken, and written back as the same."""
    blocks = parse(piece * (2_000 // len(piece)))
    assert parse(write(blocks)) == blocks
