"""Collected posts, raw readings, and the rollups that pages read.

Raw tables are keyed by Telegram's facts and the source; rollups by feed. A source that
belongs to one workspace (an import, an owner session) counts only in that workspace's feeds.
"""

from __future__ import annotations

from peewee import (
    AutoField,
    BigIntegerField,
    BooleanField,
    CharField,
    CompositeKey,
    IntegerField,
    SmallIntegerField,
    TextField,
)

from app.core.db import JsonText, Personal, Table, UtcTimestamp


class Source(Table):
    """Where readings come from. `workspace_id` 0: public; else private to that workspace."""

    impersonal = frozenset({"kind", "name"})
    id = AutoField()
    kind = CharField(max_length=24)
    workspace_id = BigIntegerField(default=0)
    name = CharField(max_length=160)
    is_on = BooleanField(default=True)
    created_at = UtcTimestamp()

    class Meta:
        indexes = ((("kind", "workspace_id", "name"), True),)


class Post(Table):
    """A message of a channel, or an album of several, without its text.

    `private_to` 0: a public source told of it, and what it is stands here for everybody. Else the workspace whose
    private sources alone told of it; a public source that tells of it later makes the public row, which takes it in.
    `missing_since`: since when its place on the preview page is empty. `deleted_source_id`: who told that it is gone;
    what a private source tells of that stands in `private_deletion`.
    """

    impersonal = frozenset({"origin_uid", "media", "text_hash", "album_id"})
    id = AutoField()
    chat_id = IntegerField()
    private_to = BigIntegerField(default=0)
    message_id = BigIntegerField(null=True)
    origin_uid = CharField(max_length=64, null=True)
    posted_at = UtcTimestamp()
    edited_at = UtcTimestamp(null=True)
    album_id = CharField(max_length=64, null=True)
    media = CharField(max_length=16, default="text")
    text_length = IntegerField(null=True)
    text_hash = CharField(max_length=64, null=True)
    is_service = BooleanField(default=False)
    deleted_at = UtcTimestamp(null=True)
    deleted_source_id = IntegerField(null=True)
    missing_since = UtcTimestamp(null=True)

    class Meta:
        indexes = (
            (("chat_id", "message_id", "private_to"), True),
            (("chat_id", "origin_uid", "private_to"), True),
            (("chat_id", "posted_at"), False),
        )


class PrivateDeletion(Table):
    """A post that a private source found gone: deleted in the feed of that source's workspace, in no other."""

    post_id = IntegerField()
    source_id = IntegerField()
    deleted_at = UtcTimestamp()

    class Meta:
        primary_key = CompositeKey("post_id", "source_id")


class AlbumItem(Table):
    """A message that is part of an album: what is told of it is told of the post. `edited_at` is the message's own.

    `private_to`: who told that it is, as in Post; a private source may know more messages of a public album.
    """

    chat_id = IntegerField()
    message_id = BigIntegerField()
    private_to = BigIntegerField(default=0)
    post_id = IntegerField(index=True)
    edited_at = UtcTimestamp(null=True)

    class Meta:
        primary_key = CompositeKey("chat_id", "message_id", "private_to")


class PostVersion(Table):
    """What a message of a post said, each time a source told something of it; equal neighbours are one version.

    `edited_at` is None of the first; `number` orders what happened within one second. `text` stands here only where
    our bot is the channel's administrator: of other channels its hash and length are all that is kept.
    """

    personal = {
        "text": Personal(
            "content", "show what an edit changed", "as long as the channel is connected, then emptied within a day"
        )
    }
    impersonal = frozenset({"text_hash", "media"})
    id = AutoField()
    post_id = IntegerField(index=True)
    message_id = BigIntegerField(null=True)
    seen_at = UtcTimestamp()
    edited_at = UtcTimestamp(null=True)
    number = BigIntegerField(default=0)
    text_hash = CharField(max_length=64, null=True)
    text_length = IntegerField(null=True)
    media = CharField(max_length=16)
    source_id = IntegerField(null=True)
    text = TextField(null=True)


class Reading(Table):
    """What a source said of a post at a moment.

    `flag` 1 marks a fall among what the source's own audience may see: a public source's below public readings, a
    private one's below those and its workspace's.
    `step` 0 is exact, else the rounding step: of the views, which are rounded coarser than the reactions beside them.
    """

    post_id = IntegerField()
    observed_at = UtcTimestamp()
    source_id = IntegerField()
    views = BigIntegerField(null=True)
    reactions = BigIntegerField(null=True)
    step = IntegerField(default=0)
    flag = SmallIntegerField(default=0)
    forwards = BigIntegerField(null=True)
    comments = BigIntegerField(null=True)

    class Meta:
        primary_key = CompositeKey("post_id", "observed_at", "source_id")
        without_rowid = True


class ReactionCount(Table):
    """The latest count of one reaction on a post, per source."""

    impersonal = frozenset({"emoji"})
    post_id = IntegerField()
    source_id = IntegerField()
    emoji = CharField(max_length=64)
    count = BigIntegerField()
    step = IntegerField(default=0)
    observed_at = UtcTimestamp()

    class Meta:
        primary_key = CompositeKey("post_id", "source_id", "emoji")


class SubscriberReading(Table):
    """What a source said of a channel's subscribers at a moment."""

    chat_id = IntegerField()
    observed_at = UtcTimestamp()
    source_id = IntegerField()
    value = BigIntegerField()
    step = IntegerField(default=0)

    class Meta:
        primary_key = CompositeKey("chat_id", "observed_at", "source_id")
        without_rowid = True


class PostStat(Table):
    """The rollup of a post in a feed: its latest and notable counts, one row a post.

    `step`, `source_id` and `observed_at` belong to the views; the reactions have their own, and so have forwards and
    comments together (`engagement_*`): both are of the latest reading that told either. `er_ppm` is of the parts known.
    Views at the age of 24 hours lie on the line between two readings: `views_24h_step` is the coarser one's, source and
    moment are the later one's (`readings.curves`).
    """

    impersonal = frozenset({"media"})
    feed_id = IntegerField()
    post_id = IntegerField()
    posted_at = UtcTimestamp()
    media = CharField(max_length=16)
    is_deleted = BooleanField(default=False)
    views = BigIntegerField(null=True)
    views_24h = BigIntegerField(null=True)
    reactions = BigIntegerField(null=True)
    er_ppm = BigIntegerField(null=True)
    step = IntegerField(default=0)
    source_id = IntegerField(null=True)
    observed_at = UtcTimestamp(null=True)
    readings = IntegerField(default=0)
    reactions_step = IntegerField(default=0)
    reactions_source_id = IntegerField(null=True)
    reactions_at = UtcTimestamp(null=True)
    forwards = BigIntegerField(null=True)
    comments = BigIntegerField(null=True)
    engagement_step = IntegerField(default=0)
    engagement_source_id = IntegerField(null=True)
    engagement_at = UtcTimestamp(null=True)
    views_24h_step = IntegerField(default=0)
    views_24h_source_id = IntegerField(null=True)
    views_24h_at = UtcTimestamp(null=True)

    class Meta:
        primary_key = CompositeKey("feed_id", "post_id")
        indexes = ((("feed_id", "posted_at"), False),)


class FeedHour(Table):
    """Millionths of a view gained by all posts of a feed in one UTC hour (hours since 1970), from the curves."""

    feed_id = IntegerField()
    hour = IntegerField()
    micro_views = BigIntegerField(default=0)

    class Meta:
        primary_key = CompositeKey("feed_id", "hour")
        without_rowid = True


class SubscriberHour(Table):
    """The last subscriber count of a feed in one UTC hour; no row where counts only repeated an exact one, rounded."""

    feed_id = IntegerField()
    hour = IntegerField()
    value = BigIntegerField()
    step = IntegerField(default=0)
    source_id = IntegerField()
    observed_at = UtcTimestamp()

    class Meta:
        primary_key = CompositeKey("feed_id", "hour")
        without_rowid = True


class FeedStat(Table):
    """One row a feed: what the cards show. `version` moves with each change and makes the ETag."""

    feed_id = IntegerField(primary_key=True)
    version = BigIntegerField(default=0)
    posts = IntegerField(default=0)
    views = BigIntegerField(default=0)
    readings = BigIntegerField(default=0)
    last_reading_at = UtcTimestamp(null=True)
    subscribers = BigIntegerField(null=True)
    subscribers_step = IntegerField(default=0)
    subscribers_source_id = IntegerField(null=True)
    subscribers_at = UtcTimestamp(null=True)
    subscriber_readings = IntegerField(default=0)


class PreviewWatch(Table):
    """When a chat's preview page is read next, and how the last attempt ended."""

    impersonal = frozenset({"state", "last_error"})
    chat_id = IntegerField(primary_key=True)
    next_due_at = UtcTimestamp(index=True)
    before = BigIntegerField(null=True)
    state = CharField(max_length=16, default="ok")
    failures = IntegerField(default=0)
    last_ok_at = UtcTimestamp(null=True)
    last_error = TextField(null=True)


class RollupCheck(Table):
    """What a check of the rollups against the raw readings found."""

    impersonal = frozenset({"details"})
    id = AutoField()
    feed_id = IntegerField(null=True)
    started_at = UtcTimestamp()
    finished_at = UtcTimestamp()
    feeds = IntegerField()
    readings = BigIntegerField()
    differences = IntegerField()
    details = JsonText()
