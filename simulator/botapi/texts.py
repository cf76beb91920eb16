"""Texts and captions as the Bot API server keeps them: parsed, cleaned, trimmed, and within their limit."""

import re
from typing import Any

from simulator.botapi.errors import bad_request
from simulator.botapi.formatting import parse_text, utf16_length
from simulator.botapi.wire import given, plain

Doc = dict[str, Any]
Formatted = tuple[str, list[Doc]]
TEXT_LIMIT, CAPTION_LIMIT = 4096, 1024
# After clean_input_string of TDLib's misc.cpp (read 2026-11-26): control characters and tabs become spaces;
# carriage returns, line and bidi embedding marks and three "vertical line" combining marks are taken out.
TO_SPACE = re.compile(r"[\x00-\x09\x0b\x0c\x0e-\x1f]")
TAKEN_OUT = re.compile("[\r\u2028-\u202e\u0333\u033f\u030a]")
# Of a run of direction marks all but the last become zero-width non-joiners (replace_offending_characters, same file).
DIRECTION_RUN = re.compile("[\u200e\u200f]+(?=[\u200e\u200f])")
BLANKS = " \n"
INVISIBLE = re.compile(r"[\s\u1680\u180e\u2000-\u200f\u202f\u205f\u2800\u3000\ufeff\ufffc]*")


def text_of(wanted: Any) -> Formatted:
    """The text of sendMessage or editMessageText. Raises ApiError for an empty or too long one."""
    text, entities = formatted(wanted.text, wanted.entities, wanted.parse_mode)
    if INVISIBLE.fullmatch(text):
        raise bad_request("message text is empty")
    if utf16_length(text) > TEXT_LIMIT:
        raise bad_request("message is too long")
    return text, entities


def caption_of(wanted: Any) -> Formatted:
    """The caption of a method or of one item of an album; it may be empty. Raises ApiError for a too long one."""
    text, entities = formatted(wanted.caption, wanted.caption_entities, wanted.parse_mode)
    if utf16_length(text) > CAPTION_LIMIT:
        raise bad_request("message caption is too long")
    return text, entities


def formatted(text: str | None, entities: list[Any] | None, parse_mode: Any) -> Formatted:
    """What is kept of a text: with a parse mode its own marks, else the given entities in UTF-16 units."""
    visible, parsed = parse_text(text or "", given(parse_mode))
    wanted = parsed or [plain(entity) for entity in entities or []]
    _check(visible, wanted)
    return _trimmed(*_cleaned(visible, wanted))


def _check(text: str, entities: list[Doc]) -> None:
    units = text.encode("utf-16-le")
    for entity in entities:
        begin, end = entity["offset"], entity["offset"] + entity["length"]
        if begin < 0 or end * 2 > len(units):
            raise bad_request("entity beyond the end of the text")
        for word, place in (("begins", begin), ("ends", end)):
            if 0xDC <= units[2 * place + 1 : 2 * place + 2].ljust(1, b"\0")[0] <= 0xDF:
                raise bad_request(f"entity {word} in a middle of a UTF-16 symbol at byte offset {2 * place}")


def _cleaned(text: str, entities: list[Doc]) -> Formatted:
    text = DIRECTION_RUN.sub(lambda found: "\u200c" * len(found[0]), TO_SPACE.sub(" ", text))
    gone = [utf16_length(text[: found.start()]) for found in TAKEN_OUT.finditer(text)]
    kept = [_moved(entity, lambda place: place - sum(at < place for at in gone)) for entity in entities]
    return TAKEN_OUT.sub("", text), kept


def _trimmed(text: str, entities: list[Doc]) -> Formatted:
    """Without blanks at both ends; entities move along, and those that cover only blanks go."""
    start = len(text) - len(text.lstrip(BLANKS))
    kept = text.strip(BLANKS)
    length, units = utf16_length(kept), kept.encode("utf-16-le")
    moved = [_moved(entity, lambda place: min(length, max(0, place - start))) for entity in entities]
    seen = [
        e for e in moved if units[2 * e["offset"] : 2 * (e["offset"] + e["length"])].decode("utf-16-le").strip(BLANKS)
    ]
    return kept, sorted(seen, key=lambda e: (e["offset"], -e["length"]))


def _moved(entity: Doc, place: Any) -> Doc:
    begin, end = place(entity["offset"]), place(entity["offset"] + entity["length"])
    return entity | {"offset": begin, "length": end - begin}
