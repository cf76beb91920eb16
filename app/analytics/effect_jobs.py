"""Computing effects where numpy and scipy live, and storing what pages read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from peewee import InterfaceError, OperationalError

from app.analytics import causes, mix
from app.analytics.periods import CHOICES
from app.analytics.queries import source_kinds
from app.channels.service import presence
from app.core import db, telemetry

_DAILY, _PAUSE, _MIX_EVERY = timedelta(days=1), timedelta(minutes=10), timedelta(hours=6)
_BATCH = 500
_RIPE = timedelta(days=3)  # a post older than this has most of its views


@dataclass(frozen=True, slots=True)
class _Channel:
    id: int
    chat_id: int
    feed_id: int
    bot_id: int | None
    is_owned: bool
    timezone: str
    last_event_at: datetime | None
    causes_at: datetime | None
    mix_at: datetime | None


def refresh_effects(*, now: datetime) -> int:
    """Compute anew what is due in any workspace: causes when leaves arrived, all else as it ages. Returns how much."""
    done = 0
    for channel in _channels():
        try:
            done += _refresh(channel, now)
        except (OperationalError, InterfaceError):
            raise  # the database, not the channel
        except Exception:  # noqa: BLE001  the edge: one channel must not keep all others from being computed
            telemetry.log().exception("effects of a channel broke", channel_id=channel.id)
    return done


def _refresh(channel: _Channel, now: datetime) -> int:
    done = 0
    newest = _newest_leave(channel, now) if channel.is_owned and channel.bot_id else None
    if channel.is_owned and channel.bot_id and _causes_due(channel, newest, now):
        _refresh_causes(channel, channel.bot_id, newest, now)
        done += 1
    if channel.mix_at is None or now - channel.mix_at >= _MIX_EVERY:
        _refresh_mix(channel, now)
        done += 1
    return done


def _channels() -> list[_Channel]:
    found = db.rows(
        "SELECT c.id, c.chat_id, c.feed_id, c.bot_id, c.relation, c.timezone, r.last_event_at, r.causes_at, r.mix_at"
        " FROM channel c LEFT JOIN effect_run r ON r.channel_id = c.id WHERE c.deleted_at IS NULL ORDER BY c.id"
    )
    return [_Channel(*r[:4], r[4] == "owned", r[5], *map(db.moment, r[6:])) for r in found]  # type: ignore[call-arg]


def _newest_leave(channel: _Channel, now: datetime) -> datetime | None:
    found = db.row(
        "SELECT MAX(at) FROM member_event WHERE chat_id = ? AND bot_id = ? AND kind = 'leave' AND at >= ? AND at < ?",
        *(channel.chat_id, channel.bot_id, db.stamp(now - _DAILY), db.stamp(now)),
    )
    latest: datetime | None = db.moment(found[0]) if found else None
    return latest


def _causes_due(channel: _Channel, newest: datetime | None, now: datetime) -> bool:
    if channel.causes_at is None or now - channel.causes_at >= _DAILY:
        return True
    is_new = newest is not None and newest != channel.last_event_at
    return is_new and now - channel.causes_at >= _PAUSE


def _refresh_causes(channel: _Channel, bot_id: int, newest: datetime | None, now: datetime) -> None:
    since = now - causes.LOOK_BACK
    there = presence.of(bot_id, channel.chat_id)
    stretches = [(max(a, since), min(b or now, now)) for a, b in there.stretches if (b or now) > since and a < now]
    posts = db.rows(
        "SELECT id, posted_at FROM post WHERE chat_id = ? AND private_to IN (0, (SELECT workspace_id FROM feed"
        " WHERE id = ?)) AND posted_at >= ? AND posted_at < ? AND is_service = ?",
        *(channel.chat_id, channel.feed_id, db.stamp(since), db.stamp(now), False),
    )
    told = db.rows(
        "SELECT at FROM member_event WHERE chat_id = ? AND bot_id = ? AND at >= ? AND at < ? AND kind = 'leave'",
        *(channel.chat_id, bot_id, db.stamp(since), db.stamp(now)),
    )
    leaves = [db.moment(at) for (at,) in told]
    verdicts = causes.judge_posts(
        [(int(i), db.moment(at)) for i, at in posts], leaves, stretches, timezone=channel.timezone, now=now
    )
    basis = (len(leaves), db.stamp(max(leaves)) if leaves else None, db.stamp(now))
    _store(
        "post_effect",
        ("bot_id", "post_id"),
        ("chat_id", "posted_at", "until", "leaves", "expected", "p", "q", "method", "events", "observed_at", "computed_at"),
        [(bot_id, v.post_id, channel.chat_id, *_told(v), *basis) for v in verdicts],
    )  # fmt: skip
    _note(channel.id, "causes_at = ?, last_event_at = ?", db.stamp(now), db.stamp(newest) if newest else None)


def _told(v: causes.Verdict) -> tuple[object, ...]:
    method = causes.TOO_LITTLE if v.p is None else causes.METHOD
    return db.stamp(v.posted_at), db.stamp(v.until), v.leaves, v.expected, v.p, v.q, method


def _refresh_mix(channel: _Channel, now: datetime) -> None:
    """The usual periods, each ending now; what fell out of them is forgotten."""
    kinds, rows = source_kinds(), []
    zone = ZoneInfo(channel.timezone)
    posts = db.rows(
        "SELECT s.posted_at, s.media, p.text_length, s.views, s.views_24h, s.source_id, s.readings, s.observed_at,"
        " s.views_24h_source_id, s.views_24h_at"
        " FROM post_stat s JOIN post p ON p.id = s.post_id WHERE s.feed_id = ? AND s.posted_at >= ? AND s.posted_at < ?"
        " AND s.is_deleted = ? AND s.views IS NOT NULL AND p.is_service = ?",
        *(channel.feed_id, db.stamp(now - timedelta(days=max(CHOICES))), db.stamp(now), False, False),
    )
    for days in CHOICES:
        since = now - timedelta(days=days)
        basis, chosen = _basis([row for row in posts if db.moment(row[0]) >= since], now)
        samples = [
            mix.Sample(int(row[4 if basis == "views_24h" else 3]), row[1], row[2], _weekday(row[0], zone))
            for row in chosen
        ]
        for effect in mix.effects(samples):
            mine = [chosen[n] for n in effect.places]
            sources = ",".join(sorted({kinds[row[5]] for row in mine if row[5] in kinds}))
            values = (effect.posts, effect.rest, effect.ratio, effect.low, effect.high, basis, sources)
            last = max(mine, key=lambda row: db.moment(row[7]))[7]
            rows.append(
                (
                    channel.id,
                    days,
                    effect.aspect,
                    effect.value,
                    *values,
                    sum(row[6] for row in mine),
                    last,
                    db.stamp(now),
                )
            )
    names = ("posts", "rest", "ratio", "low", "high", "basis", "sources", "readings", "observed_at", "computed_at")
    with db.write():
        _store("content_effect", ("channel_id", "days", "aspect", "value"), names, rows)
        db.execute("DELETE FROM content_effect WHERE channel_id = ? AND computed_at < ?", channel.id, db.stamp(now))
    _note(channel.id, "mix_at = ?", db.stamp(now))


def _weekday(posted_at: Any, zone: ZoneInfo) -> int:
    at: datetime = db.moment(posted_at)
    return at.astimezone(zone).weekday()


def _basis(posts: Sequence[tuple[Any, ...]], now: datetime) -> tuple[str, list[tuple[Any, ...]]]:
    """Views at 24 hours where enough posts have them, else the views of posts old enough; all rows by the same.

    A row's source and moment are of the views that are its basis.
    """
    measured = [(*row[:5], row[8], row[6], row[9]) for row in posts if row[4] is not None and row[9] is not None]
    ripe = [row for row in posts if row[7] is not None and now - db.moment(row[0]) >= _RIPE]
    return ("views_24h", measured) if len(measured) >= min(2 * mix.LEAST_POSTS, len(ripe)) else ("views", ripe)


def _store(table: str, key: Sequence[str], values: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    names = (*key, *values)
    sql = (
        f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))}) ON CONFLICT ({', '.join(key)})"
        f" DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in values)}"
    )
    for batch in _batches(rows):
        with db.write():
            db.execute_many(sql, batch)


def _batches(rows: Sequence[tuple[Any, ...]]) -> Iterator[Sequence[tuple[Any, ...]]]:
    for n in range(0, len(rows), _BATCH):
        yield rows[n : n + _BATCH]


def _note(channel_id: int, change: str, *values: Any) -> None:
    with db.write():
        db.execute("INSERT INTO effect_run (channel_id) VALUES (?) ON CONFLICT (channel_id) DO NOTHING", channel_id)
        db.execute(f"UPDATE effect_run SET {change} WHERE channel_id = ?", *values, channel_id)
