"""Parse modes with their entities and complaints, and requests as multipart forms."""

from typing import Any

import pytest
from aiogram.types import BufferedInputFile, MessageEntity

from tests.simulator.process import OWNER_ID, TOKEN, SimulatorProcess
from tests.simulator.test_simulator_contract import with_bot

Entity = tuple[str, int, int]


def _sent(sim: SimulatorProcess, text: str, mode: str = "MarkdownV2") -> Any:
    """The message as aiogram reads it."""
    return with_bot(sim, lambda bot: bot.send_message("@news", text, parse_mode=mode))


def _entities(entities: list[MessageEntity] | None) -> list[Entity]:
    return [(e.type, e.offset, e.length) for e in entities or []]


@pytest.mark.parametrize(
    ("source", "text", "entities"),
    [
        ("*bold* _it_", "bold it", [("bold", 0, 4), ("italic", 5, 2)]),
        ("😀 *bold*", "😀 bold", [("bold", 3, 4)]),
        ("*a 😀 _b_*", "a 😀 b", [("bold", 0, 6), ("italic", 5, 1)]),
        ("__u__ ~s~ ||p||", "u s p", [("underline", 0, 1), ("strikethrough", 2, 1), ("spoiler", 4, 1)]),
        ("`a*b_c` \\*plain\\*", "a*b_c *plain*", [("code", 0, 5)]),
        ("```python\nx = 1\n```", "x = 1", [("pre", 0, 5)]),
        (">one\n>two\nthree", "one\ntwo\nthree", [("blockquote", 0, 7)]),
        ("1\\. done\\!", "1. done!", []),
    ],
)
def test_markdown_becomes_entities_in_utf16(
    sim: SimulatorProcess, source: str, text: str, entities: list[Entity]
) -> None:
    message = _sent(sim, source)
    assert (message.text, _entities(message.entities)) == (text, entities)


def test_markdown_links_languages_and_custom_emoji_carry_their_data(sim: SimulatorProcess) -> None:
    sim.control("bot", has_premium_owner=True)  # else a private chat keeps no custom emoji either
    link = _sent(sim, "[здесь](https://example.com/a_(1\\))").entities[0]
    assert (link.type, link.offset, link.length, link.url) == ("text_link", 0, 5, "https://example.com/a_(1)")
    assert _sent(sim, "```python\nx```").entities[0].language == "python"
    sim.control("message", user_id=OWNER_ID, text="/start")
    emoji = with_bot(sim, lambda bot: bot.send_message(OWNER_ID, "![👍](tg://emoji?id=42)", parse_mode="MarkdownV2"))
    assert (_entities(emoji.entities), emoji.entities[0].custom_emoji_id) == ([("custom_emoji", 0, 2)], "42")
    assert _sent(sim, "![👍](tg://emoji?id=42)").entities is None, "a channel drops a bot's custom emoji"


@pytest.mark.parametrize(
    ("mode", "source", "complaint"),
    [
        ("MarkdownV2", "Done.", "Character '.' is reserved and must be escaped with the preceding '\\'"),
        ("MarkdownV2", "a | b", "Character '|' is reserved and must be escaped with the preceding '\\'"),
        ("MarkdownV2", "эй *bold", "Can't find end of Bold entity at byte offset 5"),
        ("MarkdownV2", "```py\nx", "Can't find end of PreCode entity at byte offset 0"),
        ("MarkdownV2", "[a](https://example.com", "Can't find end of a URL at byte offset 4"),
        ("MarkdownV2", "![a](https://example.com)", "Custom emoji entity must contain a tg://emoji URL"),
        ("HTML", "<b>bold", 'Can\'t find end tag corresponding to start tag "b"'),
    ],
)
def test_telegrams_complaints_name_the_place(sim: SimulatorProcess, mode: str, source: str, complaint: str) -> None:
    answer = sim.api("sendMessage", chat_id="@news", text=source, parse_mode=mode)
    assert answer["description"] == f"Bad Request: can't parse entities: {complaint}"
    assert sim.channel("news")["posts"] == [], "what was refused was not posted"


def test_without_a_parse_mode_marks_are_plain_text(sim: SimulatorProcess) -> None:
    message = with_bot(sim, lambda bot: bot.send_message("@news", "*a* <b>", parse_mode=None))
    assert (message.text, message.entities) == ("*a* <b>", None)


def test_a_multipart_form_is_read_like_any_other(sim: SimulatorProcess) -> None:
    """aiogram sends a form of parts as soon as a file is with it, nested objects as JSON texts among them."""
    url = f"{sim.url}/bot{TOKEN}/sendMessage"
    form = {
        "chat_id": "@news",
        "text": "with a file",
        "reply_markup": '{"inline_keyboard":[[{"text":"A","url":"https://a.b"}]]}',
    }
    answer = sim.http.post(url, data=form, files={"part1": ("a.txt", b"\x00\xff")}).json()
    assert answer["result"]["text"] == "with a file"
    assert answer["result"]["reply_markup"]["inline_keyboard"][0][0]["text"] == "A"
    unknown = sim.http.post(url, data={**form, "nonsense": "1"}, files={"part1": ("a.txt", b"x")}).json()
    assert unknown["description"] == "Bad Request: unknown parameter nonsense of sendMessage"


def test_aiogram_uploads_a_file(sim: SimulatorProcess) -> None:
    certificate = BufferedInputFile(b"-----BEGIN CERTIFICATE-----", "cert.pem")
    assert with_bot(sim, lambda bot: bot.set_webhook("http://127.0.0.1:9/hook", certificate=certificate)) is True
    assert sim.api("getWebhookInfo")["result"]["url"] == "http://127.0.0.1:9/hook"
