"""Copies through the bot process's own line to a simulated Telegram: uploaded once, then sent by their id."""

from __future__ import annotations

import time
from pathlib import Path

from app.boot import Runtime
from app.core import clock, db
from app.media.service import path_of, ready, want
from app.telegram import service as telegram
from app.telegram.outgoing import Outgoing
from bot.media import MediaMaker
from tests.media.files import container, kept, picture
from tests.simulator.process import TOKEN, SimulatorProcess
from tests.world import owner

FILES = {
    "photo": picture("JPEG"),
    "animation": picture("GIF", frames=2),
    "video": container(b"isom"),
    "document": b"%PDF",
}


def test_files_are_uploaded_once_and_sent_by_their_ids(
    composed: Runtime, sim: SimulatorProcess, tmp_path: Path
) -> None:
    now, storage = clock.utcnow(), sim.channel("storage")["chat_id"]
    who, sealer = owner("Aziza", now=now), composed.sealer
    bot = telegram.register(sealer, token=TOKEN, username="B", updates="polling", storage_chat_id=storage, now=now)
    rows = {kind: kept(who, content, "файл.bin", tmp_path) for kind, content in FILES.items()}
    keys = [row.public_id for row in rows.values()]
    want(who.workspace.id, keys, bot.bot_id, now=now)
    _make_all(MediaMaker(composed))
    media = ready(who.workspace.id, keys, bot.bot_id, data_dir=tmp_path)
    for row in rows.values():
        path_of(tmp_path, row.sha256).unlink()  # nothing is left to upload
    line, news = composed.bots.telegram(bot), sim.channel("news")["chat_id"]
    for kind, row in rows.items():
        (sent,) = line.send(news, Outgoing(kind, media=(media[row.public_id],)))
        assert sent.media == row.kind == kind
        assert (tmp_path / "sim" / "files" / row.sha256).read_bytes() == FILES[kind]
    stored, posted = (sim.channel(name)["posts"] for name in ("storage", "news"))
    assert {post["media"] for post in stored} == {post["media"] for post in posted} == set(FILES)
    assert all(post["is_silent"] for post in stored)


def _make_all(maker: MediaMaker) -> None:
    """One message a second goes into a chat, and a busy machine may time out: the copy is tried again then."""
    until = time.monotonic() + 60
    while db.row("SELECT COUNT(*) FROM media_copy WHERE state = 'ready'") != (len(FILES),):
        assert time.monotonic() < until, db.rows("SELECT state, error FROM media_copy")
        maker.turn()
        time.sleep(0.1)
