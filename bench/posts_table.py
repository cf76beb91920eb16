"""p1: a page of the posts table among 50,000 posts of one year, in every order: milliseconds of CPU, and of the clock."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

from app.analytics import asked, build, post_queries
from app.analytics.periods import Span
from app.channels.models import Channel
from app.channels.queries import ChannelRef, channels_of
from app.core import db
from app.links import service as links
from app.links.models import LinkHour
from app.readings import service as readings
from app.readings.rollups import FullReading
from bench import stats
from bench.world import NOW, batches, empty
from tests import world as people

POSTS, _SENDS, _LIMIT_MS = 50_000, 20, 200.0
_MEDIA = ("text", "photo", "video", "album")


def filled(folder: Path, *, address: str = "") -> tuple[int, ChannelRef]:
    """One channel with 50,000 posts of the last year, each read three times with every count that a source tells."""
    empty(folder, address)
    start = NOW - timedelta(days=364)
    who = people.owner("Bench", telegram_user_id=1, now=start)
    channel = people.owned_channel(who, "Busy", telegram_chat_id=-1001, now=start)
    source = readings.ensure_source(readings.PREVIEW_PAGE, now=start)
    rng, step = random.Random(7), timedelta(days=364) / POSTS
    facts = [
        readings.PostFacts(n + 1, start + step * n, media=_MEDIA[n % 4], text_length=rng.randint(20, 4000))
        for n in range(POSTS)
    ]
    ids = readings.record_posts(channel.chat, facts)
    rows: list[FullReading] = []
    for fact in facts:
        views = rng.randint(500, 90_000)
        for hours, share in ((1, 4), (25, 2), (72, 1)):
            at, seen = db.to_ms(fact.posted_at + timedelta(hours=hours)), views // share
            rows.append((ids[fact.key], at, source, seen, seen // 40, 0, seen // 90, seen // 200))
    for part in batches(rows, 20_000):  # type: ignore[arg-type]
        readings.record_readings(channel.chat, part, now=NOW)
    _link(channel, facts)
    if db.is_postgres():
        db.execute("ANALYZE")
    return who.workspace.id, next(c for c in channels_of(who.workspace.id))


def _link(channel: Channel, facts: Sequence[readings.PostFacts]) -> None:
    """Every tenth post carries a counted link that was clicked in four hours."""
    for fact in facts[::10]:
        number = int(fact.message_id or 0)
        link = links.make(
            channel.workspace, "https://shop.example/", post_id=number, channel_id=channel.id, now=fact.posted_at
        )
        links.carried_by(channel.workspace, number, channel.id, number)
        with db.write():
            for hour in range(4):
                LinkHour.create(
                    link=link.id,
                    workspace=channel.workspace,
                    hour=fact.posted_at.replace(minute=0, second=0, microsecond=0) + timedelta(hours=hour),
                    clicks=number % 50,
                )


def rows(folder: Path, *, database: str, address: str = "") -> list[stats.Row]:
    """The slowest order's 95th percentile against the limit, and every order beside it."""
    workspace_id, channel = filled(folder, address=address)
    found: dict[str, list[float]] = {}
    clocks: list[float] = []
    for sort in post_queries.SORTS:
        for order in ("desc", "asc"):
            question = {"sort": sort, "order": order, "metric": "er", "least": ""}
            table = asked.posts_table(question, choices=build.SHOWN)

            def send(table: dict[str, object] = table) -> object:
                return build.posts_page(workspace_id, channel, span=Span(365), **table, now=NOW)  # type: ignore[arg-type]

            found[f"{sort} {order}"], clock = _milliseconds(send)
            clocks += clock
    worst = max(found, key=lambda name: _p95(found[name]))
    told = ", ".join(f"{name} {_p95(took):.0f}" for name, took in found.items())
    told += f"; by the clock, all orders: median {stats.median(clocks):.0f}, p95 {_p95(sorted(clocks)):.0f}"
    what = f"posts table, {POSTS:,} posts in a year, {database}, slowest order ({worst}), p95 of CPU"
    return [stats.informs("p1", what, f"{_LIMIT_MS:.0f} ms", f"{_p95(found[worst]):.0f} ms", told)]


def _milliseconds(send: Callable[[], object]) -> tuple[list[float], list[float]]:
    """What each send took: of CPU, sorted, and by the clock."""
    send()
    took, clocks = [], []
    for _ in range(_SENDS):
        begun = time.perf_counter()
        took.append(stats.cpu(send) * 1e3)
        clocks.append((time.perf_counter() - begun) * 1e3)
    return sorted(took), clocks


def _p95(took: list[float]) -> float:
    return took[int(len(took) * 0.95) - 1]
