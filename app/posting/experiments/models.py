"""Experiments of one channel: two ways to post, in turns."""

from __future__ import annotations

from typing import Any

from peewee import AutoField, CharField, ForeignKeyField, IntegerField

from app.accounts.models import User, Workspace
from app.channels.models import Channel
from app.core.db import UtcTimestamp
from app.core.tenancy import TenantTable
from app.posting.models import PostTarget


class Experiment(TenantTable):
    """A question to a channel's readers, its two arms in words, and the posts that each arm needs.

    `smallest_percent`: the smallest difference that it is made to find, of the usual views.
    """

    impersonal = frozenset({"public_id", "question", "arm_a", "arm_b", "metric"})
    id = AutoField()
    public_id = CharField(max_length=22, unique=True)
    workspace: Any = ForeignKeyField(Workspace, lazy_load=False)
    channel: Any = ForeignKeyField(Channel, lazy_load=False)
    question = CharField(max_length=200)
    arm_a = CharField(max_length=80)
    arm_b = CharField(max_length=80)
    metric = CharField(max_length=16)
    smallest_percent = IntegerField()
    needed = IntegerField()
    created_by: Any = ForeignKeyField(User, lazy_load=False)
    started_at = UtcTimestamp()
    ended_at = UtcTimestamp(null=True)


class ExperimentPost(TenantTable):
    """A post in an experiment: its arm was given by its turn in its part of the day."""

    impersonal = frozenset({"arm"})
    target: Any = ForeignKeyField(PostTarget, lazy_load=False, primary_key=True)
    experiment: Any = ForeignKeyField(Experiment, lazy_load=False)
    workspace: Any = ForeignKeyField(Workspace, lazy_load=False)
    day_part = IntegerField()
    arm = CharField(max_length=1)
    assigned_at = UtcTimestamp()
