"""Uploads that are under way: a file that comes in pieces, over minutes and broken connections."""

from __future__ import annotations

from typing import Any

from peewee import AutoField, BigIntegerField, CharField, ForeignKeyField

from app.accounts.models import Workspace
from app.core.db import Personal, UtcTimestamp
from app.core.tenancy import TenantTable
from app.media.models import MediaFile


class MediaUpload(TenantTable):
    """A file of `size` bytes of which the first `received` are on the disk for good (service/uploads.py).

    `state`: open, done (it became `media`), refused (`error` says why), cancelled or expired. `sha256`: what whoever
    sends it says that it is.
    """

    personal = {
        "name": Personal("content", "send the file under its name", "a week after the upload has ended"),
    }
    impersonal = frozenset({"public_id", "sha256", "state", "error"})
    id = AutoField()
    public_id = CharField(max_length=22, unique=True)
    workspace: Any = ForeignKeyField(Workspace, lazy_load=False)
    created_by = BigIntegerField()
    name = CharField(max_length=120)
    size = BigIntegerField()
    received = BigIntegerField(default=0)
    sha256 = CharField(max_length=64, null=True)
    state = CharField(max_length=9)
    error = CharField(max_length=300, null=True)
    media: Any = ForeignKeyField(MediaFile, lazy_load=False, null=True)
    created_at = UtcTimestamp()
    expires_at = UtcTimestamp()

    class Meta:
        indexes = ((("state", "expires_at"), False), (("workspace", "state"), False))


TABLES = (MediaUpload,)
