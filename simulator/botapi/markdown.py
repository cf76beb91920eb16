"""Telegram's MarkdownV2: text to entities with UTF-16 offsets, and its complaints.

After parse_markdown_v2 of TDLib's MessageEntity.cpp; the grammar stands at core.telegram.org/bots/api#markdownv2-style.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from simulator.botapi.errors import ApiError, bad_request

RESERVED = frozenset("_*[]()~`>#+-=|{}.!")
# How an entity begins, longest first, and TDLib's name of it.
MARKS = {
    "```": ("pre", "Pre"),
    "__": ("underline", "Underline"),
    "||": ("spoiler", "Spoiler"),
    "![": ("custom_emoji", "CustomEmoji"),
    "*": ("bold", "Bold"),
    "_": ("italic", "Italic"),
    "~": ("strikethrough", "Strikethrough"),
    "`": ("code", "Code"),
    "[": ("text_link", "TextUrl"),
}
LINKS = frozenset({"text_link", "custom_emoji"})
RAW = {"code": "`", "pre": "```"}
EMOJI_ADDRESS = "tg://emoji?id="


@dataclass
class _Open:
    kind: str
    name: str
    closes: str
    byte_offset: int
    start: int
    extra: dict[str, Any] = field(default_factory=dict)


def parse_markdown(text: str, utf16_length: Callable[[str], int]) -> tuple[str, list[dict[str, Any]]]:
    """The visible text and its entities, outer before inner. Raises ApiError in Telegram's words."""
    return _Markdown(text, utf16_length).parse()


class _Markdown:
    def __init__(self, text: str, utf16_length: Callable[[str], int]) -> None:
        self.source, self.length, self.at = text, utf16_length, 0
        self.out, self.open = "", list[_Open]()
        self.entities: list[dict[str, Any]] = []

    def parse(self) -> tuple[str, list[dict[str, Any]]]:
        while self.at < len(self.source):
            self._step(self.source[self.at])
        if self._is_in("blockquote"):
            self._close()
        if self.open:
            last = self.open[-1]
            raise _broken(f"Can't find end of {last.name} entity at byte offset {last.byte_offset}")
        return self.out, sorted(self.entities, key=lambda e: (e["offset"], -e["length"]))

    def _step(self, character: str) -> None:
        if character == "\\" and 0 < ord(self.source[self.at + 1 : self.at + 2] or "\0") <= 126:
            self._take(self.source[self.at + 1], 2)
        elif self.open and self.open[-1].kind in RAW:
            self._raw(character)
        elif character == "\n" and self._is_in("blockquote"):
            self._next_line()
        elif character == ">" and self._is_line_start():
            self._begin("blockquote", "BlockQuote", "", 1)
        elif character not in RESERVED:
            self._take(character, 1)
        elif self.open and self.open[-1].closes == self._mark(character):
            self._end()
        else:
            self._begin_marked(character)

    def _take(self, visible: str, width: int) -> None:
        self.out += visible
        self.at += width

    def _is_in(self, kind: str) -> bool:
        return bool(self.open) and self.open[-1].kind == kind

    def _is_line_start(self) -> bool:
        return self.at == 0 or self.source[self.at - 1] == "\n"

    def _raw(self, character: str) -> None:
        """Inside code only the closing mark and the backslash mean anything."""
        closes = self.open[-1].closes
        if character == "`" and self.source.startswith(closes, self.at):
            self._end()
        elif character == "`":
            self._begin_marked(character)
        else:
            self._take(character, 1)

    def _next_line(self) -> None:
        if self.source.startswith("\n>", self.at):
            self._take("\n", 2)
            return
        self._close()
        self._take("\n", 1)

    def _mark(self, character: str) -> str:
        """The mark here: `__` is underline, never twice italic."""
        if character == "]":
            return "]"
        return next((mark for mark in MARKS if self.source.startswith(mark, self.at)), "")

    def _begin_marked(self, character: str) -> None:
        mark = self._mark(character)
        if mark not in MARKS:
            raise _broken(f"Character '{character}' is reserved and must be escaped with the preceding '\\'")
        kind, name = MARKS[mark]
        self._begin(kind, name, "]" if kind in LINKS else mark, len(mark))
        if kind == "pre":
            self._language()

    def _begin(self, kind: str, name: str, closes: str, width: int) -> None:
        byte_offset = len(self.source[: self.at].encode())
        self.open.append(_Open(kind, name, closes, byte_offset, self.length(self.out)))
        self.at += width

    def _language(self) -> None:
        """A word right after the mark and before a space or line end names the language; one line end is dropped."""
        rest = self.source[self.at :]
        word = rest[: next((n for n, c in enumerate(rest) if c.isspace() or c == "`"), len(rest))]
        if word and rest[len(word) : len(word) + 1].isspace():
            self.open[-1].extra["language"] = word
            self.open[-1].name = "PreCode"
            self.at += len(word)
        self.at += self.source.startswith("\n", self.at)

    def _end(self) -> None:
        last = self.open[-1]
        self.at += len(last.closes)
        if last.kind in LINKS:
            last.extra |= self._target(last)
        self._close()

    def _target(self, last: _Open) -> dict[str, Any]:
        address = self._address() if self.source.startswith("(", self.at) else None
        if last.kind == "text_link":
            return {"url": self._visible_since(last.start) if address is None else address}
        if address is None or not address.startswith(EMOJI_ADDRESS):
            raise _broken("Custom emoji entity must contain a tg://emoji URL")
        return {"custom_emoji_id": address.removeprefix(EMOJI_ADDRESS)}

    def _visible_since(self, start: int) -> str:
        return self.out.encode("utf-16-le")[2 * start :].decode("utf-16-le")

    def _address(self) -> str:
        self.at += 1
        begin, address = len(self.source[: self.at].encode()), ""
        while self.at < len(self.source) and self.source[self.at] != ")":
            self.at += self.source[self.at] == "\\" and self.at + 1 < len(self.source)
            address += self.source[self.at]
            self.at += 1
        if self.at >= len(self.source):
            raise _broken(f"Can't find end of a URL at byte offset {begin}")
        self.at += 1
        return address

    def _close(self) -> None:
        last = self.open.pop()
        length = self.length(self.out) - last.start
        if length:
            self.entities.append({"type": last.kind, "offset": last.start, "length": length, **last.extra})


def _broken(why: str) -> ApiError:
    return bad_request(f"can't parse entities: {why}")
