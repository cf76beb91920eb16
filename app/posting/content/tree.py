"""A post's content: its classes, its JSON for the database, and the fingerprints made of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any

from app.core.errors import Invalid
from app.core.i18n import N_
from app.posting.content.blocks import (
    MARKS,
    MEDIA_KINDS,
    PREVIEWS,
    Block,
    Button,
    Code,
    Content,
    Media,
    Options,
    Paragraph,
    Poll,
    Quote,
    Span,
    plain_text,
)
from app.posting.content.tidy import is_emoji_id, tidied, tidy

__all__ = [
    "Block",
    "Button",
    "Code",
    "Content",
    "Media",
    "Options",
    "Paragraph",
    "Poll",
    "Quote",
    "Span",
    "fingerprint",
    "from_json",
    "hash_of",
    "plain_text",
    "text_hash",
    "tidied",
    "tidy",
    "to_json",
]
VERSION = 1
_KINDS: dict[str, type] = {"paragraph": Paragraph, "quote": Quote, "code": Code}
_Reader = Callable[[Any], Any]


def to_json(content: Content) -> dict[str, Any]:
    """The content in normal form as a JSON document without what is at its default: equal posts, equal documents."""
    return {"version": VERSION, **_dump(tidied(content))}


def from_json(doc: object) -> Content:
    """The content of a document of `to_json`. Raises Invalid for anything unknown, missing or of a wrong type."""
    if not isinstance(doc, Mapping) or doc.get("version") != VERSION:
        raise _bad("version")
    content: Content = _record(Content)({key: value for key, value in doc.items() if key != "version"})
    return content


def fingerprint(content: Content) -> str:
    """The SHA-256 of the stored form, in hex: the same for posts that are the same in every respect."""
    return hash_of(to_json(content))


def hash_of(doc: Mapping[str, Any]) -> str:
    """The SHA-256 of a JSON document, in hex, whatever the order of its keys."""
    return _sha256(json.dumps(doc, sort_keys=True, separators=(",", ":")))


def text_hash(content: Content) -> str:
    """The SHA-256 of the words alone, in hex, whatever their looks, case and spacing; "" where there are none."""
    words = " ".join(plain_text(tidied(content).blocks).casefold().split())
    return _sha256(words) if words else ""


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _bad(what: str) -> Invalid:
    return Invalid(N_("This is not a post that we can read: %(what)s"), code="content_unreadable", what=what)


def _dump(value: Any) -> Any:
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, tuple):
        return [_dump(item) for item in value]
    if not is_dataclass(value):
        return value
    kept = {f.name: getattr(value, f.name) for f in fields(value) if getattr(value, f.name) != _default(f)}
    names = [name for name, cls in _KINDS.items() if isinstance(value, cls)]
    return {**({"kind": names[0]} if names else {}), **{name: _dump(item) for name, item in kept.items()}}


def _default(field: Any) -> Any:
    return field.default_factory() if field.default_factory is not MISSING else field.default


def _record(cls: type) -> _Reader:
    def read(doc: Any) -> Any:
        readers = _SHAPES[cls]
        if not isinstance(doc, Mapping) or set(doc) - set(readers):
            raise _bad(cls.__name__)
        missing = {f.name for f in fields(cls) if _default(f) is MISSING} - set(doc)
        if missing:
            raise _bad(f"{cls.__name__}.{min(missing)}")
        return cls(**{name: readers[name](value) for name, value in doc.items()})

    return read


def _block(doc: Any) -> Any:
    kind = doc.get("kind") if isinstance(doc, Mapping) else None
    if not isinstance(kind, str) or kind not in _KINDS:
        raise _bad("kind")
    return _record(_KINDS[kind])({key: value for key, value in doc.items() if key != "kind"})


def _of(kind: type) -> _Reader:
    def read(value: Any) -> Any:
        if type(value) is not kind:
            raise _bad(f"{value!r}"[:40])
        return value

    return read


def _one_of(values: tuple[str, ...]) -> _Reader:
    def read(value: Any) -> Any:
        if value not in values:
            raise _bad(f"{value!r}"[:40])
        return value

    return read


def _maybe(reader: _Reader) -> _Reader:
    return lambda value: None if value is None else reader(value)


def _many(reader: _Reader) -> _Reader:
    return lambda value: tuple(reader(item) for item in _of(list)(value))


def _emoji(value: Any) -> Any:
    if not is_emoji_id(_of(str)(value)):
        raise _bad("emoji")
    return value


_TEXT, _FLAG = _of(str), _of(bool)
_SHAPES: dict[type, dict[str, _Reader]] = {
    Span: {
        "text": _TEXT,
        "marks": lambda value: frozenset(_many(_one_of(MARKS))(value)),
        "link": _maybe(_TEXT),
        "emoji": _maybe(_emoji),
    },
    Paragraph: {"spans": _many(_record(Span))},
    Quote: {"spans": _many(_record(Span)), "is_expandable": _FLAG},
    Code: {"text": _TEXT, "language": _TEXT},
    Media: {"kind": _one_of(MEDIA_KINDS), "file": _TEXT, "has_spoiler": _FLAG},
    Poll: {
        "question": _TEXT,
        "options": _many(_TEXT),
        "is_multiple": _FLAG,
        "answer": _maybe(_of(int)),
        "explanation": _TEXT,
    },
    Button: {"text": _TEXT, "url": _TEXT, "is_tracked": _FLAG},
    Options: {f.name: _one_of(PREVIEWS) if f.name == "preview" else _FLAG for f in fields(Options)},
    Content: {
        "blocks": _many(_block),
        "media": _many(_record(Media)),
        "poll": _maybe(_record(Poll)),
        "buttons": _many(_many(_record(Button))),
        "options": _record(Options),
    },
}
