"""A file's id that Telegram knows no more: the post goes out with the bytes, and nobody has to notice."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from app.boot import Runtime
from app.channels.models import Channel
from app.core import clock, db
from app.media.models import MediaFile
from app.media.service import path_of, ready, want
from app.posting.content import markup
from app.posting.content.blocks import Content, Media
from app.posting.lane import refusals
from app.posting.models import AuthoredPost
from app.telegram import service as telegram
from app.telegram.outgoing import Outgoing
from app.telegram.publisher import HttpPublisher
from bot.media import MediaMaker
from tests.media.files import kept, picture
from tests.posting import authored
from tests.posting.authored import ScriptedLine
from tests.simulator.process import TOKEN, SimulatorProcess
from tests.world import Owner, owned_channel, owner

DEAD = "Bad Request: wrong file identifier/HTTP URL specified"


@pytest.fixture
def who(runtime: Runtime) -> Owner:
    return owner("Aziza", now=clock.utcnow())


@pytest.fixture
def news(who: Owner) -> Channel:
    channel = owned_channel(who, "News", telegram_chat_id=-1001, now=clock.utcnow())
    authored.may_post(channel)
    return channel


def _album(*files: MediaFile) -> Content:
    media = tuple(Media(file.kind, file.public_id) for file in files)  # type: ignore[arg-type]
    return Content(markup.parse("With pictures"), media=media)


def _files(who: Owner, folder: Path, count: int = 1) -> list[MediaFile]:
    """Pictures with copies whose ids are id0, id1 …"""
    now, files = clock.utcnow(), [kept(who, picture("PNG", shade=n), f"{n}.png", folder) for n in range(count)]
    for number, file in enumerate(files):
        db.execute(
            "INSERT INTO media_copy (media_id, bot_id, workspace_id, state, file_id, attempts, wanted_at)"
            " VALUES (?, ?, ?, 'ready', ?, 0, ?)",
            *(file.id, authored.BOT_ID, who.workspace.id, f"id{number}", db.stamp(now)),
        )
    return files


def _refuse(words: str, *, only_ids: bool = True) -> ScriptedLine:
    def answer(_chat_id: int, what: Outgoing) -> None:
        if not only_ids or any(medium.file_id for medium in what.media):
            raise authored.refusal(words)

    return ScriptedLine(before=answer)


def _run(who: Owner, news: Channel, line: ScriptedLine, files: list[MediaFile], folder: Path) -> AuthoredPost:
    post = authored.scheduled(who, _album(*files), news)
    authored.run_lane(line, run_s=3.0, folder=folder)
    return post


@pytest.mark.parametrize(
    "words", [DEAD, "Bad Request: wrong remote file identifier specified: x", "FILE_REFERENCE_EXPIRED"]
)
@pytest.mark.parametrize("count", [1, 2])
def test_a_dead_id_is_replaced_by_the_bytes_within_the_next_moment(
    who: Owner, news: Channel, tmp_path: Path, words: str, count: int
) -> None:
    files, line = _files(who, tmp_path, count), _refuse(words)
    post = _run(who, news, line, files, tmp_path)
    assert authored.deliveries(post) == [(0, "sent", None)]
    ((_, _, what),) = line.sent
    assert [medium.path for medium in what.media] == [str(path_of(tmp_path, file.sha256)) for file in files]
    assert authored.log(post) == ["reserved", "sending", "put_back", "sending", "sent"]
    assert db.rows("SELECT state, file_id FROM media_copy") == [("wanted", None)] * count, "and copies are made anew"


def test_without_the_replacement_the_post_is_lost(
    who: Owner, news: Channel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refusals, "is_about_file_id", lambda _words: False)
    post = _run(who, news, _refuse(DEAD), _files(who, tmp_path), tmp_path)
    assert authored.deliveries(post) == [(0, "rejected", DEAD)]


def test_bytes_that_are_refused_in_the_same_words_are_not_sent_for_ever(
    who: Owner, news: Channel, tmp_path: Path
) -> None:
    line = _refuse(DEAD, only_ids=False)
    post = _run(who, news, line, _files(who, tmp_path), tmp_path)
    assert authored.deliveries(post) == [(0, "rejected", DEAD)]
    assert authored.log(post) == ["reserved", "sending", "put_back", "sending", "rejected"]


def test_an_id_that_is_dead_while_the_original_is_gone_is_told(who: Owner, news: Channel, tmp_path: Path) -> None:
    files = _files(who, tmp_path)
    path_of(tmp_path, files[0].sha256).unlink()
    post = _run(who, news, _refuse(DEAD), files, tmp_path)
    assert authored.deliveries(post) == [(0, "rejected", "A file of this post is gone.")]


def test_another_refusal_leaves_the_copies_alone(who: Owner, news: Channel, tmp_path: Path) -> None:
    post = _run(who, news, _refuse("Bad Request: message caption is too long"), _files(who, tmp_path), tmp_path)
    assert authored.deliveries(post)[0][1] == "rejected"
    assert db.rows("SELECT state, file_id FROM media_copy") == [("ready", "id0")]


def test_copies_of_another_bot_live_on(who: Owner, news: Channel, tmp_path: Path) -> None:
    files = _files(who, tmp_path)
    db.execute(
        "INSERT INTO media_copy (media_id, bot_id, workspace_id, state, file_id, attempts, wanted_at)"
        " VALUES (?, 8, ?, 'ready', 'id0', 0, ?)",
        *(files[0].id, who.workspace.id, db.stamp(clock.utcnow())),
    )
    _run(who, news, _refuse(DEAD), files, tmp_path)
    assert db.rows("SELECT bot_id, state FROM media_copy ORDER BY bot_id") == [(7, "wanted"), (8, "ready")]


# ---- through the simulator's own process


def test_when_every_id_dies_posts_go_out_and_copies_come_back(
    composed: Runtime, sim: SimulatorProcess, tmp_path: Path
) -> None:
    now, storage = clock.utcnow(), sim.channel("storage")["chat_id"]
    who, chat_id = owner("Aziza", now=now), sim.channel("news")["chat_id"]
    bot = telegram.register(
        composed.sealer, token=TOKEN, username="B", updates="polling", storage_chat_id=storage, now=now
    )
    news = owned_channel(who, "News", telegram_chat_id=chat_id, now=now, bot_id=bot.bot_id)
    authored.may_post(news, bot_id=bot.bot_id)
    row, maker, line = (
        kept(who, picture("JPEG"), "a.jpg", tmp_path),
        MediaMaker(composed),
        HttpPublisher(TOKEN, sim.url),
    )
    want(who.workspace.id, [row.public_id], bot.bot_id, now=now)
    first = _copy_made(maker)

    def publish() -> AuthoredPost:
        post = authored.scheduled(who, _album(row), news)
        authored.run_lane(line, run_s=3.0, bot_id=bot.bot_id, folder=tmp_path)
        return post

    assert authored.log(publish()) == ["reserved", "sending", "sent"]
    assert sim.control("kill_file_ids", sha256=row.sha256)["files"] == 1
    time.sleep(1.1)  # one message a second in a chat
    replaced = publish()
    assert authored.log(replaced) == ["reserved", "sending", "put_back", "sending", "sent"]
    assert len(sim.channel("news")["posts"]) == 2, "each of the two posts once"
    again = _copy_made(maker)
    assert again != first
    assert ready(who.workspace.id, [row.public_id], bot.bot_id, data_dir=tmp_path)[row.public_id].file_id == again
    time.sleep(1.1)
    path_of(tmp_path, row.sha256).unlink()  # nothing is left to upload: the new id does it
    assert authored.log(publish()) == ["reserved", "sending", "sent"]


def _copy_made(maker: MediaMaker) -> str:
    until = time.monotonic() + 60
    while not (found := db.rows("SELECT file_id FROM media_copy WHERE state = 'ready'")):
        assert time.monotonic() < until, db.rows("SELECT state, error FROM media_copy")
        maker.turn()
        time.sleep(0.1)
    return str(found[0][0])
