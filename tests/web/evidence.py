"""What the database holds: the crawler's other side."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

from tests.web.judged_billing import BillingFacts, billing_facts
from tests.web.judged_media import MediaFacts, media_facts
from tests.web.judged_posting import PostingFacts, posting_facts
from tests.web.raw import MONTHS, Ask, moment

SUBSCRIBERS = "subscribers"
CLICKS = "clicks"
MOVES = ("joins", "leaves", "people")
WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]


@dataclass(frozen=True)
class Row:
    """One raw reading. `what` says of what: a post's counts, one reaction of it, clicks on its links, or a channel's subscribers."""

    what: str
    kind: str
    at: datetime
    step: int
    views: int | None = None
    reactions: int | None = None
    forwards: int | None = None
    comments: int | None = None
    value: int | None = None


@dataclass
class Post:
    """A message and everything that was ever read of it."""

    key: str
    posted_at: datetime
    text_length: int | None
    rows: list[Row] = field(default_factory=list)

    @property
    def counts(self) -> list[Row]:
        return [row for row in self.rows if row.what == "post" and row.views is not None]


@dataclass
class Channel:
    """A channel of the workspace with the raw rows behind it."""

    public_id: str
    names: tuple[str, ...]
    is_own: bool = True
    posts: dict[str, Post] = field(default_factory=dict)
    subscribers: list[Row] = field(default_factory=list)
    moves: list[Row] = field(default_factory=list)
    boosts: list[Row] = field(default_factory=list)
    told_since: datetime | None = None


@dataclass
class Scope:
    """The rows that may stand behind the numbers of one page, one table row or one CSV line."""

    channels: list[Channel]
    post: Post | None = None
    is_network: bool = False

    @cached_property
    def posts(self) -> list[Post]:
        return [self.post] if self.post else [post for channel in self.channels for post in channel.posts.values()]

    def rows(self, unit: str) -> list[Row]:
        if unit == SUBSCRIBERS:
            return self._subscribers
        if unit == "boosts":
            return [row for channel in self.channels for row in channel.boosts]
        if unit in MOVES or unit.startswith("money:"):
            return self.moves
        if unit in ("percent", "points") and not self.post:  # ERR is of both, a kept share of joins and leaves
            return self._of_posts + self._subscribers + self.moves
        return self._of_posts

    @property
    def clicks(self) -> int:
        """On the links of all its posts."""
        return sum(row.value or 0 for row in self._of_posts if row.what == CLICKS)

    @cached_property
    def moves(self) -> list[Row]:
        return [row for channel in self.channels for row in channel.moves]

    def days_of_moves(self, zone: str) -> set[str]:
        """Days on which a bot was told of joins and leaves, even if of none."""
        since = [channel.told_since for channel in self.channels if channel.told_since]
        days = range((datetime.now(UTC) - min(since)).days + 2) if since else ()
        return {_day(min(since) + timedelta(days=n), zone) for n in days}

    @cached_property
    def _subscribers(self) -> list[Row]:
        return [row for channel in self.channels for row in channel.subscribers]

    @cached_property
    def _of_posts(self) -> list[Row]:
        return [row for post in self.posts for row in post.rows]

    def days_of_views(self, zone: str) -> set[str]:
        """Labels of the local days over which some post's views can have grown: from its birth to its last reading."""
        return {_day(at, zone) for post in self.posts for at in _steps(post, timedelta(days=1), limit=800)}

    def days_of_posts(self, zone: str) -> set[str]:
        return {_day(post.posted_at, zone) for post in self.posts if post.counts}

    def days_of_subscribers(self, zone: str, *, carried_to: datetime | None) -> set[str]:
        """Labels of days with a subscriber count; a network carries each channel's last one on."""
        moments = [row.at for row in self._subscribers]
        if carried_to and moments:
            moments += [min(moments) + timedelta(days=n) for n in range((carried_to - min(moments)).days + 2)]
        return {_day(at, zone) for at in moments}

    def hours_of_views(self, zone: str) -> set[str]:
        hours = (at.astimezone(ZoneInfo(zone)) for post in self.posts for at in _steps(post, timedelta(hours=1), 170))
        return {f"{WEEKDAYS[at.weekday()]} {at.hour:02}:00" for at in hours}


def _day(at: datetime, zone: str) -> str:
    local = at.astimezone(ZoneInfo(zone))
    return f"{local.day} {MONTHS[local.month - 1]}"


def _steps(post: Post, step: timedelta, limit: int) -> Iterable[datetime]:
    """Moments from a post's birth to its last reading, and that reading; none when nothing was read."""
    if not post.counts:
        return
    last, at = max(row.at for row in post.counts), post.posted_at
    for _ in range(limit):
        if at >= last:
            break
        yield at
        at += step
    yield last


@dataclass
class Evidence:
    """Everything that may back a number shown to one workspace."""

    channels: dict[str, Channel]
    kinds: set[str]
    names: tuple[str, ...]
    zone: str
    spends: tuple[int, ...] = ()
    typed_at: frozenset[datetime] = frozenset()  # when somebody typed what a campaign cost
    posting: PostingFacts = field(default_factory=lambda: PostingFacts("UTC"))
    billing: BillingFacts = field(default_factory=BillingFacts)
    media: MediaFacts = field(default_factory=MediaFacts)
    shared: dict[str, str] = field(default_factory=dict)  # a link's token: the public id of its channel, "" the network

    @property
    def network(self) -> Scope:
        return Scope([c for c in self.channels.values() if c.is_own], is_network=True)

    @property
    def everything(self) -> Scope:
        """Own and watched channels."""
        return Scope(list(self.channels.values()), is_network=True)

    def of_channel(self, public_id: str) -> Scope | None:
        found = self.channels.get(public_id)
        return Scope([found]) if found else None

    def of_post(self, public_id: str, key: str) -> Scope | None:
        channel = self.channels.get(public_id)
        post = channel.posts.get(key) if channel else None
        return Scope([channel], post) if channel and post else None


def gather(ask: Ask, workspace_id: int) -> Evidence:
    """Read the raw tables as the workspace may see them: public sources and its own."""
    mine = f"(SELECT id, kind FROM source WHERE workspace_id IN (0, {workspace_id}))"
    channels, by_chat = {}, {}
    for public_id, chat_id, title, username, is_own in ask(
        "SELECT c.public_id, c.chat_id, t.title, t.username, (c.relation = 'owned' OR t.private_to IS NOT NULL)"
        " FROM channel c JOIN chat t ON t.id = c.chat_id"
        f" WHERE c.workspace_id = {workspace_id} AND c.deleted_at IS NULL"
    ):
        channels[public_id] = by_chat[chat_id] = Channel(
            public_id, tuple(n for n in (title, username) if n), bool(is_own)
        )
    posts = _posts(ask, by_chat, workspace_id)
    for post_id, at, kind, views, reactions, forwards, comments, step in ask(
        "SELECT r.post_id, r.observed_at, s.kind, r.views, r.reactions, r.forwards, r.comments, r.step FROM reading r"
        f" JOIN {mine} s ON s.id = r.source_id"
    ):
        if post_id in posts:
            posts[post_id].rows.append(Row("post", kind, moment(at), step, views, reactions, forwards, comments))
    for post_id, at, kind, count, step in ask(
        f"SELECT r.post_id, r.observed_at, s.kind, r.count, r.step FROM reaction_count r JOIN {mine} s"
        " ON s.id = r.source_id"
    ):
        if post_id in posts:
            posts[post_id].rows.append(Row("reaction", kind, moment(at), step, value=count))
    for chat_id, at, kind, value, step in ask(
        f"SELECT r.chat_id, r.observed_at, s.kind, r.value, r.step FROM subscriber_reading r JOIN {mine} s"
        " ON s.id = r.source_id"
    ):
        if chat_id in by_chat:
            by_chat[chat_id].subscribers.append(Row(SUBSCRIBERS, kind, moment(at), step, value=value))
    for chat_id, at, what in ask(
        "SELECT e.chat_id, e.at, e.kind FROM member_event e JOIN channel c ON c.chat_id = e.chat_id"
        f" AND c.bot_id = e.bot_id WHERE c.workspace_id = {workspace_id} AND c.relation = 'owned'"
    ):
        by_chat[chat_id].moves.append(Row(what, "bot_updates", moment(at), 0))
    for chat_id, *told in ask("SELECT chat_id, added_at, removed_at FROM chat_boost"):
        for what, at in zip(("added", "removed"), told, strict=True):
            if chat_id in by_chat and at is not None:
                by_chat[chat_id].boosts.append(Row(what, "bot_updates", moment(at), 0))
    for chat_id, since in ask(
        "SELECT p.chat_id, MIN(p.since) FROM bot_presence p JOIN channel c ON c.chat_id = p.chat_id"
        f" AND c.bot_id = p.bot_id WHERE c.workspace_id = {workspace_id} AND c.relation = 'owned' GROUP BY p.chat_id"
    ):
        by_chat[chat_id].told_since = moment(since)
    for chat_id, message_id, hour, clicks in ask(
        "SELECT c.chat_id, l.message_id, COALESCE(h.hour, l.created_at), COALESCE(h.clicks, 0) FROM tracked_link l"
        " JOIN channel c ON c.id = l.channel_id LEFT JOIN link_hour h ON h.link_id = l.id"
        f" WHERE l.message_id IS NOT NULL AND l.workspace_id = {workspace_id}"
    ):
        if chat_id in by_chat and str(message_id) in by_chat[chat_id].posts:
            row = Row(CLICKS, "links", moment(hour), 0, value=clicks)
            by_chat[chat_id].posts[str(message_id)].rows.append(row)
    spends = tuple(n for (n,) in ask(f"SELECT spend_minor FROM campaign WHERE workspace_id = {workspace_id}"))
    typed = ask(f"SELECT at FROM audit_entry WHERE chain = {workspace_id} AND subject LIKE 'campaign:%'")
    kinds = {str(kind) for (kind,) in ask(f"SELECT kind FROM {mine} s")} | {"links"}
    ((zone,),) = ask(f"SELECT timezone FROM workspace WHERE id = {workspace_id}")
    return Evidence(
        channels,
        kinds,
        _names(ask, channels),
        str(zone),
        spends,
        frozenset(moment(at) for (at,) in typed),
        posting_facts(ask, workspace_id, str(zone)),
        billing_facts(ask, workspace_id, str(zone)),
        media_facts(ask, workspace_id),
    )


def _posts(ask: Ask, by_chat: dict[int, Channel], workspace_id: int) -> dict[int, Post]:
    posts = {}
    for post_id, chat_id, message_id, uid, posted_at, length in ask(
        "SELECT id, chat_id, message_id, origin_uid, posted_at, text_length FROM post"
        f" WHERE private_to IN (0, {workspace_id}) ORDER BY private_to DESC"
    ):
        if chat_id in by_chat:
            key = str(message_id) if message_id is not None else f"u-{uid}"
            posts[post_id] = by_chat[chat_id].posts[key] = Post(key, moment(posted_at), length)
    return posts


def _names(ask: Ask, channels: dict[str, Channel]) -> tuple[str, ...]:
    """What people and Telegram called things, where it has digits: those are no number. Longest first."""
    found = {name for channel in channels.values() for name in channel.names}
    for sql in (
        'SELECT name FROM "user"',
        "SELECT name FROM workspace",
        "SELECT name FROM api_key",
        "SELECT prefix FROM api_key",
        "SELECT username FROM bot",
    ):
        found |= {str(name) for (name,) in ask(sql) if name}
    return tuple(
        sorted((n for n in found if any(c.isalpha() for c in n) and any(c.isdigit() for c in n)), key=len, reverse=True)
    )
