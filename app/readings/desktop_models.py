"""Files of Telegram Desktop that people handed in, and how far each was read."""

from __future__ import annotations

from typing import Any

from peewee import AutoField, BigIntegerField, CharField, ForeignKeyField, IntegerField

from app.accounts.models import Workspace
from app.channels.models import Channel
from app.core.db import UtcTimestamp
from app.core.tenancy import TenantTable


class DesktopImport(TenantTable):
    """One file: waiting, running, done or failed. `done` messages of `total` moves in the transaction of their readings.

    `observed_at` is the moment that its counts are of: of the same file (`digest`) always the same one, so that it
    changes nothing a second time. `posts` were dated truly, `readings` were new. `error` is a word of
    service/desktop/states.py, `error_at` the number of the bad message. `attempts` counts starts without progress.
    The file itself lies in DATA_DIR/imports under the public id and is deleted at the end.
    """

    impersonal = frozenset({"public_id", "state", "digest", "error"})
    id = AutoField()
    public_id = CharField(max_length=22, unique=True)
    workspace: Any = ForeignKeyField(Workspace, lazy_load=False)
    channel: Any = ForeignKeyField(Channel, lazy_load=False)
    state = CharField(max_length=8, index=True)
    digest = CharField(max_length=64)
    size = BigIntegerField()
    observed_at = UtcTimestamp()
    total = IntegerField(null=True)
    done = IntegerField(default=0)
    posts = IntegerField(default=0)
    readings = IntegerField(default=0)
    attempts = IntegerField(default=0)
    error = CharField(max_length=32, null=True)
    error_at = IntegerField(null=True)
    created_by = BigIntegerField()
    created_at = UtcTimestamp()
    updated_at = UtcTimestamp()
    finished_at = UtcTimestamp(null=True)
