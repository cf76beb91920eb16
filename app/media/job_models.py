"""Work on files that takes a while: what is asked for, how far it is, and what came of it. Huey only wakes who does it."""

from __future__ import annotations

from typing import Any

from peewee import AutoField, BooleanField, CharField, ForeignKeyField, IntegerField

from app.accounts.models import Workspace
from app.core.db import JsonText, UtcTimestamp
from app.core.tenancy import TenantTable
from app.media.models import MediaFile


class MediaJob(TenantTable):
    """One thing to be made of one file. The same wish (`recipe`, a hash of all that the result depends on) is one row.

    `runs` counts how often it was begun; while it runs, whoever holds `lease` until `lease_until` may write its result.
    `progress` is in thousandths; `result` is the file that was made. `is_needed`: a post waits, or waited, for it.
    """

    impersonal = frozenset({"public_id", "kind", "recipe", "params", "state", "lease", "error"})
    id = AutoField()
    public_id = CharField(max_length=22, unique=True)
    workspace: Any = ForeignKeyField(Workspace, lazy_load=False)
    media: Any = ForeignKeyField(MediaFile, lazy_load=False, index=False)
    kind = CharField(max_length=16)
    recipe = CharField(max_length=64)
    params = JsonText()
    state = CharField(max_length=10)
    progress = IntegerField(default=0)
    runs = IntegerField(default=0)
    lease = CharField(max_length=22, null=True)
    lease_until = UtcTimestamp(null=True)
    is_cancel_wanted = BooleanField(default=False)
    is_needed = BooleanField(default=False)
    error = CharField(max_length=300, null=True)
    result: Any = ForeignKeyField(MediaFile, lazy_load=False, null=True)
    asked_at = UtcTimestamp()
    started_at = UtcTimestamp(null=True)
    ended_at = UtcTimestamp(null=True)

    class Meta:
        indexes = ((("media", "recipe"), True), (("state", "asked_at"), False))


TABLES = (MediaJob,)
