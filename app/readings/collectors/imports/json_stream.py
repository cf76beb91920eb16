"""A large JSON object read part by part: its members, and the elements of one of its arrays one by one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, TextIO

_CHUNK = 1 << 16
_LONGEST_PART = 1 << 22  # characters of one member or element
_decode = json.JSONDecoder().raw_decode


class NotAnObject(ValueError):
    """The text is JSON, but no object."""


def members(text: TextIO, *, array: str) -> Iterator[tuple[str, int | None, Any]]:
    """(name, None, value) of each member; of the member `array`, where it is one, (name, 0, None) and then its elements
    as (name, number from 1, element).

    Raises ValueError where the text is no JSON object or a part of it is too long.
    """
    try:
        yield from _members(_Text(text), array)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _members(text: _Text, array: str) -> Iterator[tuple[str, int | None, Any]]:
    if text.peek() != "{":
        text.value()
        raise NotAnObject("not an object")
    text.take("{")
    while text.peek() != "}":
        name = text.value()
        if not isinstance(name, str):
            raise ValueError("a member has no name")
        text.take(":")
        if name == array and text.peek() == "[":
            yield name, 0, None
            for number, element in enumerate(_elements(text), 1):
                yield name, number, element
        else:
            yield name, None, text.value()
        if text.peek() != "}":
            text.take(",")
    text.take("}")
    if text.peek():
        raise ValueError("something follows its end")


def _elements(text: _Text) -> Iterator[Any]:
    text.take("[")
    while text.peek() != "]":
        yield text.value()
        if text.peek() != "]":
            text.take(",")
    text.take("]")


class _Text:
    """A text of which no more is held than the part that is being read."""

    def __init__(self, file: TextIO) -> None:
        self._file, self._held, self._at, self._is_end = file, "", 0, False

    def peek(self) -> str:
        """The next character that is no space; empty at the end."""
        while True:
            while self._at < len(self._held):
                if self._held[self._at] not in " \t\r\n":
                    return self._held[self._at]
                self._at += 1
            if self._is_end:
                return ""
            self._more()

    def take(self, wanted: str) -> None:
        if self.peek() != wanted:
            raise ValueError(f"{wanted} was expected")
        self._at += 1

    def value(self) -> Any:
        self.peek()
        while True:
            try:
                value, end = _decode(self._held, self._at)
                if end < len(self._held) or self._is_end:  # a number may go on in the next chunk
                    self._at = end
                    return value
            except json.JSONDecodeError:
                if self._is_end:
                    raise
            if len(self._held) - self._at > _LONGEST_PART:
                raise ValueError("one part of it is too long")
            self._more()

    def _more(self) -> None:
        chunk = self._file.read(_CHUNK)
        self._is_end = not chunk
        self._held, self._at = self._held[self._at :] + chunk, 0
