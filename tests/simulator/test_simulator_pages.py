"""What a bot's posts look like on the public page and on the phone."""

from typing import Any

import pytest
from aiogram.types import BufferedInputFile, InputMediaDocument, InputMediaPhoto
from selectolax.lexbor import LexborHTMLParser as HTMLParser
from selectolax.lexbor import LexborNode as Node

from app.readings.collectors.preview_page.page import parse_preview
from tests.simulator.process import OWNER_ID, SimulatorProcess
from tests.simulator.test_simulator_contract import with_bot
from tests.simulator.test_simulator_media import photo

KEYS = {"inline_keyboard": [[{"text": "Read", "url": "https://a.b/?c=1&d=2"}, {"text": "Vote", "callback_data": "v"}]]}


def page(sim: SimulatorProcess) -> Node:
    root = HTMLParser(sim.get("/s/news").text).body
    assert root is not None
    return root


@pytest.mark.parametrize(
    ("source", "html"),
    [
        ("<b>a <i>b</i></b> c", "<b>a <i>b</i></b> c"),
        ("<tg-spoiler>x</tg-spoiler>", "<tg-spoiler>x</tg-spoiler>"),
        ("<u>a</u><s>b</s>", "<u>a</u><s>b</s>"),
        ("<blockquote>a\n<b>b</b></blockquote>c", "<blockquote>a<br><b>b</b></blockquote>c"),
        ("😀 <b>&lt;x&gt;</b>", "😀 <b>&lt;x&gt;</b>"),
        ("<code>http://a.b</code>", "<code>http://a.b</code>"),
    ],
)
def test_entities_are_tags_of_the_page(sim: SimulatorProcess, source: str, html: str) -> None:
    assert sim.api("sendMessage", chat_id="@news", text=source, parse_mode="HTML")["ok"]
    shown = page(sim).css_first(".tgme_widget_message_text").html
    assert shown is not None and shown.split(">", 1)[1].rsplit("</div>", 1)[0] == html


def test_crossing_entities_are_cut_and_custom_emoji_have_their_id(sim: SimulatorProcess) -> None:
    sim.control("bot", has_fragment_username=True)
    entities = [
        {"type": "bold", "offset": 0, "length": 4},
        {"type": "italic", "offset": 2, "length": 4},
        {"type": "custom_emoji", "offset": 7, "length": 2, "custom_emoji_id": "42"},
    ]
    sim.api("sendMessage", chat_id="@news", text="abcdef 👍", entities=entities)
    text = page(sim).css_first(".tgme_widget_message_text")
    assert text.text() == "abcdef 👍" and text.css_first("b i").text() == "cd"
    assert text.css_first("tg-emoji").attributes["emoji-id"] == "42"


def test_buttons_forwards_and_captions_stand_in_the_bubble(sim: SimulatorProcess) -> None:
    sim.api("sendMessage", chat_id="@news", text="with buttons", reply_markup=KEYS)
    sim.api("forwardMessage", chat_id="@news", from_chat_id="@news", message_id=1)

    async def send(bot: Any) -> None:
        await bot.send_photo("@news", photo(), caption="above", show_caption_above_media=True)
        await bot.send_media_group("@news", [InputMediaPhoto(media=photo(b"1")), _captioned("second")])
        files = [InputMediaDocument(media=BufferedInputFile(data, "a.txt")) for data in (b"1", b"2")]
        await bot.send_media_group("@news", files)
        await bot.send_document("@news", BufferedInputFile(b"x" * 2048, "my <report>.pdf"))

    with_bot(sim, send)
    first, forward, above, album, files, document = page(sim).css(".tgme_widget_message")
    buttons = first.css(".tgme_widget_message_inline_button")
    assert [(b.text(), b.attributes["href"]) for b in buttons] == [("Read", "https://a.b/?c=1&d=2")]
    assert forward.css_first(".tgme_widget_message_forwarded_from_name").attributes["href"] == "https://t.me/news/1"
    html = above.html or ""
    assert html.index("js-message_text") < html.index("photo_wrap")
    assert album.css_first(".tgme_widget_message_text").text() == "second"
    assert len(files.css(".tgme_widget_message_document_wrap")) == 2
    title, extra = (document.css_first(f".tgme_widget_message_document_{part}").text() for part in ("title", "extra"))
    assert (title, extra) == ("my <report>.pdf", "2 KB")


def _captioned(caption: str) -> InputMediaPhoto:
    return InputMediaPhoto(media=photo(b"2"), caption=caption)


def test_the_product_reads_what_the_bot_wrote(sim: SimulatorProcess) -> None:
    """Our own parser stands for every reader of the page."""
    test_buttons_forwards_and_captions_stand_in_the_bubble(sim)
    sim.api("sendPoll", chat_id="@news", question="Why?", options=["a", "b"])
    posts = parse_preview(sim.get("/s/news").text).posts
    assert [post.media for post in posts] == [
        (),
        (),
        ("photo",),
        ("album", "photo", "photo"),
        ("album", "document", "document"),
        ("document",),
        ("poll",),
    ]
    assert [post.text_length for post in posts] == [12, 12, 5, 6, 0, 0, 0]


def test_the_bytes_of_a_photo_are_shown_on_page_and_phone(sim: SimulatorProcess) -> None:
    with_bot(sim, lambda bot: bot.send_photo("@news", photo(b"the bytes"), caption="x", has_spoiler=True))
    style = str(page(sim).css_first(".tgme_widget_message_photo_wrap").attributes["style"])
    assert sim.get(style.split("'")[1]).content == b"the bytes"
    phone = HTMLParser(sim.get("/", chat="news", user=OWNER_ID).text)
    image = phone.css_first("img.hidden-shot")
    assert sim.get(str(image.attributes["src"])).content == b"the bytes"


def test_the_phone_shows_words_buttons_and_marks(sim: SimulatorProcess) -> None:
    sent = {"chat_id": "@news", "text": "<b>a</b> &lt;i&gt;", "parse_mode": "HTML", "reply_markup": KEYS}
    sim.api("sendMessage", **sent, disable_notification=True)
    sim.api("pinChatMessage", chat_id="@news", message_id=1)
    text = sim.get("/", chat="news", user=OWNER_ID).text
    bubble = HTMLParser(text).css_first("article.bubble")
    assert "<b>a</b> &lt;i&gt;" in text and "<style" not in text and " style=" not in text
    assert [key.text() for key in bubble.css(".keys > *")] == ["Read ↗", "Vote"]
    assert "📌 silent" in bubble.css_first("footer").text()


def test_a_button_of_the_bots_private_message_is_pressed_on_the_phone(sim: SimulatorProcess) -> None:
    sim.control("message", user_id=OWNER_ID, text="/start")
    sim.api("sendMessage", chat_id=OWNER_ID, text="Approve?", reply_markup=KEYS)
    sim.api("getUpdates", offset=2**40)
    form = HTMLParser(sim.get("/", tab="bot", user=OWNER_ID).text).css_first('form[action="/_phone/press"]')
    data = {field.attributes["name"]: field.attributes["value"] for field in form.css("input")}
    assert sim.http.post(f"{sim.url}/_phone/press", data=data).status_code == 303
    (press,) = sim.api("getUpdates")["result"]
    assert press["callback_query"]["data"] == "v" and press["callback_query"]["message"]["text"] == "Approve?"


def test_many_channels_in_one_call(sim: SimulatorProcess) -> None:
    made = sim.control("channels", count=120, owner=OWNER_ID, public=True)
    assert len(set(made["usernames"])) == 120 and sim.get(f"/s/{made['usernames'][-1]}").status_code == 200
    assert sim.api("sendMessage", chat_id=made["chat_ids"][77], text="x")["ok"]
    light = sim.get("/_control/state", posts="0").json()["channels"]
    assert len(light) == 121 and all(channel["posts"] == [] for channel in light)
    assert "and 21 more" in sim.get("/", user=OWNER_ID).text
    sim.kill()
    sim.start()
    assert sim.api("sendMessage", chat_id=made["chat_ids"][77], text="y")["result"]["message_id"] == 2


def test_a_new_token_ends_the_old_one(sim: SimulatorProcess) -> None:
    sim.control("bot", token="1000000001:another")
    assert sim.api("getMe")["error_code"] == 401 and sim.api("getMe", token="1000000001:another")["ok"]
    with pytest.raises(AssertionError, match="bot's id"):
        sim.control("bot", token="5:another")
    sim.kill()
    sim.start()
