"""One post, Telegram's messages."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from app.posting.content.checks import check
from app.posting.content.markup import parse
from app.posting.content.parts import Part, parts
from app.posting.content.telegram import Entity
from app.posting.content.tree import Button, Content, Media, Options, Poll, tidied
from tests.posting.content.trees import contents

TEXT = parse("**Hi**")
PHOTO, DOCUMENT = Media("photo", "p"), Media("document", "d")
ALBUM = (PHOTO, Media("video", "v"))
POLL = Poll("Which?", ("a", "b"))
ROWS = ((Button("Go", "https://a.uz"),),)


def _shape(content: Content) -> list[tuple[str, str, bool]]:
    return [(part.kind, part.text, bool(part.buttons)) for part in parts(content)]


@pytest.mark.parametrize(
    ("content", "shape"),
    [
        (Content(), []),
        (Content(TEXT, buttons=ROWS), [("message", "Hi", True)]),
        (Content(TEXT, (PHOTO,), buttons=ROWS), [("photo", "Hi", True)]),
        (Content((), (DOCUMENT,)), [("document", "", False)]),
        (Content(TEXT, ALBUM), [("album", "Hi", False)]),
        (Content(TEXT, ALBUM, buttons=ROWS), [("album", "", False), ("message", "Hi", True)]),
        (Content(TEXT, ALBUM, POLL, ROWS), [("album", "Hi", False), ("poll", "", True)]),
        (Content(TEXT, (), POLL, ROWS), [("message", "Hi", False), ("poll", "", True)]),
        (Content((), (), POLL), [("poll", "", False)]),
        (
            Content(TEXT, (PHOTO,), None, ROWS, Options(text_apart=True)),
            [("photo", "", False), ("message", "Hi", True)],
        ),
        (Content((), (PHOTO,), None, ROWS, Options(text_apart=True)), [("photo", "", True)]),
    ],
)
def test_a_post_becomes_these_messages(content: Content, shape: list[tuple[str, str, bool]]) -> None:
    assert _shape(content) == shape


def test_options_go_where_telegram_takes_them() -> None:
    options = Options(is_protected=True, pin=True, preview="large", preview_above=True, caption_above=True)
    photo, poll = parts(Content(TEXT, (PHOTO,), POLL, (), options))
    assert photo == Part(
        "photo", "Hi", (Entity("bold", 0, 2),), (PHOTO,), is_protected=True, pin=True, caption_above=True
    )
    assert poll == Part("poll", poll=POLL, is_silent=True, is_protected=True)
    (message,) = parts(Content(TEXT, options=options))
    assert (message.preview, message.preview_above, message.caption_above) == ("large", True, False)
    assert not parts(Content(TEXT, (DOCUMENT,), options=options))[0].caption_above


def test_only_the_first_message_rings() -> None:
    apart = Options(text_apart=True)
    assert [part.is_silent for part in parts(Content(TEXT, (PHOTO,), POLL, (), apart))] == [False, True, True]
    assert [part.is_silent for part in parts(Content(TEXT, options=Options(is_silent=True)))] == [True]


def test_unchecked_an_album_without_a_text_would_lose_its_buttons() -> None:
    lost = Content((), ALBUM, buttons=ROWS)
    assert _shape(lost) == [("album", "", False)]
    assert [problem.field for problem in check(lost)] == ["text"]


@settings(max_examples=200, deadline=None)
@given(contents)
def test_a_post_without_errors_loses_nothing_on_its_way(content: Content) -> None:
    if any(problem.is_error for problem in check(content)):
        return
    sent, whole = parts(content), tidied(content)
    assert sent
    assert [medium for part in sent for medium in part.media] == list(whole.media)
    assert [part.poll for part in sent if part.poll] == [whole.poll] * bool(whole.poll)
    assert [part.buttons for part in sent if part.buttons] == [whole.buttons] * bool(whole.buttons)
    assert sum(bool(part.text) for part in sent) == bool(whole.blocks)
