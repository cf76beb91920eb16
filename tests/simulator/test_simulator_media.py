"""Files, albums and polls as a bot sends them."""

from typing import Any

import pytest
from aiogram.exceptions import TelegramBadRequest
from aiogram.types import BufferedInputFile, InputMediaDocument, InputMediaPhoto, InputMediaVideo, InputPollOption

from tests.simulator.process import OWNER_ID, TOKEN, SimulatorProcess
from tests.simulator.test_simulator_contract import with_bot

OTHER_TOKEN = "1000000002:SIMULATED-other-bot-token-not-real"


def photo(data: bytes = b"picture") -> BufferedInputFile:
    return BufferedInputFile(data, "p.jpg")


def refused(sim: SimulatorProcess, method: str, **params: Any) -> str:
    answer = sim.api(method, **params)
    assert not answer["ok"]
    return str(answer["description"]).removeprefix("Bad Request: ")


@pytest.fixture(params=["channel", "private"])
def chat(sim: SimulatorProcess, request: pytest.FixtureRequest) -> str | int:
    sim.control("message", user_id=OWNER_ID, text="/start")
    return "@news" if request.param == "channel" else OWNER_ID


def test_a_photo_keeps_all_that_was_asked(sim: SimulatorProcess, chat: str | int) -> None:
    message = with_bot(
        sim,
        lambda bot: bot.send_photo(
            chat,
            photo(),
            caption="<b>Hi</b>",
            parse_mode="HTML",
            has_spoiler=True,
            show_caption_above_media=True,
            protect_content=True,
            disable_notification=True,
        ),
    )
    assert (message.caption, message.caption_entities[0].type) == ("Hi", "bold")
    assert (message.has_media_spoiler, message.show_caption_above_media, message.has_protected_content) == (True,) * 3
    assert [(size.width, size.height) for size in message.photo] == [(90, 68), (320, 240), (640, 480)]
    if chat == "@news":
        post = sim.channel("news")["posts"][0]
        assert (post["is_silent"], post["is_protected"]) == (True, True)


def test_files_come_back_byte_for_byte_and_are_sent_again_by_id(sim: SimulatorProcess, chat: str | int) -> None:
    async def there_and_back(bot: Any) -> None:
        video = (await bot.send_video(chat, BufferedInputFile(b"film", "f.mp4"), width=64, height=36, duration=9)).video
        assert (video.width, video.height, video.duration, video.file_size) == (64, 36, 9, 4)
        document = (await bot.send_document(chat, BufferedInputFile(b"page", "a b.pdf"))).document
        assert (document.file_name, document.mime_type, document.file_size) == ("a b.pdf", "application/pdf", 4)
        animation = (await bot.send_animation(chat, BufferedInputFile(b"loop", "l.mp4"))).animation
        sent = (await bot.send_photo(chat, photo())).photo
        again = (await bot.send_photo(chat, sent[0].file_id)).photo
        assert again[-1].file_unique_id == sent[-1].file_unique_id
        for file, data in ((video, b"film"), (document, b"page"), (animation, b"loop"), (sent[-1], b"picture")):
            told = await bot.get_file(file.file_id)
            assert (await bot.download_file(told.file_path)).read() == data
        assert (await bot.send_video(chat, video.file_id)).video.duration == 9

    with_bot(sim, there_and_back)


def test_a_file_id_serves_one_bot_and_one_kind(tmp_path: Any) -> None:
    with SimulatorProcess(tmp_path, "--bot-token", TOKEN, "--bot-token", OTHER_TOKEN) as sim:
        sim.control("users", id=OWNER_ID, first_name="Owner")
        sim.control("channels", username="news", title="News", owner_id=OWNER_ID)
        for bot_id in (1000000001, 1000000002):
            sim.control("promote_bot", chat="news", user_id=OWNER_ID, bot_id=bot_id)
        mine = with_bot(sim, lambda bot: bot.send_photo("@news", photo())).photo[-1]
        wrong = "wrong file identifier/HTTP URL specified"
        other = sim.api("sendPhoto", token=OTHER_TOKEN, chat_id="@news", photo=mine.file_id)
        assert other["description"] == f"Bad Request: {wrong}"
        assert refused(sim, "sendPhoto", chat_id="@news", photo="AgACAgIAAx0") == wrong
        assert refused(sim, "sendDocument", chat_id="@news", document=mine.file_id) == (
            "can't use file of type Photo as Document"
        )
        updates = sim.api("getUpdates", token=OTHER_TOKEN)["result"]
        theirs = updates[-1]["channel_post"]["photo"][-1]
        assert theirs["file_unique_id"] == mine.file_unique_id and theirs["file_id"] != mine.file_id
        assert sim.api("sendPhoto", token=OTHER_TOKEN, chat_id="@news", photo=theirs["file_id"])["ok"]
        sim.kill()
        sim.start()
        assert sim.api("sendPhoto", chat_id="@news", photo=mine.file_id)["ok"], "bytes and ids survive kill -9"


def test_a_storage_channel_was_always_there_and_keeps_files_across_a_restart(tmp_path: Any) -> None:
    chat = -1_001_800_000_001
    with SimulatorProcess(tmp_path, "--storage-chat", str(chat)) as sim:
        kept = with_bot(sim, lambda bot: bot.send_photo(chat, photo())).photo[-1]
        assert sim.api("getUpdates")["result"] == [], "nobody is told that the bot came into a channel of its own"
        sim.kill()
        sim.start()
        again = with_bot(sim, lambda bot: bot.send_photo(chat, kept.file_id))
        assert again.photo[-1].file_unique_id == kept.file_unique_id and again.message_id == 2


@pytest.mark.parametrize(("method", "field", "most"), [("sendPhoto", "photo", 10), ("sendDocument", "document", 50)])
def test_too_large_files_are_refused(sim: SimulatorProcess, method: str, field: str, most: int) -> None:
    url, form = f"{sim.url}/bot{TOKEN}/{method}", {"chat_id": "@news"}
    assert sim.http.post(url, data=form, files={field: ("x", bytes(most * 2**20))}).json()["ok"]
    answer = sim.http.post(url, data=form, files={field: ("x", bytes(most * 2**20 + 1))})
    assert (answer.status_code, answer.json()["description"]) == (413, "Request Entity Too Large")
    assert refused(sim, "getFile", file_id="SIM-1-2") == "wrong file_id or the file is temporarily unavailable"
    assert sim.get(f"/file/bot{TOKEN}/photos/none.jpg").status_code == 404


def test_an_album_is_one_group_with_captions_where_they_were_given(sim: SimulatorProcess, chat: str | int) -> None:
    items = [
        InputMediaPhoto(media=photo(b"1")),
        InputMediaVideo(media=BufferedInputFile(b"2", "v.mp4"), caption="*two*", parse_mode="MarkdownV2"),
        InputMediaPhoto(media=photo(b"3"), has_spoiler=True),
    ]
    made = with_bot(sim, lambda bot: bot.send_media_group(chat, items, disable_notification=True))
    assert len({message.media_group_id for message in made}) == 1 and made[0].media_group_id
    assert [message.message_id for message in made] == list(range(made[0].message_id, made[0].message_id + 3))
    assert [message.caption for message in made] == [None, "two", None]
    assert made[1].caption_entities[0].type == "bold" and made[2].has_media_spoiler


def test_what_no_album_may_be(sim: SimulatorProcess) -> None:
    async def send(bot: Any, items: list[Any]) -> Any:
        with pytest.raises(TelegramBadRequest) as caught:
            await bot.send_media_group("@news", items)
        return caught.value.message

    one, text = InputMediaPhoto(media=photo()), InputMediaDocument(media=BufferedInputFile(b"d", "d.txt"))
    for items, why in (
        ([one], "there must be 2-10 messages in the album"),
        ([one] * 11, "there must be 2-10 messages in the album"),
        ([one, text], "document can't be mixed with other media types"),
        ([one, InputMediaPhoto(media=photo(), caption="x" * 1025)], "message caption is too long"),
    ):
        assert why in with_bot(sim, lambda bot, items=items: send(bot, items))
    assert sim.channel("news")["posts"] == []
    assert len(with_bot(sim, lambda bot: bot.send_media_group("@news", [text] * 10))) == 10


def test_polls_and_their_limits(sim: SimulatorProcess, chat: str | int) -> None:
    options = ["So", InputPollOption(text="Not so")]
    poll = with_bot(sim, lambda bot: bot.send_poll(chat, "Why?", options, allows_multiple_answers=True)).poll
    assert (poll.question, [option.text for option in poll.options]) == ("Why?", ["So", "Not so"])
    assert poll.allows_multiple_answers and poll.is_anonymous
    quiz = with_bot(sim, lambda bot: bot.send_poll(chat, "2+2", ["3", "4"], type="quiz", correct_option_ids=[1])).poll
    assert (quiz.type, quiz.correct_option_ids) == ("quiz", [1])
    ask = {"chat_id": chat, "question": "Why?", "options": ["a", "b"]}
    assert "question length must not exceed 300" in refused(sim, "sendPoll", **ask | {"question": "x" * 301})
    assert "options length must not exceed 100" in refused(sim, "sendPoll", **ask | {"options": ["a", "b" * 101]})
    assert "at least 2" in refused(sim, "sendPoll", **ask | {"options": ["a"]})
    assert "more than 12" in refused(sim, "sendPoll", **ask | {"options": ["a"] * 13})
    answer = sim.api("sendPoll", **ask, is_anonymous=False)
    assert answer["ok"] is (chat == OWNER_ID), "nobody's vote is shown in a channel"


def test_updates_with_media_are_messages_to_aiogram(sim: SimulatorProcess) -> None:
    for media in ("photo", "video", "animation", "document", "voice", "sticker", "poll"):
        sim.control("post", chat="news", media=media)
    updates = with_bot(sim, lambda bot: bot.get_updates())
    assert [u.channel_post.content_type for u in updates] == [
        *("photo", "video", "animation", "document", "voice", "sticker", "poll")
    ]
