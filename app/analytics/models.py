"""Effects that the jobs process computed and pages only read."""

from __future__ import annotations

from peewee import BigIntegerField, CharField, CompositeKey, DoubleField, IntegerField

from app.core.db import Table, UtcTimestamp


class PostEffect(Table):
    """Leaves after a post against the number expected without it (app/analytics/causes.py).

    `p` and `q` are None where too little is known to judge. `events` leaves, the last at `observed_at`, stand behind it.
    """

    impersonal = frozenset({"method"})
    bot_id = BigIntegerField()
    post_id = IntegerField()
    chat_id = IntegerField()
    posted_at = UtcTimestamp()
    until = UtcTimestamp()
    leaves = IntegerField()
    expected = DoubleField(null=True)
    p = DoubleField(null=True)
    q = DoubleField(null=True)
    method = CharField(max_length=16)
    events = IntegerField()
    observed_at = UtcTimestamp(null=True)
    computed_at = UtcTimestamp()

    class Meta:
        primary_key = CompositeKey("bot_id", "post_id")
        indexes = ((("bot_id", "chat_id", "posted_at"), False),)


class ContentEffect(Table):
    """The reach of a sort of posts over that of a channel's other posts (app/analytics/mix.py), by length of period.

    `ratio` and its interval are None where there are too few posts to tell.
    """

    impersonal = frozenset({"aspect", "value", "basis", "sources"})
    channel_id = IntegerField()
    days = IntegerField()
    aspect = CharField(max_length=8)
    value = CharField(max_length=16)
    posts = IntegerField()
    rest = IntegerField()
    ratio = DoubleField(null=True)
    low = DoubleField(null=True)
    high = DoubleField(null=True)
    basis = CharField(max_length=12)
    sources = CharField(max_length=120)
    readings = IntegerField()
    observed_at = UtcTimestamp(null=True)
    computed_at = UtcTimestamp()

    class Meta:
        primary_key = CompositeKey("channel_id", "days", "aspect", "value")


class EffectRun(Table):
    """When a channel's effects were last computed, and up to which leave."""

    channel_id = IntegerField(primary_key=True)
    last_event_at = UtcTimestamp(null=True)
    causes_at = UtcTimestamp(null=True)
    mix_at = UtcTimestamp(null=True)


TABLES = (PostEffect, ContentEffect, EffectRun)
