"""Copies, forwards, edits and pins."""

from typing import Any

import pytest
from aiogram.types import BufferedInputFile, InputMediaAnimation, InputMediaDocument, InputMediaPhoto

from tests.simulator.process import OWNER_ID, SimulatorProcess
from tests.simulator.test_simulator_contract import with_bot
from tests.simulator.test_simulator_media import photo, refused


@pytest.fixture
def storage(sim: SimulatorProcess) -> int:
    """A private channel of the same bot."""
    chat_id = int(sim.control("channels", title="Storage", owner_id=OWNER_ID)["chat_id"])
    sim.control("promote_bot", chat=chat_id, user_id=OWNER_ID)
    return chat_id


def test_a_forward_tells_its_origin_and_a_copy_does_not(sim: SimulatorProcess, storage: int) -> None:
    async def pass_on(bot: Any) -> None:
        original = await bot.send_photo("@news", photo(), caption="Hi", disable_notification=True)
        forward = await bot.forward_message(storage, "@news", original.message_id)
        assert (forward.forward_origin.chat.username, forward.forward_origin.message_id) == ("news", 1)
        assert forward.photo[-1].file_id == original.photo[-1].file_id and forward.caption == "Hi"
        again = await bot.forward_message("@news", storage, forward.message_id)
        assert again.forward_origin.chat.username == "news", "a forward of a forward keeps the first origin"
        copy = await bot.copy_message("@news", storage, forward.message_id, caption="<i>New</i>", parse_mode="HTML")
        post = sim.channel("news")["posts"][-1]
        assert (copy.message_id, post["text"], post["entities"][0]["type"]) == (3, "New", "italic")

    with_bot(sim, pass_on)


def test_a_probe_by_forward_finds_what_is_there_and_only_that(sim: SimulatorProcess, storage: int) -> None:
    sim.api("sendMessage", chat_id="@news", text="mine")
    sim.control("post", chat="news", text="the owner's")
    sim.api("sendMessage", chat_id="@news", text="gone")
    sim.api("deleteMessage", chat_id="@news", message_id=3)
    found = [sim.api("forwardMessage", chat_id=storage, from_chat_id="@news", message_id=n) for n in (1, 2, 3, 4)]
    assert [answer["ok"] for answer in found] == [True, True, False, False]
    assert found[3]["description"] == "Bad Request: message to forward not found"
    assert refused(sim, "copyMessage", chat_id=storage, from_chat_id="@news", message_id=3) == (
        "message to copy not found"
    )


def test_protected_and_service_messages_stay_where_they_are(sim: SimulatorProcess, storage: int) -> None:
    sim.api("sendMessage", chat_id="@news", text="secret", protect_content=True)
    sim.control("post", chat="news", service="photo")
    sim.control("channels", username="other", title="Other", owner_id=OWNER_ID)
    sim.control("post", chat="other", text="not ours")
    for number in (1, 2):
        passed_on = {"chat_id": storage, "from_chat_id": "@news", "message_id": number}
        assert refused(sim, "forwardMessage", **passed_on) == "message can't be forwarded"
        assert refused(sim, "copyMessage", **passed_on) == "message can't be copied"
    strange = sim.api("forwardMessage", chat_id=storage, from_chat_id="@other", message_id=1)
    assert strange["error_code"] == 403


def test_captions_media_and_buttons_are_edited(sim: SimulatorProcess) -> None:
    async def edit(bot: Any) -> None:
        await bot.send_photo("@news", photo(), caption="old")
        place = {"chat_id": "@news", "message_id": 1}
        changed = await bot.edit_message_caption(**place, caption=" *new* ", parse_mode="MarkdownV2")
        assert (changed.caption, changed.caption_entities[0].length, bool(changed.edit_date)) == ("new", 3, True)
        video = BufferedInputFile(b"film", "f.gif")
        changed = await bot.edit_message_media(InputMediaAnimation(media=video, caption="film"), **place)
        assert (changed.animation.file_size, changed.caption, changed.photo) == (4, "film", None)
        text = await bot.send_message("@news", "words")
        changed = await bot.edit_message_media(InputMediaPhoto(media=photo()), chat_id="@news", message_id=2)
        assert (changed.photo is not None, changed.text, text.text) == (True, None, "words")

    with_bot(sim, edit)
    same = {"chat_id": "@news", "message_id": 1, "caption": "film"}
    assert refused(sim, "editMessageCaption", **same).startswith("message is not modified")
    no_text = {"chat_id": "@news", "message_id": 1, "text": "x"}
    assert refused(sim, "editMessageText", **no_text) == "there is no text in the message to edit"
    sim.api("sendMessage", chat_id="@news", text="words")
    no_caption = {"chat_id": "@news", "message_id": 3, "caption": "x"}
    assert refused(sim, "editMessageCaption", **no_caption) == "there is no caption in the message to edit"


def test_an_album_keeps_its_kind_of_media(sim: SimulatorProcess) -> None:
    async def edit(bot: Any) -> Any:
        items = [InputMediaPhoto(media=photo(data), caption="c") for data in (b"1", b"2")]
        await bot.send_media_group("@news", items)
        return await bot.edit_message_media(
            InputMediaPhoto(media=photo(b"3"), caption="d"), chat_id="@news", message_id=2
        )

    assert with_bot(sim, edit).media_group_id
    with pytest.raises(Exception, match="album"):
        file = InputMediaDocument(media=BufferedInputFile(b"d", "d.txt"))
        with_bot(sim, lambda bot: bot.edit_message_media(file, chat_id="@news", message_id=2))


def test_pins_need_their_right_and_the_newest_is_shown(sim: SimulatorProcess) -> None:
    sim.control("post", chat="news", text="x", count=2)
    for number in (1, 2):
        assert sim.api("pinChatMessage", chat_id="@news", message_id=number, disable_notification=True)["result"]
    assert sim.api("getChat", chat_id="@news")["result"]["pinned_message"]["message_id"] == 2
    sim.api("deleteMessage", chat_id="@news", message_id=2)
    assert sim.api("getChat", chat_id="@news")["result"]["pinned_message"]["message_id"] == 1
    assert sim.api("unpinChatMessage", chat_id="@news")["ok"]
    assert "pinned_message" not in sim.api("getChat", chat_id="@news")["result"]
    assert refused(sim, "pinChatMessage", chat_id="@news", message_id=9) == "message to pin not found"
    assert refused(sim, "unpinChatMessage", chat_id="@news", message_id=1) == "message to unpin not found"
    sim.control("rights", chat="news", rights={"can_edit_messages": False})
    why = refused(sim, "pinChatMessage", chat_id="@news", message_id=1)
    assert why == "not enough rights to manage pinned messages in the chat"
    assert len(sim.channel("news")["posts"]) == 1, "no service message is made"
