"""The stored form: equal posts are equal documents, and only documents that we know are read."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings

from app.core.errors import Invalid
from app.posting.content import urls
from app.posting.content.tree import (
    Button,
    Code,
    Content,
    Media,
    Options,
    Paragraph,
    Poll,
    Quote,
    Span,
    fingerprint,
    from_json,
    text_hash,
    tidied,
    to_json,
)  # fmt: skip
from tests.posting.content.trees import contents

BOLD = frozenset({"bold"})
FULL = Content(
    (Paragraph((Span("a", BOLD), Span("👍", emoji="7"))), Quote((Span("q"),), True), Code("x", "py")),
    (Media("photo", "f1", True),),
    Poll("Which?", ("a", "b"), answer=1, explanation="so"),
    ((Button("Go", "https://a.uz", True),),),
    Options(is_silent=True, preview="small"),
)


@settings(max_examples=200, deadline=None)
@given(contents)
def test_what_is_stored_is_read_back(content: Content) -> None:
    doc = json.loads(json.dumps(to_json(content)))
    assert from_json(doc) == tidied(content)
    assert to_json(from_json(doc)) == doc
    assert fingerprint(content) == fingerprint(tidied(content))


def test_the_stored_form_is_short_and_plain() -> None:
    assert to_json(Content((Paragraph((Span("Hi"),)),))) == {
        "version": 1,
        "blocks": [{"kind": "paragraph", "spans": [{"text": "Hi"}]}],
    }
    assert to_json(Content()) == {"version": 1}


def test_posts_that_look_alike_have_one_fingerprint() -> None:
    one = Content((Paragraph((Span("a", BOLD), Span("b", BOLD))), Paragraph((Span("c "),))))
    other = Content((Paragraph((Span(" ab", BOLD), Span("\nc"))),))
    assert fingerprint(one) == fingerprint(other)
    assert fingerprint(one) != fingerprint(Content(one.blocks, options=Options(pin=True)))


def test_the_text_hash_is_of_the_words_alone() -> None:
    assert text_hash(Content((Paragraph((Span("Big  Sale", BOLD),)),))) == text_hash(
        Content((Quote((Span("big\nsale"),)),))
    )
    assert text_hash(Content(media=FULL.media)) == ""


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["version"], 2),
        (["surprise"], 1),
        (["blocks", 0, "kind"], "table"),
        (["blocks", 0, "kind"], ["paragraph"]),
        (["blocks", 0, "spans", 0, "text"], None),
        (["blocks", 0, "spans", 0, "marks"], ["blink"]),
        (["blocks", 0, "spans", 0, "marks"], "bold"),
        (["blocks", 0, "spans", 1, "emoji"], "-1"),
        (["blocks", 0, "spans", 0], {}),
        (["blocks", 1, "is_expandable"], 1),
        (["media", 0, "kind"], "voice"),
        (["poll", "answer"], True),
        (["poll", "options"], {"a": 1}),
        (["buttons", 0, 0, "onclick"], "x"),
        (["options", "preview"], "huge"),
        (["options"], []),
    ],
)
def test_an_unknown_document_is_refused(path: list[Any], value: object) -> None:
    doc: Any = json.loads(json.dumps(to_json(FULL)))
    assert from_json(doc) == FULL
    place = doc
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with pytest.raises(Invalid) as refused:
        from_json(doc)
    assert refused.value.code == "content_unreadable"


@pytest.mark.parametrize("doc", [None, [], "x", {}, 1])
def test_something_else_is_refused(doc: object) -> None:
    with pytest.raises(Invalid):
        from_json(doc)


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("HTTPS://Site.UZ", "https://site.uz/"),
        ("http://a.uz:080?q=1", "http://a.uz:80/?q=1"),
        ("https://u:p@a.uz/Path#x", "https://u:p@a.uz/Path#x"),
        ("https://сайт.уз/й", "https://сайт.уз/й"),
        ("tg:resolve?domain=x", "tg://resolve?domain=x"),
        ("tg://Settings", "tg://settings/"),
        ("ftp://a.uz", None), ("mailto:a@b.uz", None), ("tel:+998", None), ("a.uz", None), ("https://localhost", None),
        ("https://a.uz:99999", None), ("https://a.uz:x", None), ("https://a b.uz", None), ("https://a.uz/a b", None),
        ("https://", None), ("https://.", None), ("https://a%zz.uz", None), ("tg://user?id=1", None), ("", None),
    ],
)  # fmt: skip
def test_addresses_are_kept_as_telegram_keeps_them(url: str, kept: str | None) -> None:
    assert urls.checked(url) == kept
    assert kept is None or urls.checked(kept) == kept
