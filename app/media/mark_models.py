"""What is put on pictures and films, and in which channels."""

from __future__ import annotations

from typing import Any

from peewee import AutoField, CharField, ForeignKeyField, IntegerField, TextField

from app.accounts.models import User, Workspace
from app.channels.models import Channel
from app.core.db import Personal, UtcTimestamp
from app.core.tenancy import TenantTable
from app.media.models import MediaFile

_WHILE_KEPT = "as long as the workspace keeps the watermark"


class Watermark(TenantTable):
    """A watermark: a text or a logo (`kind`) at one of nine places (`position`), or over all of the picture (`tiled`).

    `width`, `margin` and `opacity` are in per cent: of the picture's width twice, and of full colour. A film shows it
    throughout, or, where `seconds` is not 0, only so long at its beginning and at its end.
    """

    personal = {
        "name": Personal("content", "tell watermarks apart", _WHILE_KEPT),
        "text": Personal("content", "stand on the workspace's pictures", _WHILE_KEPT),
    }
    impersonal = frozenset({"public_id", "kind", "position"})
    id = AutoField()
    public_id = CharField(max_length=22, unique=True)
    workspace: Any = ForeignKeyField(Workspace, lazy_load=False)
    name = CharField(max_length=60)
    kind = CharField(max_length=4)
    text = TextField(default="")
    logo: Any = ForeignKeyField(MediaFile, lazy_load=False, null=True)
    position = CharField(max_length=12)
    width = IntegerField()
    margin = IntegerField()
    opacity = IntegerField()
    seconds = IntegerField(default=0)
    created_by: Any = ForeignKeyField(User, lazy_load=False)
    created_at = UtcTimestamp()
    updated_at = UtcTimestamp()
    deleted_at = UtcTimestamp(null=True)


class ChannelMark(TenantTable):
    """The watermark of what a channel posts."""

    channel: Any = ForeignKeyField(Channel, lazy_load=False, primary_key=True)
    workspace: Any = ForeignKeyField(Workspace, lazy_load=False)
    watermark: Any = ForeignKeyField(Watermark, lazy_load=False)


TABLES = (Watermark, ChannelMark)
