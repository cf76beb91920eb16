"""Prints of posts, scans that compare them, and cases of theft with their evidence."""

from __future__ import annotations

from typing import Any

from peewee import AutoField, BigIntegerField, CharField, CompositeKey, ForeignKeyField, IntegerField, TextField

from app.accounts.models import Workspace
from app.channels.models import Channel
from app.core.db import JsonText, Personal, Table, UtcTimestamp
from app.core.tenancy import TenantTable

_WHILE_OPEN = "while the case is open, at most 90 days"


class OwnPrint(TenantTable):
    """What a post of the workspace looks like: hashes of its word runs (12 hex digits each) and of its pictures.

    `post_id` is the collected post's, `stamp` says of which content the print is, `files` are the SHA-256 of its pictures:
    those of `pictures` first, in their order, then those that cannot be told from others.
    """

    impersonal = frozenset({"stamp", "shingles", "pictures", "files"})
    workspace: Any = ForeignKeyField(Workspace, lazy_load=False)
    channel: Any = ForeignKeyField(Channel, lazy_load=False)
    post_id = IntegerField()
    message_id = BigIntegerField()
    posted_at = UtcTimestamp()
    stamp = CharField(max_length=64)
    shingles = TextField()
    pictures = JsonText()
    files = JsonText()

    class Meta:
        primary_key = CompositeKey("workspace", "post_id")
        indexes = ((("posted_at",), False),)


class SeenPrint(Table):
    """What a post looks like on a public page: of a watched channel, or of an own one whose pictures are not here.

    Of its words and pictures nothing is kept but hashes.
    """

    impersonal = frozenset({"shingles", "pictures"})
    chat_id = IntegerField()
    message_id = BigIntegerField()
    posted_at = UtcTimestamp(index=True)
    shingles = TextField()
    pictures = JsonText()

    class Meta:
        primary_key = CompositeKey("chat_id", "message_id")


class PrintWatch(Table):
    """When a channel's public posts were looked at last, up to which message, and what went wrong.

    Between `gap_from` and `gap_to` (ids, both out; from the month's limit where there is no `gap_from`) nothing was read
    yet; `gap_at` is when the oldest post above that was published, `pages` how many the last scan read. No `gap_to`: all
    of the last month is read.
    """

    impersonal = frozenset({"error"})
    chat_id = IntegerField(primary_key=True)
    read_at = UtcTimestamp()
    newest_id = BigIntegerField(null=True)
    gap_from = BigIntegerField(null=True)
    gap_to = BigIntegerField(null=True)
    gap_at = UtcTimestamp(null=True)
    pages = IntegerField(default=0)
    error = CharField(max_length=300, null=True)


class TheftScan(TenantTable):
    """One comparison of a workspace's posts with its watch-list: wanted, running, done or failed."""

    impersonal = frozenset({"state", "reason"})
    id = AutoField()
    workspace: Any = ForeignKeyField(Workspace, lazy_load=False)
    state = CharField(max_length=8)
    asked_by = BigIntegerField(null=True)
    wanted_at = UtcTimestamp()
    started_at = UtcTimestamp(null=True)
    ended_at = UtcTimestamp(null=True)
    channels = IntegerField(default=0)
    own_posts = IntegerField(default=0)
    found_posts = IntegerField(default=0)
    cases = IntegerField(default=0)
    reason = CharField(max_length=300, null=True)

    class Meta:
        indexes = ((("workspace", "wanted_at"), False), (("state", "wanted_at"), False))


class TheftCase(TenantTable):
    """A post of a watched channel that looks like an own one from before it: open, dismissed (no theft) or closed.

    `text_permille`: how much of the words; `picture_bits`: how many of 128 differ. None: not alike in that.
    The SHA-256 of the found text and picture and of the own picture stay when the evidence itself is gone.
    """

    impersonal = frozenset({"public_id", "state", "text_sha256", "picture_sha256", "own_sha256"})
    id = AutoField()
    public_id = CharField(max_length=22, unique=True)
    workspace: Any = ForeignKeyField(Workspace, lazy_load=False)
    channel: Any = ForeignKeyField(Channel, lazy_load=False)
    post_id = IntegerField()
    own_message_id = BigIntegerField()
    own_posted_at = UtcTimestamp()
    chat_id = IntegerField()
    found_message_id = BigIntegerField()
    found_posted_at = UtcTimestamp()
    text_permille = IntegerField(null=True)
    picture_bits = IntegerField(null=True)
    text_sha256 = CharField(max_length=64, null=True)
    picture_sha256 = CharField(max_length=64, null=True)
    own_sha256 = CharField(max_length=64, null=True)
    state = CharField(max_length=9)
    opened_at = UtcTimestamp()
    ended_at = UtcTimestamp(null=True)
    ended_by = BigIntegerField(null=True)

    class Meta:
        indexes = (
            (("workspace", "post_id", "chat_id", "found_message_id"), True),
            (("workspace", "state", "opened_at"), False),
        )


class TheftEvidence(TenantTable):
    """The copy as it was found: its text, and its picture in DATA_DIR/media/evidence under the case's public id.

    Both are gone when the case ends.
    """

    personal = {"text": Personal("content", "prove that a post was copied", _WHILE_OPEN)}
    case: Any = ForeignKeyField(TheftCase, lazy_load=False, primary_key=True)
    workspace: Any = ForeignKeyField(Workspace, lazy_load=False)
    text = TextField(null=True)
    kept_at = UtcTimestamp(index=True)


TABLES = (OwnPrint, SeenPrint, PrintWatch, TheftScan, TheftCase, TheftEvidence)
