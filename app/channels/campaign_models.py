"""Campaigns of a workspace and the invite links that tell their followers apart."""

from __future__ import annotations

from typing import Any

from peewee import AutoField, BigIntegerField, CharField, ForeignKeyField, IntegerField, TextField

from app.accounts.models import Workspace
from app.channels.models import Channel
from app.core.db import UtcTimestamp
from app.core.tenancy import TenantTable


class Campaign(TenantTable):
    """What was spent to win followers: where the ad ran, for whom, with which text. Money in minor units."""

    impersonal = frozenset({"public_id", "name", "source", "audience", "creative", "currency"})
    id = AutoField()
    public_id = CharField(max_length=22, unique=True)
    workspace: Any = ForeignKeyField(Workspace, lazy_load=False)
    channel: Any = ForeignKeyField(Channel, lazy_load=False)
    name = CharField(max_length=80)
    source = CharField(max_length=80)
    audience = CharField(max_length=80, default="")
    creative = CharField(max_length=120, default="")
    spend_minor = BigIntegerField()
    currency = CharField(max_length=3)
    starts_at = UtcTimestamp()
    ends_at = UtcTimestamp(null=True)
    created_by = BigIntegerField()
    created_at = UtcTimestamp()
    archived_at = UtcTimestamp(null=True)


class InviteLink(TenantTable):
    """A named link of Telegram's, wanted by the web and made by the bot: wanted, active, revoking, revoked or failed."""

    impersonal = frozenset({"public_id", "url", "name", "state", "error"})
    id = AutoField()
    public_id = CharField(max_length=22, unique=True)
    workspace: Any = ForeignKeyField(Workspace, lazy_load=False)
    channel: Any = ForeignKeyField(Channel, lazy_load=False)
    campaign: Any = ForeignKeyField(Campaign, lazy_load=False, null=True)
    name = CharField(max_length=32)
    url = CharField(max_length=128, null=True)
    state = CharField(max_length=8, index=True)
    error = TextField(null=True)
    not_before = UtcTimestamp(null=True)
    created_at = UtcTimestamp()
    made_at = UtcTimestamp(null=True)
    revoked_at = UtcTimestamp(null=True)


class CampaignsVersion(TenantTable):
    """How often anything of a workspace's campaigns and links changed: part of the version of what its pages show."""

    workspace: Any = ForeignKeyField(Workspace, lazy_load=False, primary_key=True)
    version = IntegerField()


TABLES = (Campaign, InviteLink, CampaignsVersion)
