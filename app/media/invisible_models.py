"""Which copy of a picture carries which invisible mark."""

from __future__ import annotations

from typing import Any

from peewee import BigIntegerField, CharField, ForeignKeyField

from app.accounts.models import Workspace
from app.core.db import UtcTimestamp
from app.core.tenancy import TenantTable


class MarkedCopy(TenantTable):
    """A copy of a picture. `payload`: the 48 bits in it, drawn by chance, so that nobody guesses another's.

    `media` is the file's public id and `channel_id`, `post_id` where the copy went: rows that may be gone when the mark is
    read, so nothing refers to them. `fingerprint` stands for all three, so that a copy sent again is the same copy.
    """

    impersonal = frozenset({"media", "fingerprint"})
    payload = BigIntegerField(primary_key=True)
    workspace: Any = ForeignKeyField(Workspace, lazy_load=False)
    media = CharField(max_length=22)
    channel_id = BigIntegerField(null=True)
    post_id = BigIntegerField(null=True)
    fingerprint = CharField(max_length=64)
    issued_at = UtcTimestamp()

    class Meta:
        indexes = ((("workspace", "fingerprint"), True),)


TABLES = (MarkedCopy,)
