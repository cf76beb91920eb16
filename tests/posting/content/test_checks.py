"""What Telegram would refuse is said before; what it takes passes."""

from __future__ import annotations

import pytest

from app.core.errors import Invalid
from app.core.i18n import say
from app.posting.content.checks import check, require
from app.posting.content.markup import parse
from app.posting.content.tree import Block, Button, Content, Media, Options, Paragraph, Poll, Span

PHOTO, VIDEO = Media("photo", "p"), Media("video", "v")
DOCUMENT, ANIMATION = Media("document", "d"), Media("animation", "a")
TEXT = parse("Hi")
GO = Button("Go", "https://a.uz")


def _long(units: int) -> tuple[Block, ...]:
    """A text of so many UTF-16 units, in emoji of two."""
    return (Paragraph((Span("👍" * (units // 2) + "x" * (units % 2)),)),)


def _found(content: Content) -> list[tuple[str, bool]]:
    found = check(content)
    for problem in found:
        assert say("en", problem.sentence, **problem.params), "the sentence and its parameters belong together"
    return [(problem.field, problem.is_error) for problem in found]


def _poll(**changes: object) -> Content:
    return Content(poll=Poll(**{"question": "Which?", "options": ("a", "b"), **changes}))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "content",
    [
        Content(TEXT),
        Content(_long(4096)),
        Content(_long(1024), (PHOTO,)),
        Content(_long(4096), (PHOTO,), options=Options(text_apart=True)),
        Content(_long(4096), (PHOTO, VIDEO), buttons=((GO,),)),
        Content(media=(PHOTO, VIDEO) * 5),
        Content(media=(DOCUMENT, DOCUMENT)),
        Content(media=(ANIMATION,)),
        Content(media=(Media("photo", "p", True), Media("video", "v", True))),
        Content(TEXT, buttons=((GO,) * 8,) * 12),
        Content(TEXT, buttons=((Button("👍" * 32, "tg://resolve?domain=x"),), ())),
        Content(parse(" ".join(["**x**"] * 100))),
        _poll(question="x" * 300, options=("x" * 100,) * 12),
        _poll(answer=1, explanation="a\nb\n" + "c" * 196),
        Content((), (PHOTO, VIDEO), Poll("Which?", ("a", "b")), ((GO,),)),
    ],
)
def test_what_telegram_takes_passes(content: Content) -> None:
    assert _found(content) == []
    require(content)


@pytest.mark.parametrize(
    ("content", "field"),
    [
        (Content(), "text"),
        (Content(parse("  \n ")), "text"),
        (Content(parse("\u200b\u200d")), "text"),
        (Content(parse("\u200b"), (PHOTO,)), "text"),
        (Content(_long(4097)), "text"),
        (Content(_long(1025), (PHOTO,)), "text"),
        (Content(_long(4097), (PHOTO,), options=Options(text_apart=True)), "text"),
        (Content(parse(" ".join(["**x**"] * 101))), "text"),
        (Content(media=(PHOTO,) * 11), "media"),
        (Content(media=(PHOTO, ANIMATION)), "media"),
        (Content(media=(PHOTO, DOCUMENT)), "media"),
        (Content(media=(Media("document", "d", True),)), "media"),
        (Content(media=(PHOTO, VIDEO), buttons=((GO,),)), "text"),
        (Content(TEXT, buttons=((GO,) * 9,)), "buttons"),
        (Content(TEXT, buttons=((GO,) * 8,) * 13), "buttons"),
        (Content(TEXT, buttons=((Button("\u200b", "https://a.uz"),),)), "buttons"),
        (Content(TEXT, buttons=((Button("x" * 65, "https://a.uz"),),)), "buttons"),
        (Content(TEXT, buttons=((Button("x", "javascript:alert(1)"),),)), "buttons"),
        (Content(TEXT, buttons=((Button("x", "tg://resolve?domain=x", True),),)), "buttons"),
        (_poll(question=""), "poll.question"),
        (_poll(question="x" * 301), "poll.question"),
        (_poll(options=("a",)), "poll.options"),
        (_poll(options=("a",) * 13), "poll.options"),
        (_poll(options=("a", " ")), "poll.options"),
        (_poll(options=("a", "x" * 101)), "poll.options"),
        (_poll(answer=2), "poll.answer"),
        (_poll(answer=-1), "poll.answer"),
        (_poll(answer=0, is_multiple=True), "poll.answer"),
        (_poll(answer=0, explanation="x" * 201), "poll.explanation"),
        (_poll(answer=0, explanation="a\nb\nc\nd"), "poll.explanation"),
        (_poll(explanation="x"), "poll.explanation"),
    ],
)
def test_what_telegram_refuses_is_one_error_of_its_field(content: Content, field: str) -> None:
    assert _found(content) == [(field, True)]
    with pytest.raises(Invalid) as refused:
        require(content)
    assert list(refused.value.fields) == [field]


def test_a_caption_and_a_text_have_limits_apart_and_tell_lengths() -> None:
    (problem,) = check(Content(_long(1030), (PHOTO,)))
    assert problem.params == {"length": 1030, "limit": 1024}
    assert check(Content(_long(1030))) == ()


def test_custom_emoji_and_a_caption_above_a_document_only_warn() -> None:
    assert _found(Content(parse("[👍](emoji:7)"))) == [("text", False)]
    assert _found(Content(TEXT, (DOCUMENT,), options=Options(caption_above=True))) == [("media", False)]
    require(Content(parse("[👍](emoji:7)")))


def test_more_custom_emoji_than_telegram_keeps_are_an_error() -> None:
    assert ("text", True) in _found(Content(parse("[👍](emoji:7)" * 101)))
    assert ("text", True) not in _found(Content(parse("[👍](emoji:7)" * 100)))
