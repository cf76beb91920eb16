"""Recorded data into a workspace's own feed: private to it, idempotent, in short transactions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from app.channels.models import Channel, Chat
from app.channels.service import connect
from app.core import db, outbox
from app.core.errors import Invalid
from app.core.policy import Limits
from app.readings import rollups, subscribers
from app.readings.collectors.imports import (
    MOST_AHEAD,
    TELEGRAM_BEGAN,
    RecordedReading,
    RejectedRow,
    SubscriberReading,
    merge_readings,
    read_desktop_export,
    read_subscribers,
    read_view_readings,
)
from app.readings.rollups import FullReading, RawReading
from app.readings.service.facts import PostFacts
from app.readings.service.ingest import ensure_feed, record_readings
from app.readings.service.pages import record_seen
from app.readings.service.posts import record_posts
from app.readings.service.sources import audience_of, ensure_source

IMPORT = "import"
CHECK_TOPIC = "rollups.check"
_LONGEST_NAME, _LONGEST_SOURCE = 64, 160
_BATCH = 2000  # rows of a write transaction: a few milliseconds


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did; `new` and `subscribers` (new counts) are 0 when everything was there already."""

    channels: int
    read: int
    merged: int
    rejected: tuple[RejectedRow, ...]
    new: int
    subscribers: int


def import_view_readings(
    file: Path,
    subscribers: Path | None,
    *,
    workspace_id: int,
    actor: str,
    limits: Limits,
    is_simulated: bool = False,
    now: datetime,
) -> Imported:
    """Load recorded view readings (and subscriber counts) into the workspace's channels, made where missing.

    Raises Invalid with a line number before anything is stored, LimitReached when the plan has no room.
    """
    merged = merge_readings(read_view_readings(file), now=now)
    counts = _true_counts(read_subscribers(subscribers), now) if subscribers else []
    source_id = _source_of(file, workspace_id, now=now)
    by_channel: dict[str, list[RecordedReading]] = defaultdict(list)
    for reading in merged.readings:
        by_channel[reading.channel].append(reading)
    new = new_counts = 0
    for name in sorted(by_channel):
        channel = channel_for(
            name, workspace_id=workspace_id, actor=actor, limits=limits, is_simulated=is_simulated, now=now
        )
        new += _load(channel.chat, by_channel[name], source_id, now=now)
        new_counts += _load_subscribers(channel.chat, [c for c in counts if c.channel == name], source_id, workspace_id)
        outbox.put(CHECK_TOPIC, str(channel.chat), now=now)
    return Imported(len(by_channel), merged.read, merged.merged, merged.rejected, new, new_counts)


def _true_counts(counts: Iterable[SubscriberReading], now: datetime) -> list[SubscriberReading]:
    return [c for c in counts if TELEGRAM_BEGAN <= c.observed_at <= now + MOST_AHEAD]


def _source_of(file: Path, workspace_id: int, *, now: datetime) -> int:
    name = file.name.encode(errors="replace").decode()[:_LONGEST_SOURCE]
    return ensure_source(IMPORT, name=name, workspace_id=workspace_id, now=now)


def channel_for(
    name: str, *, workspace_id: int, actor: str, limits: Limits, is_simulated: bool = False, now: datetime
) -> Channel:
    """The workspace's channel of that name, reading through its own feed; made private to it where it is unknown.

    Raises Invalid for a name that both databases cannot hold.
    """
    if len(name) > _LONGEST_NAME or "\0" in name:
        raise Invalid(
            f"A channel's name has at most {_LONGEST_NAME} characters and no NUL.", fields={"channel": name[:80]}
        )
    chat = Chat.get_or_none(connect.named(name), Chat.private_to.is_null())
    channel = None
    if chat is not None:
        channel = Channel.get_or_none(
            Channel.workspace == workspace_id, Channel.chat == chat.id, Channel.deleted_at.is_null()
        )
    if chat is None or channel is None:
        chat = connect.ensure_named_chat(name, private_to=workspace_id, now=now)
    feed_id = ensure_feed(chat.id, workspace_id=workspace_id, now=now)
    if channel is None:
        return connect.watch(
            chat,
            workspace_id=workspace_id,
            actor=actor,
            feed_id=feed_id,
            is_simulated=is_simulated,
            limits=limits,
            now=now,
        )
    if channel.feed != feed_id:
        connect.see_through(channel, feed_id, workspace_id=workspace_id)
    return channel


def _load(chat_id: int, recorded: list[RecordedReading], source_id: int, *, now: datetime) -> int:
    facts = {
        r.identity[1]: PostFacts(r.message_id, r.posted_at, origin_uid=r.post_uid if r.message_id is None else None)
        for r in recorded
    }
    ids = record_posts(chat_id, list(facts.values()), private_to=audience_of(source_id))
    rows = [_raw(r, ids[r.identity[1]], source_id) for r in recorded]
    rows.sort(key=lambda row: row[:3])
    return sum(record_readings(chat_id, rows[n : n + _BATCH], now=now) for n in range(0, len(rows), _BATCH))


def _raw(r: RecordedReading, post_id: int, source_id: int) -> RawReading | FullReading:
    reading: RawReading = (post_id, db.to_ms(r.snapshot_at), source_id, r.views, r.reactions, 0)
    return (*reading, r.forwards, r.comments) if (r.forwards, r.comments) != (None, None) else reading


def _load_subscribers(chat_id: int, counts: list[SubscriberReading], source_id: int, workspace_id: int) -> int:
    """Store the counts that are new or larger than what this source said; returns how many those were."""
    said = "SELECT observed_at, value FROM subscriber_reading WHERE chat_id = ? AND source_id = ?"
    known = {db.moment(at): int(value) for at, value in db.rows(said, chat_id, source_id)}
    largest: dict[datetime, int] = {}
    for count in counts:
        at = count.observed_at.replace(microsecond=0)
        largest[at] = max(count.subscribers, largest.get(at, 0))
    fresh = [(at, value) for at, value in sorted(largest.items()) if value > known.get(at, -1)]
    for start in range(0, len(fresh), _BATCH):
        with db.write():
            db.execute_many(
                "INSERT INTO subscriber_reading (chat_id, observed_at, source_id, value, step) VALUES (?, ?, ?, ?, 0)"
                " ON CONFLICT (chat_id, observed_at, source_id) DO UPDATE SET value = excluded.value"
                " WHERE excluded.value > subscriber_reading.value",
                [(chat_id, db.stamp(at), source_id, value) for at, value in fresh[start : start + _BATCH]],
            )
    with db.write():
        for feed_id, feed_workspace in rollups.feeds_of(chat_id):
            if feed_workspace == workspace_id:
                subscribers.rebuild(feed_id, chat_id, workspace_id)
    return len(fresh)


def import_desktop_export(
    file: Path, *, workspace_id: int, actor: str, limits: Limits, now: datetime
) -> tuple[str, int, int]:
    """Load a Telegram Desktop JSON export: texts' lengths, times and reactions; it holds no views.

    Its counts are of the moment of its last message: when the file was made it does not say.
    Posts whose time cannot be true are left out. Returns the channel's name, the posts in the export and the readings that were new.
    """
    export = read_desktop_export(file)
    chat = Chat.get_or_none(Chat.telegram_chat_id == export.chat_id) if export.chat_id else None
    name = chat.username if chat is not None and chat.username else export.title
    channel = channel_for(name, workspace_id=workspace_id, actor=actor, limits=limits, now=now)
    source_id = _source_of(file, workspace_id, now=now)
    latest = now + MOST_AHEAD
    posts = tuple(p for p in export.posts if p.posted_at and TELEGRAM_BEGAN <= p.posted_at <= latest)
    moment = min(export.newest or now, now).replace(microsecond=0)
    new = record_seen(channel.chat, posts, source_id=source_id, observed_at=moment, now=now)
    outbox.put(CHECK_TOPIC, str(channel.chat), now=now)
    return export.title, len(posts), new
