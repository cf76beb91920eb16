"""Telegram's parse modes. HTML here: tags to entities with UTF-16 offsets, and its complaints."""

from html.parser import HTMLParser
from typing import Any

from simulator.botapi.errors import bad_request
from simulator.botapi.markdown import parse_markdown

SIMPLE = {
    "b": "bold",
    "strong": "bold",
    "i": "italic",
    "em": "italic",
    "u": "underline",
    "ins": "underline",
    "s": "strikethrough",
    "strike": "strikethrough",
    "del": "strikethrough",
    "code": "code",
    "pre": "pre",
    "tg-spoiler": "spoiler",
    "span": "spoiler",
    "blockquote": "blockquote",
}


def utf16_length(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def parse_text(text: str, parse_mode: str | None) -> tuple[str, list[dict[str, Any]]]:
    if not parse_mode:
        return text, []
    if parse_mode.lower() == "markdownv2":
        return parse_markdown(text, utf16_length)
    if parse_mode.lower() != "html":
        raise bad_request(f"the simulator does not parse {parse_mode}, only HTML and MarkdownV2")
    parser = _Html()
    parser.feed(text)
    parser.close()
    if parser.open:
        raise _broken(f'Can\'t find end tag corresponding to start tag "{parser.open[-1][0]}"')
    return parser.text, sorted(parser.entities, key=lambda e: (e["offset"], -e["length"]))


def _broken(why: str) -> Exception:
    return bad_request(f"can't parse entities: {why}")


class _Html(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.text = ""
        self.entities: list[dict[str, Any]] = []
        self.open: list[tuple[str, int, dict[str, Any]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        start = utf16_length(self.text)
        self.open.append((tag, start, self._entity(tag, dict(attrs), start)))

    def _entity(self, tag: str, attrs: dict[str, str | None], start: int) -> dict[str, Any]:
        if tag == "a":
            return {"type": "text_link", "url": attrs.get("href") or ""}
        if tag == "tg-emoji":
            return {"type": "custom_emoji", "custom_emoji_id": attrs.get("emoji-id") or ""}
        if tag not in SIMPLE:
            raise _broken(f'Unsupported start tag "{tag}" at byte offset {start}')
        return {"type": SIMPLE[tag]}

    def handle_endtag(self, tag: str) -> None:
        end = utf16_length(self.text)
        if not self.open or self.open[-1][0] != tag:
            raise _broken(f'Unmatched end tag at byte offset {end}, expected "</{tag}>"')
        _, start, entity = self.open.pop()
        if end > start:
            self.entities.append({"offset": start, "length": end - start, **entity})

    def handle_data(self, data: str) -> None:
        self.text += data
