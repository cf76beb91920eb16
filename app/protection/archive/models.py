"""An archive's posts and files, and rebuilds of it with a row for each post that they took up."""

from __future__ import annotations

from typing import Any

from peewee import AutoField, BigIntegerField, BooleanField, CharField, ForeignKeyField, IntegerField

from app.accounts.models import Workspace
from app.channels.models import Channel
from app.core.db import JsonText, Personal, UtcTimestamp
from app.core.tenancy import TenantTable
from app.posting.models import AuthoredPost

_WHILE_KEPT = "as long as the workspace keeps the archive"


class Archive(TenantTable):
    """A channel whose posts are kept. `seen_id` and `told_id`: up to which update and collected post it has looked.

    It survives the channel's connection: after a ban it is what is left. `rest_until`: it has no room before.
    """

    impersonal = frozenset({"public_id", "state", "reason"})
    id = AutoField()
    public_id = CharField(max_length=22, unique=True)
    workspace: Any = ForeignKeyField(Workspace, lazy_load=False)
    channel: Any = ForeignKeyField(Channel, lazy_load=False, unique=True)
    state = CharField(max_length=8)
    reason = CharField(max_length=16, null=True)
    seen_id = BigIntegerField(default=0)
    told_id = BigIntegerField(default=0)
    started_by = BigIntegerField()
    created_at = UtcTimestamp()
    looked_at = UtcTimestamp(null=True)
    rest_until = UtcTimestamp(null=True)


class ArchivedPost(TenantTable):
    """What a post says, as posting's Content document without its files; these are rows of their own.

    An album is one post under its first message; `captions`: what each of its messages says (service/albums.py).
    `flaw`: what it lacks beside files; `files` and `missing`: how many it had, and how many of these are not here.
    """

    personal = {
        "content": Personal("content", "publish it again after a loss of the channel", _WHILE_KEPT),
        "captions": Personal("content", "know which words of an album are the newest", _WHILE_KEPT),
    }
    impersonal = frozenset({"album_id", "source", "flaw", "state"})
    id = AutoField()
    workspace: Any = ForeignKeyField(Workspace, lazy_load=False)
    archive: Any = ForeignKeyField(Archive, lazy_load=False, index=False)
    message_id = BigIntegerField()
    album_id = CharField(max_length=64, null=True)
    posted_at = UtcTimestamp()
    edited_at = UtcTimestamp(null=True)
    deleted_at = UtcTimestamp(null=True)
    source = CharField(max_length=8)
    content = JsonText()
    captions = JsonText(null=True)
    flaw = CharField(max_length=8, default="")
    state = CharField(max_length=8)
    files = IntegerField(default=0)
    missing = IntegerField(default=0)

    class Meta:
        indexes = (
            (("archive", "message_id"), True),
            (("archive", "album_id"), False),
            (("archive", "posted_at", "message_id"), False),
            (("archive", "state"), False),
        )


class ArchivedFile(TenantTable):
    """A file of an archived post: its place in it (of what updates told the message's id), and where it is.

    `file` is the public id of the workspace's media file; `file_id` serves the bot `bot_id` alone.
    """

    personal = {"name": Personal("content", "send the file under its name", _WHILE_KEPT)}
    impersonal = frozenset({"kind", "file_id", "unique_id", "state", "file", "reason"})
    id = AutoField()
    workspace: Any = ForeignKeyField(Workspace, lazy_load=False, index=False)
    archive: Any = ForeignKeyField(Archive, lazy_load=False, index=False)
    post: Any = ForeignKeyField(ArchivedPost, lazy_load=False, index=False)
    place = BigIntegerField()
    kind = CharField(max_length=12)
    name = CharField(max_length=120, default="")
    has_spoiler = BooleanField(default=False)
    bot_id = BigIntegerField(null=True)
    file_id = CharField(max_length=255, null=True)
    unique_id = CharField(max_length=64, null=True)
    size = BigIntegerField(null=True)
    state = CharField(max_length=8)
    file = CharField(max_length=22, null=True)
    attempts = IntegerField(default=0)
    not_before = UtcTimestamp(null=True)
    reason = CharField(max_length=300, null=True)

    class Meta:
        indexes = (
            (("post", "place"), True),
            (("archive", "state", "not_before"), False),
            (("workspace", "unique_id"), False),
            (("workspace", "file"), False),
        )


class Rebuild(TenantTable):
    """An archive on its way into another channel. `until_id`: posts that were archived later are not of it.

    `failures`: how many posts in a row were refused; `stuck_times` numbers what its people are told.
    """

    impersonal = frozenset({"public_id", "state", "reason", "language", "timezone"})
    id = AutoField()
    public_id = CharField(max_length=22, unique=True)
    workspace: Any = ForeignKeyField(Workspace, lazy_load=False, index=False)
    archive: Any = ForeignKeyField(Archive, lazy_load=False)
    channel: Any = ForeignKeyField(Channel, lazy_load=False)
    state = CharField(max_length=8)
    reason = CharField(max_length=300, null=True)
    language = CharField(max_length=8)
    timezone = CharField(max_length=64)
    has_deleted = BooleanField(default=False)
    until_id = BigIntegerField()
    total = IntegerField()
    failures = IntegerField(default=0)
    stuck_times = IntegerField(default=0)
    asked_by = BigIntegerField()
    created_at = UtcTimestamp()
    ended_at = UtcTimestamp(null=True)

    class Meta:
        indexes = ((("state", "id"), False), (("workspace", "created_at"), False))


class RebuildPost(TenantTable):
    """An archived post that a rebuild took up: once, whatever was killed meanwhile, since the pair is unique."""

    impersonal = frozenset({"state", "reason"})
    id = AutoField()
    workspace: Any = ForeignKeyField(Workspace, lazy_load=False, index=False)
    rebuild: Any = ForeignKeyField(Rebuild, lazy_load=False, index=False)
    archived: Any = ForeignKeyField(ArchivedPost, lazy_load=False)
    post: Any = ForeignKeyField(AuthoredPost, lazy_load=False, null=True)
    state = CharField(max_length=8)
    reason = CharField(max_length=300, null=True)
    handed_at = UtcTimestamp()
    ended_at = UtcTimestamp(null=True)

    class Meta:
        indexes = ((("rebuild", "archived"), True), (("rebuild", "state"), False))


TABLES = (Archive, ArchivedPost, ArchivedFile, Rebuild, RebuildPost)
