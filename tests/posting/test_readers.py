"""Who can look: the readers against the simulated Telegram, and what each may conclude."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from app.boot import Runtime
from app.channels.models import Channel
from app.core import clock, db
from app.media import service as media
from app.posting.content.blocks import Content, Media, Options
from app.posting.readers.base import Reader
from app.posting.readers.collected import CollectedPosts
from app.posting.readers.forward import ForwardProbe
from app.posting.readers.preview import PreviewReader
from app.posting.service import collecting, resolving
from app.readings.collectors.base import hash_text
from app.readings.collectors.preview_page import PreviewPages
from app.readings.service import updates
from app.readings.service.facts import PostFacts
from app.telegram import service as telegram
from app.telegram.publisher import HttpPublisher
from app.telegram.service import Bots
from tests.posting.authored import deliveries, may_post, run_lane, scheduled, text
from tests.simulator.process import OWNER_ID, TOKEN, SimulatorProcess
from tests.world import Owner, owned_channel

BOT = int(TOKEN.partition(":")[0])


@pytest.fixture(scope="module")
def sim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatorProcess]:
    with SimulatorProcess(tmp_path_factory.mktemp("sim")) as process:
        process.http.timeout = httpx.Timeout(120)
        process.api("getMe")  # it loads its types first, which takes longer than a post may wait
        process.control("users", id=OWNER_ID, first_name="Owner")
        yield process


def _state(sim: SimulatorProcess, chat: object) -> dict[str, Any]:
    return next(dict(one) for one in sim.state_now()["channels"] if one["chat_id"] == chat)


def _chat(channel: Channel) -> int:
    (chat_id,) = db.row("SELECT telegram_chat_id FROM chat WHERE id = ?", channel.chat) or (0,)
    return int(chat_id)


def _channel(sim: SimulatorProcess, who: Owner, runtime: Runtime, *, is_public: bool) -> Channel:
    made = sim.control("channels", count=2, owner_id=OWNER_ID, public=is_public)
    bot = telegram.register(runtime.sealer, token=TOKEN, username="Bot", updates="polling", now=clock.utcnow())
    bot.storage_chat_id = made["chat_ids"][1]
    bot.save()
    channel = owned_channel(who, "News", telegram_chat_id=made["chat_ids"][0], now=clock.utcnow(), bot_id=BOT)
    with db.write():
        db.execute("UPDATE chat SET username = ? WHERE id = ?", made["usernames"][0], channel.chat)
    may_post(channel, bot_id=BOT)
    return channel


def _hang_up(sim: SimulatorProcess, kind: str = "reset_after_accept") -> None:
    for method in ("sendMessage", "sendPhoto"):
        sim.control("faults", kind=kind, method=method, times=1)


def _looked(reader: Reader) -> str:
    (delivery_id,) = db.row("SELECT id FROM delivery WHERE state = 'unknown'") or (0,)
    return resolving.look(delivery_id, [reader], now=clock.utcnow())


@pytest.mark.parametrize(("kind", "verdict"), [("reset_after_accept", "found"), ("reset_before_accept", "absent")])
def test_the_preview_page_finds_a_post_and_proves_that_one_is_not_there(
    kind: str, verdict: str, sim: SimulatorProcess, who: Owner, runtime: Runtime
) -> None:
    channel = _channel(sim, who, runtime, is_public=True)
    line = HttpPublisher(TOKEN, sim.url)
    scheduled(who, text("before"), channel)
    run_lane(line, bot_id=BOT)
    _hang_up(sim, kind)
    post = scheduled(who, text("**Hello** 👋 > and more"), channel)
    run_lane(line, bot_id=BOT)
    with httpx.Client() as client:
        assert _looked(PreviewReader(PreviewPages(client, sim.url))) == verdict
    assert deliveries(post)[0][1] == ("sent" if verdict == "found" else "unknown")
    if verdict == "found":
        newest = max(message["message_id"] for message in _state(sim, _chat(channel))["posts"])
        assert db.row("SELECT MAX(message_id) FROM delivery_message") == (newest,)


@pytest.mark.parametrize(("kind", "verdict"), [("reset_after_accept", "found"), ("reset_before_accept", "absent")])
def test_forwarding_the_next_ids_reads_a_private_channel(
    kind: str, verdict: str, sim: SimulatorProcess, who: Owner, runtime: Runtime
) -> None:
    channel = _channel(sim, who, runtime, is_public=False)
    line = HttpPublisher(TOKEN, sim.url)
    scheduled(who, text("before"), channel)
    run_lane(line, bot_id=BOT)
    _hang_up(sim, kind)
    scheduled(who, text("Hello"), channel)
    run_lane(line, bot_id=BOT)
    bots = Bots(runtime.sealer, lambda _token: line, lambda _token: line)  # type: ignore[arg-type,return-value]
    assert _looked(ForwardProbe(bots)) == verdict
    storage = sim.state_now()["channels"][1]
    assert (
        all(message.get("deleted_at") or message.get("is_deleted") for message in storage["posts"])
        or not storage["posts"]
    )


def test_nobody_can_look_into_a_private_channel_without_storage(
    sim: SimulatorProcess, who: Owner, runtime: Runtime
) -> None:
    channel = _channel(sim, who, runtime, is_public=False)
    with db.write():
        db.execute("UPDATE bot SET storage_chat_id = NULL")
        db.execute("UPDATE chat SET username = NULL")
    line = HttpPublisher(TOKEN, sim.url)
    _hang_up(sim)
    scheduled(who, text("Hello"), channel)
    run_lane(line, bot_id=BOT)
    bots = Bots(runtime.sealer, lambda _token: line, lambda _token: line)  # type: ignore[arg-type,return-value]
    assert _looked(ForwardProbe(bots)) == "blind"


def test_what_a_second_bot_was_told_is_found_and_its_silence_proves_nothing(
    sim: SimulatorProcess, who: Owner, runtime: Runtime
) -> None:
    channel = _channel(sim, who, runtime, is_public=True)
    _hang_up(sim)
    scheduled(who, text("Hello"), channel)
    run_lane(HttpPublisher(TOKEN, sim.url), bot_id=BOT)
    assert _looked(CollectedPosts()) == "blind"
    facts = PostFacts(message_id=1, posted_at=clock.utcnow(), text_hash=hash_text("Hello"), text_length=5)
    updates.note_post(_chat(channel), facts, bot_id=8, update_id=1, now=clock.utcnow())
    assert _looked(CollectedPosts()) == "found"


def test_our_own_post_enters_the_analytics_from_the_send_result(
    sim: SimulatorProcess, who: Owner, runtime: Runtime
) -> None:
    channel = _channel(sim, who, runtime, is_public=True)
    scheduled(who, text("Hello"), channel)
    run_lane(HttpPublisher(TOKEN, sim.url), bot_id=BOT)
    assert collecting.collect_sent(now=clock.utcnow()) == 1
    assert collecting.collect_sent(now=clock.utcnow()) == 0
    found = db.row("SELECT message_id, media, text_length, private_to FROM post WHERE chat_id = ?", channel.chat)
    sent = db.row("SELECT message_id FROM delivery_message")
    assert sent is not None and found == (sent[0], "text", 5, 0)


def test_an_album_and_its_text_apart_are_two_messages_that_match_when_looked_for(
    sim: SimulatorProcess, who: Owner, runtime: Runtime, tmp_path: Path
) -> None:
    channel = _channel(sim, who, runtime, is_public=True)
    files = []
    for colour in ("red", "green"):
        Image.new("RGB", (40, 30), colour).save(tmp_path / f"{colour}.png")
        with (tmp_path / f"{colour}.png").open("rb") as stream:
            kept = media.keep(
                who.workspace.id, stream, f"{colour}.png", data_dir=tmp_path, user_id=who.user.id, now=clock.utcnow()
            )
        files.append(Media("photo", kept.public_id))
    content = Content(text("The words").blocks, media=tuple(files), options=Options(text_apart=True))
    sim.control("faults", kind="reset_after_accept", method="sendMediaGroup", times=1)
    post = scheduled(who, content, channel)
    line = HttpPublisher(TOKEN, sim.url)
    run_lane(line, bot_id=BOT, folder=tmp_path)
    assert [row[1] for row in deliveries(post)] == ["unknown", "reserved"]
    with httpx.Client() as client:
        assert _looked(PreviewReader(PreviewPages(client, sim.url))) == "found"
    run_lane(line, bot_id=BOT, folder=tmp_path)
    assert [row[1] for row in deliveries(post)] == ["sent", "sent"]
    assert db.row("SELECT COUNT(*) FROM delivery_message") == (3,)
