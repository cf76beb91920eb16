"""Forwards and comments: from the sources that tell them, with their provenance; unknown elsewhere, never zero."""

from __future__ import annotations

import random
from datetime import timedelta
from pathlib import Path

from app.analytics import post_queries, queries
from app.analytics.build.channel import channel_page
from app.analytics.build.posts import post_rows
from app.analytics.periods import Span
from app.billing.service.limits import PlanLimits
from app.boot import Runtime
from app.channels.queries import channels_of
from app.core import db
from app.readings import service as readings
from tests.conftest import NOW
from tests.world import Owner, owned_channel, owner, read_posts

_PARTS = ("reactions", "forwards", "comments")


def _import(who: Owner, file: Path, lines: list[str]) -> readings.Imported:
    file.write_text("channel,message_id,posted_at,snapshot_at,views,reactions,forwards,comments\n" + "\n".join(lines))
    return readings.import_view_readings(
        file, None, workspace_id=who.workspace.id, actor="u", limits=PlanLimits(), now=NOW
    )


def _line(message: int, hours: int, *counts: int | str) -> str:
    posted = NOW - timedelta(days=20) + timedelta(minutes=message)
    return ",".join(map(str, ("News", message, posted, posted + timedelta(hours=hours), *counts)))


def test_totals_of_500_posts_equal_what_the_file_says(runtime: Runtime, tmp_path: Path) -> None:
    dice, who = random.Random(5), owner("Aziza", now=NOW)
    last: dict[int, list[int]] = {}
    lines = []
    for message in range(1, 501):
        counts = [0, 0, 0, 0]
        for hours in (1, 5, 30):
            counts = [count + dice.randint(1, most) for count, most in zip(counts, (900, 40, 25, 12), strict=True)]
            lines.append(_line(message, hours, *counts))
        last[message] = counts
    dice.shuffle(lines)
    assert _import(who, tmp_path / "r.csv", lines).new == 1500
    assert _import(who, tmp_path / "r.csv", lines).new == 0
    stored = db.rows(f"SELECT p.message_id, s.views, {', '.join(f's.{part}' for part in _PARTS)}, s.er_ppm"
                     " FROM post_stat s JOIN post p ON p.id = s.post_id JOIN feed f ON f.id = s.feed_id"
                     " WHERE f.workspace_id = ?", who.workspace.id)  # fmt: skip
    assert {message: list(counts) for message, *counts, _ in stored} == last
    assert all(er == sum(counts[1:]) * 1_000_000 // counts[0] for _, *counts, er in stored)
    assert readings.check_feeds(now=NOW).differences == 0
    readings.rebuild(now=NOW)
    assert readings.check_feeds(now=NOW).differences == 0


def test_a_blank_is_unknown_and_the_er_says_what_is_in_it(runtime: Runtime, tmp_path: Path) -> None:
    who = owner("Aziza", now=NOW)
    lines = [
        _line(1, 5, 100, 4, "", ""),
        _line(2, 5, 100, 4, 3, ""),
        _line(3, 5, 100, "", "", ""),
        _line(4, 5, 100, 0, 0, 0),
    ]
    _import(who, tmp_path / "r.csv", lines)
    (channel,) = channels_of(who.workspace.id)
    shown = {}
    for message in (1, 2, 3, 4):
        post = post_queries.post_of(channel.feed_id, channel.chat_id, str(message))
        assert post is not None
        row = next(post_rows(channel, [post], queries.source_kinds()))
        shown[message] = (row.er.value, row.er_parts, row.forwards.value, row.comments.value, row.forwards.sources)
    assert shown == {
        1: (4.0, ("reactions",), None, None, ()),
        2: (7.0, ("forwards", "reactions"), 3, None, ("import",)),
        3: (None, (), None, None, ()),
        4: (0.0, ("forwards", "reactions", "comments"), 0, 0, ("import",)),
    }


def test_a_channel_s_er_counts_what_is_known_and_names_it(runtime: Runtime, tmp_path: Path) -> None:
    who = owner("Aziza", now=NOW)
    _import(who, tmp_path / "r.csv", [_line(1, 5, 100, 4, 3, ""), _line(2, 5, 300, 6, "", "")])
    (channel,) = channels_of(who.workspace.id)
    page = channel_page(who.workspace.id, channel, span=Span(), now=NOW)
    assert (page.tiles["er"].value, page.er_parts) == (100 * (4 + 3 + 6) / 400, ("forwards", "reactions"))
    assert page.tiles["er"].sources == ("import",)


def test_what_one_workspace_imported_is_unknown_to_another(runtime: Runtime, tmp_path: Path) -> None:
    aziza, bek = owner("Aziza", now=NOW), owner("Bek", now=NOW)
    public = owned_channel(bek, "News", telegram_chat_id=-1001, now=NOW)
    read_posts(public, posts=2, now=NOW)
    _import(aziza, tmp_path / "r.csv", [_line(1, 5, 100, 4, 77, 88)])
    hers, his = (
        db.rows("SELECT s.forwards, s.comments FROM post_stat s JOIN post p ON p.id = s.post_id JOIN feed f"
                " ON f.id = s.feed_id WHERE f.workspace_id = ? AND p.message_id = 1", workspace)
        for workspace in (aziza.workspace.id, 0)
    )  # fmt: skip
    assert hers == [(77, 88)] and his == [(None, None)]


def test_a_reading_with_forwards_meets_one_without_at_the_same_moment(runtime: Runtime) -> None:
    """The larger stays, as with every count; in one batch, and one after the other."""
    channel = owned_channel(owner("Aziza", now=NOW), "News", telegram_chat_id=-1001, now=NOW)
    source = readings.ensure_source("a", now=NOW)
    at = db.to_ms(NOW)
    ids = readings.record_posts(channel.chat, [readings.PostFacts(n, NOW - timedelta(hours=1)) for n in (1, 2)])
    narrow, full = (
        [(ids[n], at, source, 10, 1, 0) for n in (1, 2)],
        [(ids[n], at, source, 10, 1, 0, 5, None) for n in (1, 2)],
    )
    readings.record_readings(channel.chat, [full[0], narrow[0]], now=NOW)
    for batch in ([narrow[1]], [full[1]], [narrow[1]]):
        readings.record_readings(channel.chat, batch, now=NOW)
    assert db.rows("SELECT forwards, comments FROM reading") == [(5, None), (5, None)]
    assert readings.check_feeds(now=NOW).differences == 0
