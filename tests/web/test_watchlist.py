"""Twenty public channels of others beside the own ones, and the source that reads them never oversold."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from selectolax.lexbor import LexborHTMLParser

from app.accounts.service import keys
from app.billing.service.limits import PlanLimits
from app.core import clock
from app.core.errors import LimitReached
from app.readings import service as readings
from app.readings.collectors.cadence import pages_per_day
from tests.world import Owner, owned_channel, owner, read_posts, watched

SignIn = Callable[[Owner], FlaskClient]
WATCHED = 20


def _cells(client: FlaskClient, table: str) -> dict[str, list[tuple[str, str]]]:
    """Name -> (value, source) of each figure in a table's rows, changes left out."""
    tree = LexborHTMLParser(client.get("/watchlist").text)
    return {
        row.css_first("a.channel-title, span.channel-title").text(strip=True): [
            (node.attributes.get("value") or "", node.attributes.get("data-source") or "")
            for node in row.css("data.fig")
            if "delta" not in (node.attributes.get("class") or "")
        ]
        for row in tree.css(f"#{table} tbody tr")
    }


def test_twenty_watched_channels_have_the_numbers_of_the_own_with_their_sources(app: Flask, sign_in: SignIn) -> None:
    now = clock.utcnow()
    who = owner("Aziza", plan="pro", now=now)
    read_posts(owned_channel(who, "Mine", telegram_chat_id=-1001, now=now), posts=5, now=now)
    for n in range(1, WATCHED + 1):
        read_posts(watched(who, f"rival_{n:02}", now=now), posts=n, now=now)
    client, secret = sign_in(who), keys.create(who.workspace.id, user_id=who.user.id, name="r", now=now)
    rivals, own = _cells(client, "watched_table"), _cells(client, "own_table")
    assert len(rivals) == WATCHED and len(own) == 1
    assert {len(cells) for cells in (*rivals.values(), *own.values())} == {len(own["Mine"])}, "the same columns"
    assert all(source == "preview_page" for cells in rivals.values() for value, source in cells if value)
    told = client.get("/api/v1/channels", headers={"Authorization": f"Bearer {secret}"}).json
    posts = {one["title"]: one["posts"]["value"] for one in told["channels"]}
    shown = {name: [value for value, _ in cells] for name, cells in rivals.items()}
    for n in range(1, WATCHED + 1):
        (name,) = [title for title in rivals if f"rival_{n:02}" in title]
        assert posts[name] == n and str(n) in shown[name]
    with pytest.raises(LimitReached):
        watched(who, "one_too_many", now=now)


def test_the_source_tells_its_room_and_is_never_oversold(app: Flask, sign_in: SignIn) -> None:
    who, pace = owner("Aziza", now=clock.utcnow()), 1
    most = int(pace * 1440 / pages_per_day(10.0))
    for n in range(most):
        assert readings.room(pages_per_minute=pace) == most - n
        _watch(who, n, pace)
    assert readings.room(pages_per_minute=pace) == 0
    with pytest.raises(LimitReached) as refused:
        _watch(who, most, pace)
    assert refused.value.code == "source_full"
    page = sign_in(who).get("/watchlist").text
    room = re.search(r"There is room for ([\d,]+) more channel", page)
    settled = app.extensions["runtime"].settings.preview_pages_per_minute
    assert room and int(room[1].replace(",", "")) == readings.room(pages_per_minute=settled) > 0


def _watch(who: Owner, number: int, pace: int) -> None:
    readings.watch_public(
        f"public_{number}",
        workspace_id=who.workspace.id,
        actor="u",
        limits=PlanLimits(),
        is_simulated=False,
        pages_per_minute=pace,
        now=clock.utcnow(),
    )
