"""What a private source tells of a message stays in its workspace, until a public one tells of the message."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from importlib import import_module
from itertools import permutations

import pytest
from flask import Flask
from flask.testing import FlaskClient
from playhouse.migrate import SchemaMigrator

from app.boot import Runtime
from app.channels.models import Chat
from app.channels.service import connect
from app.core import db, migrate
from app.readings import service as readings
from app.readings.service import deletions, pages, posts, updates
from app.readings.service.merging import merge
from app.schema import TABLES
from tests.readings.private.world import CHAT, World, post
from tests.world import Owner

SignIn = Callable[[Owner], FlaskClient]


@pytest.fixture
def world(runtime: Runtime) -> World:
    return World()


def _poison(world: World) -> tuple[datetime, datetime]:
    """Bek's file comes first and is forged; Aziza's own is true. Returns (true, forged) times."""
    true, forged = world.now - timedelta(days=1), world.now - timedelta(days=10)
    world.tell(
        world.bek,
        post("forged text of another length", forged, 7, media=("photo",)),
        post("", forged, None, message=2, is_service=True),
    )
    world.tell(world.aziza, post("true", true, 3), post("true too", true, 5, message=2))
    return true, forged


def test_a_forged_file_of_one_workspace_changes_nothing_of_anothers(world: World) -> None:
    true, forged = _poison(world)
    assert world.shown(world.aziza) == (true, "text", 4, 3)
    assert world.shown(world.aziza, 2) == (true, "text", 8, 5)
    assert world.shown(world.bek) == (forged, "photo", 29, 7)
    assert (world.shown(world.bek, 2), world.shown(None), world.shown(None, 2)) == (None, None, None)
    assert world.is_true()


def _pages(client: FlaskClient, world: World) -> tuple[str, list[str]]:
    """The page of message 1, and the rows of posts.csv."""
    path = f"/channels/{world.channel.public_id}"
    table = client.get(f"{path}/posts.csv?days=90").text.splitlines()
    return client.get(f"{path}/posts/1").text, [row for row in table if row.startswith(("1,", "2,"))]


def test_the_owners_page_and_file_show_the_owners_facts(app: Flask, sign_in: SignIn) -> None:
    world = World()
    true, forged = _poison(world)
    page, rows = _pages(sign_in(world.aziza), world)
    assert len(rows) == 2 and all(f"{true:%Y-%m-%d}" in row for row in rows)
    assert not any(f"{forged:%Y-%m-%d}" in row or "photo" in row for row in rows)
    assert "hoto" not in page


def test_with_shared_rows_the_owners_file_shows_forged_facts(
    app: Flask, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shows the harm: private sources make rows for everybody and may correct nobody's."""
    _share(monkeypatch)
    world = World()
    _, forged = _poison(world)
    _, rows = _pages(sign_in(world.aziza), world)
    assert rows and all(f"{forged:%Y-%m-%d}" in row for row in rows)


def _share(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "audience_of", lambda _: 0)
    monkeypatch.setattr(posts, "_refresh", lambda *_: None)


def test_a_public_source_takes_in_what_workspaces_had_and_tells_the_facts(world: World) -> None:
    true, forged = _poison(world)
    assert world.rows() == [(1, world.aziza.workspace.id), (1, world.bek.workspace.id)] + [
        (2, world.aziza.workspace.id),
        (2, world.bek.workspace.id),
    ]
    said = world.now - timedelta(days=2)
    world.tell(None, post("as the page says", said, 10), minutes=5)
    assert [row for row in world.rows() if row[0] == 1] == [(1, 0)]
    facts = (said, "text", 16, 10)
    assert [world.shown(by) for by in (None, world.aziza, world.bek)] == [facts] * 3
    assert [world.sums(by) for by in (None, world.aziza, world.bek)] == [(1, 10, 1), (2, 15, 3), (1, 10, 2)]
    assert world.is_true()
    world.tell(world.aziza, post("another text", true, 12, media=("video",)), minutes=9)
    assert world.shown(world.aziza) == (said, "text", 16, 12) and world.shown(None) == facts
    assert world.is_true() and [row for row in world.rows() if row[0] == 1] == [(1, 0)]


def test_a_private_source_uses_the_public_row_where_there_is_one(world: World) -> None:
    said = world.now - timedelta(days=2)
    world.tell(None, post("public", said, 10))
    world.tell(world.bek, post("forged", world.now, 99, media=("photo",)), minutes=1)
    assert world.rows() == [(1, 0)]
    assert (world.shown(None), world.shown(world.bek)) == ((said, "text", 6, 10), (said, "text", 6, 99))
    assert world.shown(world.aziza) == (said, "text", 6, 10) and world.is_true()


@pytest.mark.parametrize("order", list(permutations(("aziza", "bek", "public"))))
def test_whoever_tells_first_the_end_is_one_row_that_says_what_the_public_does(
    world: World, order: tuple[str, ...]
) -> None:
    said = world.now - timedelta(days=2)
    for name in (*order, *order):
        views = {"aziza": 20, "bek": 30, "public": 10}[name]
        at = said if name == "public" else said - timedelta(days=views)
        world.tell(getattr(world, name, None), post(name, at, views), minutes=views)
    assert world.rows() == [(1, 0)] and world.is_true()
    said_of_it = [world.shown(by) for by in (None, world.aziza, world.bek)]
    assert said_of_it == [(said, "text", 6, views) for views in (10, 20, 30)]
    assert [world.sums(by) for by in (None, world.aziza, world.bek)] == [(1, 10, 1), (1, 20, 2), (1, 30, 2)]


def test_a_workspace_may_correct_its_own_row(world: World) -> None:
    _poison(world)
    right = world.now - timedelta(days=3)
    world.tell(world.bek, post("right", right, 7), post("no service", right, 4, message=2))
    assert (world.shown(world.bek), world.shown(world.bek, 2)) == ((right, "text", 5, 7), (right, "text", 10, 4))
    assert world.is_true()
    edited = post("edited", right, 8, edited_at=world.now)
    world.tell(world.bek, edited, minutes=1)
    world.tell(world.bek, post("right", right, 8), minutes=2)
    assert world.shown(world.bek) == (right, "text", 6, 8), "an older export takes back no edit"


def test_a_bots_message_is_public_and_an_album_of_a_workspace_joins_it(world: World) -> None:
    at = world.now - timedelta(days=1)
    album = [post("", at, n, message=n, album_key="k", media=("photo",)) for n in (70, 71, 72)]
    world.tell(world.aziza, *album)
    world.tell(world.bek, *album[1:])
    assert world.rows() == [(70, world.aziza.workspace.id), (71, world.bek.workspace.id)]
    facts = readings.PostFacts(71, at, album_id="k", media="album", text_length=3, text_hash="x", text="abc")
    assert updates.note_post(CHAT, facts, bot_id=7, update_id=1, now=world.now)
    assert world.rows() == [(71, 0)]
    assert world.shown(world.aziza, 71) == (at, "album", 3, 72) and world.is_true()
    assert posts.post_id_of(world.chat, 70, private_to=world.aziza.workspace.id) is not None
    assert posts.post_id_of(world.chat, 70, private_to=world.bek.workspace.id) is None
    assert posts.post_id_of(world.chat, 70) is None, "that 70 belongs to it is Aziza's knowledge"
    world.tell(world.aziza, *album, minutes=1)
    assert world.rows() == [(71, 0)] and world.is_true()


def test_what_a_workspace_found_gone_stays_gone_for_it_when_the_row_becomes_public(world: World) -> None:
    world.tell(world.aziza, post("text", world.now - timedelta(days=1), 3))
    world.tell(world.bek, post("text", world.now - timedelta(days=1), 4))
    deletions.mark_messages_deleted(world.chat, [1], at=world.now, source_id=world.source(world.aziza))
    world.tell(None, post("text", world.now - timedelta(days=1), 5), minutes=-5)
    gone = "SELECT f.workspace_id, t.is_deleted FROM post_stat t JOIN feed f ON f.id = t.feed_id"
    marks = {workspace: bool(is_gone) for workspace, is_gone in db.rows(gone)}
    assert marks == {0: False, world.aziza.workspace.id: True, world.bek.workspace.id: False}
    assert world.is_true()


def test_of_two_chats_that_are_one_the_public_row_takes_in_the_private_ones(world: World) -> None:
    at = world.now - timedelta(days=1)
    world.tell(world.aziza, post("hers", at, 3))
    world.tell(world.bek, post("his", at, 4, message=2))
    other: Chat = connect.ensure_named_chat("News2", now=world.now)
    seen = (post("public", at, 9), post("her other", at, 8, message=2))
    readings.record_seen(other.id, seen[:1], source_id=world.source(None), observed_at=world.now, now=world.now)
    hers = world.source(world.aziza)
    readings.record_seen(other.id, seen[1:], source_id=hers, observed_at=world.now, now=world.now)
    merge(other, Chat.get_by_id(world.chat), now=world.now)
    assert world.rows() == [(1, 0), (2, world.aziza.workspace.id), (2, world.bek.workspace.id)]
    assert world.shown(world.aziza) == (at, "text", 6, 9) and world.shown(world.aziza, 2) == (at, "text", 9, 8)
    assert world.shown(world.bek, 2) == (at, "text", 3, 4) and world.is_true()


def test_0012_gives_a_workspace_what_it_alone_told_of(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    at = world.now - timedelta(days=1)
    with monkeypatch.context() as shared:
        _share(shared)
        world.tell(world.bek, post("his", at, 1), post("his alone", at, 2, message=2))
        world.tell(world.aziza, post("hers", at, 3), minutes=1)
        world.tell(world.bek, post("seen by all", at, 4, message=3))
        world.tell(None, post("seen by all", at, 5, message=3), minutes=1)
    readings.record_posts(world.chat, [readings.PostFacts(4, at)])
    before = [world.sums(by) for by in (None, world.aziza, world.bek)]
    for key in ("message_id", "origin_uid"):
        db.execute(f"DROP INDEX post_chat_id_{key}_private_to")
        db.execute(f"CREATE UNIQUE INDEX post_chat_id_{key} ON post (chat_id, {key})")
    db.execute("ALTER TABLE post DROP COLUMN private_to")
    db.execute("CREATE TABLE old AS SELECT chat_id, message_id, post_id, edited_at FROM album_item")
    db.execute("DROP TABLE album_item")
    db.execute("ALTER TABLE old RENAME TO album_item")
    db.execute("INSERT INTO album_item SELECT chat_id, 6, id, NULL FROM post WHERE message_id = 1")
    db.execute("DELETE FROM schema_migration WHERE name LIKE '0012%'")
    assert migrate.up() == ["0012_private_posts"]
    hers, his = world.aziza.workspace.id, world.bek.workspace.id
    assert world.rows() == [(1, hers), (1, his), (2, his), (3, 0), (4, 0)]
    assert [world.sums(by) for by in (None, world.aziza, world.bek)] == before and world.is_true()
    assert [world.shown(by) for by in (world.aziza, world.bek)] == [(at, "text", 3, 3), (at, "text", 3, 1)]
    assert db.rows("SELECT message_id, private_to FROM album_item ORDER BY 2") == [(6, hers), (6, his)]
    world.tell(world.aziza, post("hers", at, 3), minutes=1)
    assert world.shown(world.aziza) == (at, "text", 4, 3)
    assert world.shown(world.bek) == (at, "text", 3, 1)


def test_0012_goes_back_without_what_only_workspaces_told(world: World) -> None:
    at = world.now - timedelta(days=1)
    album = [post("", at, n, message=n, album_key="k") for n in (70, 71)]
    world.tell(world.aziza, *album, post("hers", at, 3, message=2))
    world.tell(None, post("seen by all", at, 4, message=3))
    module = import_module("app.core.migrations.0012_private_posts")
    with db.write():
        module.down(SchemaMigrator.from_database(db.database.obj), db.database.obj)
    assert db.rows("SELECT message_id FROM post") == [(3,)] and db.rows("SELECT * FROM album_item") == []
    db.execute("DELETE FROM schema_migration WHERE name LIKE '0012%'")
    assert migrate.up() == ["0012_private_posts"]
    assert migrate.difference(TABLES) == ""
