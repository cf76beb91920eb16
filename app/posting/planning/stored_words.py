"""The words of posts without their looks: of one as composed, and of many as they are stored, read without building them.

Equal words are equal `content.tree.text_hash`es; comparing a busy channel's month takes milliseconds this way.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from app.posting.content.blocks import Content, plain_text
from app.posting.content.tidy import tidied


def words_of(content: Content) -> str:
    """The words of a post, whatever their looks, case and spacing; "" where there are none."""
    return _plain(plain_text(tidied(content).blocks))


def words_in(doc: Mapping[str, Any]) -> str:
    """The same of a document of `tree.to_json`."""
    return _plain(text_in(doc))


def text_in(doc: Mapping[str, Any]) -> str:
    """The text of a stored post, a line break between its blocks."""
    return "\n".join(_texts(doc))


def _texts(doc: Mapping[str, Any]) -> Iterator[str]:
    for block in doc.get("blocks", ()):
        yield block["text"] if "text" in block else "".join(span["text"] for span in block.get("spans", ()))


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())
