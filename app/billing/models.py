"""Which plan a workspace is on."""

from __future__ import annotations

from typing import Any

from peewee import CharField, ForeignKeyField

from app.accounts.models import Workspace
from app.core.db import UtcTimestamp
from app.core.tenancy import TenantTable


class WorkspacePlan(TenantTable):
    """The plan of a workspace; without a row it is on the free plan."""

    impersonal = frozenset({"plan"})
    workspace: Any = ForeignKeyField(Workspace, primary_key=True, lazy_load=False)
    plan = CharField(max_length=16)
    since = UtcTimestamp()
