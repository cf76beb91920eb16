"""When a channel posts, and posts that come again: the series, and each of its days with the post made for it."""

from __future__ import annotations

from typing import Any

from peewee import AutoField, BooleanField, CharField, DateField, ForeignKeyField, IntegerField, TextField

from app.accounts.models import User, Workspace
from app.channels.models import Channel
from app.core.db import JsonText, Personal, UtcTimestamp
from app.core.tenancy import TenantTable
from app.posting.models import AuthoredPost

_WHILE_KEPT = "as long as the workspace keeps the channel"

# The state of a post that a series repeats: it stands in no list of posts
REPEATED = "repeated"

# Series
ACTIVE, PAUSED, ENDED = "active", "paused", "ended"

# Occurrences, and why one was skipped
MADE, SKIPPED = "made", "skipped"
MISSED, REFUSED = "missed", "refused"


class PostingSettings(TenantTable):
    """How a channel posts. Times are of the channel's zone.

    `slots`: [{"weekday": 0-6 from Monday, "time": "HH:MM"}]; `blackout`: [{"from": "HH:MM", "to": "HH:MM"}], over
    midnight where `to` is not later; `quiet_days`: weekdays on which nothing goes out by itself. `signature` and
    `template` are texts as people type them (content/markup.py). `is_traced`: each picture carries an invisible mark.
    """

    personal = {
        "signature": Personal("content", "stand below the channel's posts", _WHILE_KEPT),
        "template": Personal("content", "stand around the channel's posts", _WHILE_KEPT),
    }
    impersonal = frozenset({"slots", "blackout", "quiet_days"})
    id = AutoField()
    workspace: Any = ForeignKeyField(Workspace, lazy_load=False)
    channel: Any = ForeignKeyField(Channel, lazy_load=False, unique=True)
    slots = JsonText(default=list)
    blackout = JsonText(default=list)
    quiet_days = JsonText(default=list)
    min_gap_minutes = IntegerField(default=0)
    signature = TextField(default="")
    template = TextField(default="")
    is_protected = BooleanField(default=False)
    is_traced = BooleanField(default=False)
    updated_at = UtcTimestamp()


class PostSeries(TenantTable):
    """A post that comes again. What it says is the newest revision of `post`, which itself never goes out.

    `plan`: {"channels": [public ids], "is_pinned", "after", "top_minutes"} as the composer's form has
    them. `rule`: recurrence.Rule.
    `next_on`: the first day that has no occurrence yet; None once the series is at its end.
    """

    impersonal = frozenset({"public_id", "plan", "rule", "time", "timezone", "state"})
    id = AutoField()
    public_id = CharField(max_length=22, unique=True)
    workspace: Any = ForeignKeyField(Workspace, lazy_load=False)
    post: Any = ForeignKeyField(AuthoredPost, lazy_load=False)
    plan = JsonText()
    rule = JsonText()
    time = CharField(max_length=5)
    timezone = CharField(max_length=64)
    starts_on = DateField()
    ends_on = DateField(null=True)
    count = IntegerField(null=True)
    state = CharField(max_length=8)
    next_on = DateField(null=True)
    version = IntegerField(default=1)
    created_by: Any = ForeignKeyField(User, lazy_load=False)
    created_at = UtcTimestamp()

    class Meta:
        indexes = ((("workspace", "state"), False), (("state", "next_on"), False))


class SeriesOccurrence(TenantTable):
    """A day of a series: the post made for it, or why there is none.

    `due_at` and `content_hash` are as they were made: a post that differs was changed by hand and stays as it is.
    """

    impersonal = frozenset({"content_hash", "state", "reason"})
    id = AutoField()
    workspace: Any = ForeignKeyField(Workspace, lazy_load=False)
    series: Any = ForeignKeyField(PostSeries, lazy_load=False)
    day = DateField()
    due_at = UtcTimestamp()
    post: Any = ForeignKeyField(AuthoredPost, lazy_load=False, null=True)
    content_hash = CharField(max_length=64, null=True)
    state = CharField(max_length=8)
    reason = CharField(max_length=300, null=True)
    created_at = UtcTimestamp()

    class Meta:
        indexes = ((("series", "day"), True),)


TABLES = (PostingSettings, PostSeries, SeriesOccurrence)
