"""Marks within lines: **bold** __italic__ ++underline++ ~~strike~~ ||spoiler|| `code` [words](https://…)
[👍](emoji:5368324170671202286), and a backslash that takes a sign's meaning away.

A mark is exactly two signs; it opens before and closes after something that is no space, may cross others and lines,
and pairs with the nearest. Without its partner, or around nothing, it is text. Code stays within its line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from app.posting.content import urls
from app.posting.content.blocks import Mark, Span
from app.posting.content.clean import BLANKS, has_ink
from app.posting.content.tidy import is_emoji_id, tidy_spans

SIGNS: dict[str, Mark] = {"**": "bold", "__": "italic", "++": "underline", "~~": "strike", "||": "spoiler"}
_SIGN_OF = {mark: sign for sign, mark in SIGNS.items()}
_PUNCTUATION = re.escape("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")
_CODE = re.compile(r"`((?:\\[`\\]|[^`\n\\]|\\(?![`\\]))+)`(?!`)")
_TARGET = re.compile(r"\(((?:\\[()\\]|[^\s()\\]|\\(?![()\\])|\((?:\\[()\\]|[^\s()\\]|\\(?![()\\]))*\))+)\)")
_TOKEN = re.compile(
    rf"\\(?P<escaped>[{_PUNCTUATION}])|(?P<run>([*_+~|`])\3*)|(?P<open>\[)|(?P<close>\])|(?P<text>[^*_+~|`\[\]\\]+|\\)"
)
_BACKTICK = re.compile("`")
_TO_ESCAPE = re.compile(
    rf"\\(?=[{_PUNCTUATION}]|\Z)|[`\[\]]"
    r"|(?<=([*_+~|]))\1|([*_+~|])(?=\2)"  # two signs alike
    r"|\A[*_+~|]|[*_+~|]\Z"  # a sign that may come to stand beside its like
)


@dataclass(slots=True)
class _Token:
    """`kind` is text, code, open, close or a sign; `source` is as typed, `value` the text, code or target meant."""

    kind: str
    source: str
    value: str = ""
    can_open: bool = False
    can_close: bool = False
    is_mark: bool = False


def read_spans(text: str) -> tuple[Span, ...]:
    """The spans that the text of one block says. Never refuses."""
    tokens = _tokens(text)
    inks = _ink_before(tokens)
    for sign in SIGNS:
        _pair_signs(tokens, inks, sign)
    _pair_links(tokens, inks)
    return tuple(_spans(tokens))


def write_spans(spans: tuple[Span, ...]) -> str:
    """The text that says these spans, which are in normal form; with backslashes only where something needs them."""
    bare = _written(spans, _BACKTICK)
    return bare if tidy_spans(read_spans(bare)) == spans else _written(spans, _TO_ESCAPE)


def _written(spans: tuple[Span, ...], to_escape: re.Pattern[str]) -> str:
    result, now = "", Span("")
    for span in [*spans, Span("")]:
        closed, opened = now.marks - span.marks, span.marks - now.marks
        result += "".join(sign for mark, sign in _SIGN_OF.items() if mark in closed)
        if now.link and now.link != span.link:
            result += f"]({_escaped_target(now.link)})"
        if span.link and now.link != span.link:
            result += "["
        result += "".join(sign for mark, sign in _SIGN_OF.items() if mark in opened)
        result += _words(span, to_escape)
        now = span
    return result


def _words(span: Span, to_escape: re.Pattern[str]) -> str:
    if "code" in span.marks:
        return "`" + re.sub(r"`|\\(?=[`\\]|\Z)", r"\\\g<0>", span.text) + "`"
    escaped = to_escape.sub(r"\\\g<0>", span.text)
    return f"[{escaped}](emoji:{span.emoji})" if span.emoji else escaped


def _escaped_target(url: str) -> str:
    return re.sub(r"[()\\]", r"\\\g<0>", url)


def _tokens(text: str) -> list[_Token]:
    result: list[_Token] = []
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        assert found is not None, "every character is one of the kinds"
        token = _token(text, found)
        if token.kind == "text" and result and result[-1].kind == "text":
            result[-1].source += token.source
            result[-1].value += token.value
        else:
            result.append(token)
        at += len(token.source)
    return result


def _token(text: str, found: re.Match[str]) -> _Token:
    source, end = found[0], found.end()
    if found["escaped"]:
        return _Token("text", source, found["escaped"])
    if source == "`" and (code := _CODE.match(text, found.start())) and has_ink(code[1]):
        return _Token("code", code[0], re.sub(r"\\([`\\])", r"\1", code[1]))
    if source in SIGNS:
        before, after = text[found.start() - 1 : found.start()], text[end : end + 1]
        return _Token(source, source, can_open=after not in ("", *BLANKS), can_close=before not in ("", *BLANKS))
    if found["open"]:
        return _Token("open", source)
    if found["close"]:
        target = _TARGET.match(text, end)
        meant = _meant(re.sub(r"\\([()\\])", r"\1", target[1])) if target else ""
        return _Token("close", source + target[0], meant) if target and meant else _Token("close", source)
    return _Token("text", source, source)


def _meant(target: str) -> str:
    """The target in the form that is kept; "" for one that Telegram does not take."""
    name, _, number = target.partition(":")
    return target if name == "emoji" and is_emoji_id(number) else urls.checked(target) or ""


def _ink_before(tokens: list[_Token]) -> list[int]:
    """For each token, how many tokens before it certainly show something."""
    result, count = [], 0
    for token in tokens:
        result.append(count)
        count += token.kind in ("text", "code") and has_ink(token.value)
    return result


def _pair_signs(tokens: list[_Token], inks: list[int], sign: str) -> None:
    opened: int | None = None
    for index, token in enumerate(tokens):
        if token.kind != sign:
            continue
        if opened is not None and token.can_close and inks[index] > inks[opened]:
            tokens[opened].is_mark = token.is_mark = True
            opened = None
        elif token.can_open:
            opened = index


def _pair_links(tokens: list[_Token], inks: list[int]) -> None:
    opened: int | None = None
    for index, token in enumerate(tokens):
        if token.kind == "open":
            opened = index
        elif token.kind == "close":
            if (
                opened is not None
                and token.value
                and _is_linkable(tokens[opened:index], token, inks[index] - inks[opened])
            ):
                tokens[opened].is_mark = token.is_mark = True
                tokens[opened].value = token.value
            opened = None


def _is_linkable(inside: list[_Token], close: _Token, inks: int) -> bool:
    """Whether the words can carry the link: something visible; for an emoji one word without marks."""
    if close.value.startswith("emoji:"):
        return len(inside) == 2 and inside[1].kind == "text" and not set(BLANKS) & set(inside[1].value)
    return inks > 0


def _spans(tokens: list[_Token]) -> Iterable[Span]:
    marks: frozenset[Mark] = frozenset()
    target = ""
    for token in tokens:
        if token.kind in SIGNS and token.is_mark:
            marks ^= {SIGNS[token.kind]}
        elif token.is_mark:
            target = token.value if token.kind == "open" else ""
        else:
            yield _span(token, marks, target)


def _span(token: _Token, marks: frozenset[Mark], target: str) -> Span:
    if token.kind == "code":
        return Span(token.value, frozenset({"code"}))
    text = token.value if token.kind == "text" else token.source
    if target.startswith("emoji:"):
        return Span(text, marks, emoji=target.removeprefix("emoji:"))
    return Span(text, marks, target or None)
