"""Two fresh databases fed the same input give the same pages, byte for byte."""

from __future__ import annotations

import hashlib
import itertools
import re
from pathlib import Path

import pytest

from app.accounts.service import sessions
from app.boot import boot
from app.core import clock, db, ids, migrate
from app.core.settings import Settings
from app.web import create_app
from tests.conftest import NOW
from tests.world import owned_channel, owner, read_posts


def _pages(folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The pages of a new database; chance (public ids) and the clock are given, nothing else is replaced."""
    counter = itertools.count()
    monkeypatch.setattr(ids, "_entropy", lambda size: hashlib.sha256(str(next(counter)).encode()).digest()[:size])
    monkeypatch.setattr(clock, "utcnow", lambda: NOW)
    settings = Settings(database_url=f"sqlite:///{folder / 'x.sqlite3'}", data_dir=folder, _env_file=None)  # type: ignore[call-arg]
    runtime = boot("web", settings)
    migrate.up()
    who = owner("Aziza", now=NOW)
    channels = [owned_channel(who, f"News{n}", telegram_chat_id=-1000 - n, now=NOW) for n in range(3)]
    for n, channel in enumerate(channels):
        read_posts(channel, posts=5 + n, now=NOW)
    client = create_app(runtime).test_client()
    token, _ = sessions.start(who.user.id, who.workspace.id, kind="browser", now=NOW)
    with client.session_transaction() as cookie:
        cookie["token"], cookie["kind"] = token, "browser"
    first = channels[0].public_id
    paths = [
        "/network",
        "/network.csv",
        f"/channels/{first}",
        f"/channels/{first}/posts.csv",
        f"/channels/{first}/posts/2",
    ]
    texts = [client.get(path).text for path in paths]
    db.database.close()
    return [re.sub(r'(name="csrf-token" content|name="csrf_token" value)="[^"]*"', "", text) for text in texts]


def test_two_fresh_databases_give_the_same_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first, second = _pages(tmp_path / "a", monkeypatch), _pages(tmp_path / "b", monkeypatch)
    assert first == second
    assert all(len(page) > 200 for page in first)
