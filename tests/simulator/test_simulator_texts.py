"""What is kept of a text: trimmed, cleaned, measured in UTF-16; and the buttons below it."""

from typing import Any

import pytest

from tests.simulator.process import OWNER_ID, SimulatorProcess
from tests.simulator.test_simulator_media import refused

Entities = list[dict[str, Any]]


def kept(sim: SimulatorProcess, text: str, entities: Entities) -> tuple[str, list[tuple[str, int, int]]]:
    answer = sim.api("sendMessage", chat_id="@news", text=text, entities=entities)
    assert answer["ok"], answer
    message = answer["result"]
    return message["text"], [(e["type"], e["offset"], e["length"]) for e in message.get("entities", [])]


def bold(offset: int, length: int, kind: str = "bold") -> dict[str, Any]:
    return {"type": kind, "offset": offset, "length": length}


@pytest.mark.parametrize(
    ("text", "entities", "expected"),
    [
        ("  \n hi \n", [bold(4, 2)], ("hi", [("bold", 0, 2)])),
        ("  hi  ", [bold(0, 6)], ("hi", [("bold", 0, 2)])),
        ("hi  ", [bold(0, 2), bold(2, 2, "italic")], ("hi", [("bold", 0, 2)])),
        ("a  b", [bold(1, 2)], ("a  b", [])),
        (" 😀 x", [bold(1, 2), bold(4, 1, "italic")], ("😀 x", [("bold", 0, 2), ("italic", 3, 1)])),
        ("a\r\nb\tc", [bold(3, 1)], ("a\nb c", [("bold", 2, 1)])),
        ("a\u202eb\u2028c", [bold(2, 1), bold(1, 1, "italic")], ("abc", [("bold", 1, 1)])),
        ("ме\u030aст", [bold(3, 2)], ("мест", [("bold", 2, 2)])),
        ("\u200f\u200eшалом", [], ("\u200c\u200eшалом", [])),
        ("👨\u200d👩\u200d👧 עברית é", [bold(0, 8)], ("👨\u200d👩\u200d👧 עברית é", [("bold", 0, 8)])),
        ("out in", [bold(4, 2, "italic"), bold(0, 6)], ("out in", [("bold", 0, 6), ("italic", 4, 2)])),
    ],
)
def test_texts_are_kept_as_telegram_keeps_them(
    sim: SimulatorProcess, text: str, entities: Entities, expected: Any
) -> None:
    assert kept(sim, text, entities) == expected


def test_limits_count_utf16_units_after_parsing_and_trimming(sim: SimulatorProcess) -> None:
    assert kept(sim, " " + "😀" * 2048 + " ", [])[0] == "😀" * 2048
    assert refused(sim, "sendMessage", chat_id="@news", text="😀" * 2048 + "x") == "message is too long"
    marked = "<b>" + "x" * 4096 + "</b>"
    assert sim.api("sendMessage", chat_id="@news", text=marked, parse_mode="HTML")["ok"]
    for empty in (" \n ", "\u200b\u2800"):
        assert refused(sim, "sendMessage", chat_id="@news", text=empty) == "message text is empty"
    url, form = f"{sim.url}/bot1000000001:SIMULATED-service-bot-token-not-real/sendPhoto", {"chat_id": "@news"}
    for caption, ok in (("😀" * 512, True), ("😀" * 512 + "x", False)):
        answer = sim.http.post(url, data=form | {"caption": caption}, files={"photo": ("p.jpg", b"p")}).json()
        assert answer["ok"] is ok
    assert answer["description"] == "Bad Request: message caption is too long"


def test_entities_may_not_cut_a_symbol_or_leave_the_text(sim: SimulatorProcess) -> None:
    beyond = refused(sim, "sendMessage", chat_id="@news", text="hi", entities=[bold(1, 2)])
    assert beyond == "entity beyond the end of the text"
    for entity, word in ((bold(1, 2), "begins"), (bold(0, 1), "ends")):
        why = refused(sim, "sendMessage", chat_id="@news", text="😀 x", entities=[entity])
        assert why.startswith(f"entity {word} in a middle of a UTF-16 symbol")


def test_a_fragment_username_keeps_custom_emoji_in_channels(sim: SimulatorProcess) -> None:
    emoji = [bold(0, 2, "custom_emoji") | {"custom_emoji_id": "42"}]
    assert kept(sim, "👍 yes", emoji) == ("👍 yes", [])
    sim.control("bot", has_fragment_username=True)
    assert kept(sim, "👍 yes", emoji) == ("👍 yes", [("custom_emoji", 0, 2)])


def test_link_previews_are_as_asked(sim: SimulatorProcess) -> None:
    options = {"is_disabled": True}
    sent = sim.api("sendMessage", chat_id="@news", text="https://a.b", link_preview_options=options)["result"]
    assert sent["link_preview_options"] == options
    shown = {"url": "https://c.d", "prefer_small_media": True, "show_above_text": True}
    edited = {"chat_id": "@news", "message_id": 1, "text": "https://a.b", "link_preview_options": shown}
    assert sim.api("editMessageText", **edited)["result"]["link_preview_options"] == shown


def keys(**button: Any) -> dict[str, Any]:
    return {"inline_keyboard": [[{"text": "A", **button}]]}


def test_buttons_that_a_channel_takes(sim: SimulatorProcess) -> None:
    send = {"chat_id": "@news", "text": "x"}
    for button in ({"url": "https://a.b/?c=d"}, {"callback_data": "x" * 64}):
        sent = sim.api("sendMessage", **send, reply_markup=keys(**button))["result"]
        assert sent["reply_markup"] == keys(**button)
    web_app = keys(web_app={"url": "https://a.b"})
    assert refused(sim, "sendMessage", **send, reply_markup=web_app) == "BUTTON_TYPE_INVALID"
    assert refused(sim, "sendMessage", **send, reply_markup=keys(callback_data="ж" * 33)) == "BUTTON_DATA_INVALID"
    assert "Unsupported URL protocol" in refused(sim, "sendMessage", **send, reply_markup=keys(url="ftp://a.b"))
    assert "text buttons" in refused(sim, "sendMessage", **send, reply_markup=keys())
    plain = {"keyboard": [[{"text": "A"}]]}
    assert refused(sim, "sendMessage", **send, reply_markup=plain) == "inline keyboard expected"
    sim.control("message", user_id=OWNER_ID, text="/start")
    assert "reply_markup" in sim.api("sendMessage", chat_id=OWNER_ID, text="x", reply_markup=web_app)["result"]


def test_a_private_keyboard_stands_in_no_message(sim: SimulatorProcess) -> None:
    sim.control("message", user_id=OWNER_ID, text="/start")
    sent = sim.api("sendMessage", chat_id=OWNER_ID, text="x", reply_markup={"keyboard": [[{"text": "A"}]]})
    assert "reply_markup" not in sent["result"]
