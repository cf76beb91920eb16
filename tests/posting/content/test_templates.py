"""A channel's own words around and below a post."""

from __future__ import annotations

from app.posting.content.markup import parse, write
from app.posting.content.templates import framed, with_signature
from app.posting.content.tree import Content, Media, Options, Poll

SIGNATURE = parse("[Kun.uz](https://t.me/kunuz)")
PHOTO = (Media("photo", "p"),)


def test_the_signature_stands_below_an_empty_line() -> None:
    assert write(with_signature(Content(parse("Hi ")), SIGNATURE).blocks) == "Hi\n\n[Kun.uz](https://t.me/kunuz)"
    assert write(with_signature(Content(parse("> Hi")), SIGNATURE).blocks) == "> Hi\n\n[Kun.uz](https://t.me/kunuz)"


def test_a_picture_without_text_is_signed_and_a_poll_alone_is_not() -> None:
    assert with_signature(Content(media=PHOTO), SIGNATURE).blocks == SIGNATURE
    poll = Content(poll=Poll("Which?", ("a", "b")))
    assert with_signature(poll, SIGNATURE) == poll


def test_a_post_that_wants_no_signature_gets_none() -> None:
    unsigned = Content(parse("Hi"), options=Options(signature=False))
    assert with_signature(unsigned, SIGNATURE) == unsigned
    assert with_signature(Content(parse("Hi")), parse(" ")) == Content(parse("Hi"))


def test_a_template_puts_the_text_at_its_place() -> None:
    template = parse("**News**\n\n{text}\n\n> by us")
    assert write(framed(Content(parse("one\n\n> two")), template).blocks) == "**News**\n\none\n\n> two\n\n> by us"
    assert write(framed(Content(parse("one")), parse("Today:")).blocks) == "Today:\none"
    assert write(framed(Content(parse("one")), parse("a {text}")).blocks) == "a {text}\none"


def test_a_template_around_no_text_leaves_one_gap() -> None:
    assert write(framed(Content(media=PHOTO), parse("**News**\n\n{text}\n\nby us")).blocks) == "**News**\n\nby us"
