"""Unsubscribes per post and what reaches more, in the browser: each number judged by raw rows, as the crawler does."""

from __future__ import annotations

import csv
import io
import re
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.analytics import effect_jobs
from app.channels.models import Channel
from app.core import clock, db
from app.readings import service as readings
from tests.channels.audience import bot_in
from tests.web.evidence import Evidence, gather
from tests.web.judged_files import judged_csv
from tests.web.judged_page import Judged, JudgedPage
from tests.web.raw import Ask
from tests.world import Owner, owned_channel, owner

SignIn = Callable[[Owner], FlaskClient]


@pytest.fixture
def ask(database_url: str) -> Ask:
    def sqlite(sql: str) -> list[tuple[Any, ...]]:
        with sqlite3.connect(database_url.removeprefix("sqlite:///")) as connection:
            return connection.execute(sql).fetchall()

    def postgres(sql: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(database_url) as connection:
            return connection.execute(sql).fetchall()

    return sqlite if database_url.startswith("sqlite") else postgres


def _restless(now: datetime) -> tuple[Owner, Channel]:
    """Three weeks with a leave every forty minutes and sixty leaves after one post; photos are seen more than texts."""
    who = owner("Aziza", telegram_user_id=42, now=now)
    channel = owned_channel(who, "News", telegram_chat_id=-1001, now=now)
    begin = (now - timedelta(days=21)).replace(minute=0, second=0, microsecond=0)
    bot_in(channel, at=begin)
    page = readings.ensure_source(readings.PREVIEW_PAGE, now=now)
    readings.ensure_source(readings.BOT_UPDATES, now=now)
    facts = [
        readings.PostFacts(
            n + 1, begin + timedelta(hours=8 * n), media="photo" if n % 2 else "text", text_length=90 * n
        )
        for n in range(60)
    ]
    ids = readings.record_posts(channel.chat, facts)
    rows = []
    for n, fact in enumerate(facts):
        for hours, views in ((2, 400 + n), (24, (1500 if n % 2 else 1000) + 3 * n)):
            at = fact.posted_at + timedelta(hours=hours)
            rows.append((ids[fact.key], db.to_ms(at), page, views, 3, 0))
    readings.record_readings(channel.chat, [row for row in rows if row[1] < db.to_ms(now)], now=now)
    moments = [begin + timedelta(minutes=40 * n, seconds=n % 50) for n in range(21 * 36)]
    moments += [facts[40].posted_at + timedelta(seconds=60 * n + 5) for n in range(60)]
    leaves = [
        (channel.bot_id, n, channel.chat, db.stamp(at), "leave", f"p{n}") for n, at in enumerate(moments) if at < now
    ]
    with db.write():
        db.execute_many(
            "INSERT INTO member_event (bot_id, update_id, chat_id, at, kind, member_hash) VALUES (?, ?, ?, ?, ?, ?)",
            leaves,
        )
    effect_jobs.refresh_effects(now=now)
    return who, channel


def _page(client: FlaskClient, url: str, evidence: Evidence) -> tuple[str, Judged]:
    before = datetime.now(UTC)
    text = client.get(url).text
    return text, JudgedPage(url, text, evidence, between=(before, datetime.now(UTC))).verdict()


def test_the_post_after_which_people_left_is_named_and_every_number_is_backed(
    app: Flask, sign_in: SignIn, ask: Ask
) -> None:
    who, channel = _restless(clock.utcnow())
    url = f"/channels/{channel.public_id}/audience"
    text, judged = _page(sign_in(who), url, gather(ask, who.workspace.id))
    assert not judged.problems, judged.problems
    table = text.partition('id="causes"')[2].partition("</section>")[0]
    rows = re.findall(r"<tr.*?</tr>", table, re.S)[1:]
    assert len(rows) == 15 and "#41 " in rows[0] and ">found<" in rows[0]
    assert not [row for row in rows[1:] if ">found<" in row] and "within chance" in rows[1]
    assert 'data-precision="estimate"' in rows[0] and "not because of it" in table


def test_the_file_has_every_post_with_the_rate_of_false_findings(app: Flask, sign_in: SignIn, ask: Ask) -> None:
    who, channel = _restless(clock.utcnow())
    url, before = f"/channels/{channel.public_id}/audience/causes.csv", datetime.now(UTC)
    text = sign_in(who).get(url).text
    judged = judged_csv(url, text, gather(ask, who.workspace.id), between=(before, datetime.now(UTC)))
    assert not judged.problems, judged.problems[:3]
    lines = list(csv.DictReader(io.StringIO(text)))
    assert len(lines) >= 55 and lines[0]["post"] == "41" and 0 < float(lines[0]["p"]) <= float(lines[0]["q"]) <= 0.01
    assert lines[0]["expected_precision"] == "estimate" and lines[0]["leaves_precision"] == "exact"


def test_a_number_that_the_bot_was_never_told_is_found_by_the_judge(app: Flask, sign_in: SignIn, ask: Ask) -> None:
    """The judge is no rubber stamp: effects that outlive their leaves are numbers without a source."""
    who, channel = _restless(clock.utcnow())
    db.execute("DELETE FROM member_event")
    url = f"/channels/{channel.public_id}/audience"
    _, judged = _page(sign_in(who), url, gather(ask, who.workspace.id))
    assert any("no reading of it exists" in problem for problem in judged.problems)


def test_what_reaches_more_stands_on_the_content_page_with_its_interval(app: Flask, sign_in: SignIn, ask: Ask) -> None:
    who, channel = _restless(clock.utcnow())
    url = f"/channels/{channel.public_id}/content"
    text, judged = _page(sign_in(who), url, gather(ask, who.workspace.id))
    assert not judged.problems, judged.problems
    table = text.partition('id="content_mix"')[2].partition("</section>")[0]
    assert table.count('class="interval"') >= 2 and "too few posts" in table and "nineteen times out of twenty" in table
    other = sign_in(who).get(f"{url}?from=2026-01-01&to=2026-01-20").text
    assert "This is computed for the usual periods" in other


def test_a_channel_without_a_bot_has_no_such_block(app: Flask, sign_in: SignIn) -> None:
    now = clock.utcnow()
    who, channel = _restless(now)
    db.execute("UPDATE channel SET bot_id = NULL WHERE id = ?", channel.id)
    text = sign_in(who).get(f"/channels/{channel.public_id}/audience").text
    assert 'id="causes"' not in text and "Nothing tells them here" in text


def test_a_stranger_reads_no_file_of_causes(app: Flask, sign_in: SignIn) -> None:
    _, channel = _restless(clock.utcnow())
    stranger = sign_in(owner("Bek", now=clock.utcnow()))
    assert stranger.get(f"/channels/{channel.public_id}/audience/causes.csv").status_code == 404
