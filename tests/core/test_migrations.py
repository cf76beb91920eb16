"""Migrations that move data, each from a database as the version before left it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from app.boot import Runtime
from app.core import db, migrate
from app.media.service import room
from app.readings import service as readings
from app.schema import TABLES
from tests.conftest import NOW
from tests.media.files import kept
from tests.world import owned_channel, owner, read_posts

_NEW = ("reactions_step", "reactions_source_id", "reactions_at")


def test_0002_finds_who_counted_the_reactions(runtime: Runtime) -> None:
    channel = owned_channel(owner("Aziza", telegram_user_id=42, now=NOW), "News", telegram_chat_id=-1001, now=NOW)
    counted, _, silent = read_posts(channel, posts=3, now=NOW)
    bot = readings.ensure_source(readings.BOT_UPDATES, now=NOW)
    at = db.to_ms(NOW + timedelta(hours=1))
    readings.record_readings(channel.chat, [(counted, at, bot, None, 11, 0)], now=NOW)
    db.execute("DELETE FROM reading WHERE post_id = ?", silent)
    readings.record_readings(channel.chat, [(silent, at, bot, 40, None, 0)], now=NOW)
    readings.rebuild(now=NOW)
    for column in _NEW:
        db.execute(f"ALTER TABLE post_stat DROP COLUMN {column}")
    db.execute("DELETE FROM schema_migration WHERE name LIKE '0002%'")
    assert migrate.up() == ["0002_reactions_have_their_own_source"]
    assert db.row("SELECT reactions_source_id FROM post_stat WHERE post_id = ?", counted) == (bot,)
    assert db.row(f"SELECT {', '.join(_NEW)} FROM post_stat WHERE post_id = ?", silent) == (0, None, None)
    assert readings.check_feeds(now=NOW).differences == 0


def test_0030_makes_older_files_findable_and_goes_back(runtime: Runtime, tmp_path: Path) -> None:
    who = owner("Aziza", now=NOW)
    kept(who, b"x", "Весна.PNG", tmp_path)
    _take_back("0030_uploads_and_library")
    assert db.row("SELECT COUNT(*) FROM plan_limit WHERE key = 'media_mb'") == (0,)
    assert migrate.up() == ["0030_uploads_and_library"] and migrate.difference(TABLES) == ""
    assert db.rows("SELECT found_by, tags, trashed_at FROM media_file") == [("весна.png", "", None)]
    assert room.room_of(who.workspace.id, now=NOW) == room.Room(1, 200_000 * room.MB)


def test_0038_has_public_pages_read_back_once_more_and_goes_back(runtime: Runtime) -> None:
    with db.write():
        db.execute("INSERT INTO print_watch (chat_id, read_at, newest_id, pages) VALUES (7, ?, 90, 0)", db.stamp(NOW))
    _take_back("0038_gaps_of_public_pages")
    assert db.rows("SELECT * FROM print_watch") == [(7, db.stamp(NOW), 90, None)]
    assert migrate.up() == ["0038_gaps_of_public_pages"] and migrate.difference(TABLES) == ""
    assert db.row("SELECT newest_id, gap_from, gap_to, gap_at, pages FROM print_watch") == (None, None, None, None, 0)


def _take_back(name: str) -> None:
    """One migration alone, whatever came after it."""
    runner = migrate._runner()
    (found,) = (migration for migration in runner.status() if migration.name == name)
    with db.database.atomic():
        found.load().down(runner.migrator, db.database.obj)
        db.execute("DELETE FROM schema_migration WHERE name = ?", name)
