"""Authored posts and what became of them. Times to act stand in `due_action`, what Telegram did in `delivery`."""

from __future__ import annotations

from typing import Any

from peewee import AutoField, BigIntegerField, CharField, CompositeKey, ForeignKeyField, IntegerField

from app.accounts.models import User, Workspace
from app.channels.models import Channel
from app.core.db import JsonText, Personal, Table, UtcTimestamp
from app.core.tenancy import TenantTable
from app.media.job_models import MediaJob

_WHILE_KEPT = "as long as the workspace keeps the post"


class Sender(Table):
    """Who posts: one lane each. `kind` and `account` are a Telegram bot and its id; other networks can come.

    `epoch` grows with each attempt of the lane: only the newest may send. `turn` is the workspace served last.
    """

    impersonal = frozenset({"kind", "account"})
    id = AutoField()
    kind = CharField(max_length=16)
    account = CharField(max_length=64)
    epoch = IntegerField(default=0)
    turn = BigIntegerField(default=0)
    seen_at = UtcTimestamp(null=True)
    created_at = UtcTimestamp()

    class Meta:
        indexes = ((("kind", "account"), True),)


class AuthoredPost(TenantTable):
    """A post that people of a workspace write. What it says stands in its revisions, where it goes in its targets.

    `draft` is the composer's form with what is not yet saved as a revision.
    `version` counts every change, so that two people who edit at once do not overwrite each other.
    """

    personal = {"draft": Personal("content", "let people go on writing", _WHILE_KEPT)}
    impersonal = frozenset({"public_id", "state"})
    id = AutoField()
    public_id = CharField(max_length=22, unique=True)
    workspace: Any = ForeignKeyField(Workspace, lazy_load=False)
    state = CharField(max_length=12)
    draft = JsonText(null=True)
    version = IntegerField(default=1)
    created_by: Any = ForeignKeyField(User, lazy_load=False)
    created_at = UtcTimestamp()
    updated_at = UtcTimestamp()
    deleted_at = UtcTimestamp(null=True)

    class Meta:
        indexes = ((("workspace", "state", "updated_at"), False),)


class PostRevision(TenantTable):
    """What a post said at one time; never changed. `content` is {"base": tree, "variants": {channel: tree}}."""

    personal = {"content": Personal("content", "publish it and show what changed", _WHILE_KEPT)}
    impersonal = frozenset({"content_hash"})
    id = AutoField()
    workspace: Any = ForeignKeyField(Workspace, lazy_load=False)
    post: Any = ForeignKeyField(AuthoredPost, lazy_load=False)
    number = IntegerField()
    content = JsonText()
    content_hash = CharField(max_length=64)
    created_by: Any = ForeignKeyField(User, lazy_load=False)
    created_at = UtcTimestamp()

    class Meta:
        indexes = ((("post", "number"), True),)


class PostTarget(TenantTable):
    """One place where a post goes: a channel, through a sender, at the sender's address of it.

    `top_minutes`: for so long after it is out nothing else shall go out there.
    """

    impersonal = frozenset({"address"})
    id = AutoField()
    workspace: Any = ForeignKeyField(Workspace, lazy_load=False)
    post: Any = ForeignKeyField(AuthoredPost, lazy_load=False)
    channel: Any = ForeignKeyField(Channel, lazy_load=False)
    sender: Any = ForeignKeyField(Sender, lazy_load=False)
    address = CharField(max_length=64)
    removed_at = UtcTimestamp(null=True)
    top_minutes = IntegerField(null=True)

    class Meta:
        indexes = ((("post", "channel"), True),)


class TargetWork(TenantTable):
    """Work on files that a post waits for in a channel: it is not sent before all of it is done."""

    workspace: Any = ForeignKeyField(Workspace, lazy_load=False)
    target: Any = ForeignKeyField(PostTarget, lazy_load=False, index=False)
    job: Any = ForeignKeyField(MediaJob, lazy_load=False)

    class Meta:
        primary_key = CompositeKey("target", "job")


class DueAction(TenantTable):
    """Something to do at a time: publish, edit, delete, pin, unpin, repost.

    `due_at` is the promise, `ready_at` when the lane looks next (later than due when a limit says so), `eta_at` until
    when a limit lets it take, told once it is late. `after_s`: a follow-up that becomes due so long after publishing.
    """

    impersonal = frozenset({"kind", "address", "state", "reason"})
    id = AutoField()
    workspace: Any = ForeignKeyField(Workspace, lazy_load=False)
    post: Any = ForeignKeyField(AuthoredPost, lazy_load=False)
    target: Any = ForeignKeyField(PostTarget, lazy_load=False)
    sender: Any = ForeignKeyField(Sender, lazy_load=False, index=False)
    address = CharField(max_length=64)
    slot = IntegerField(default=0)
    kind = CharField(max_length=8)
    state = CharField(max_length=12)
    due_at = UtcTimestamp(null=True)
    ready_at = UtcTimestamp(null=True)
    after_s = IntegerField(null=True)
    eta_at = UtcTimestamp(null=True)
    epoch = IntegerField(default=0)
    tries = IntegerField(default=0)
    reason = CharField(max_length=300, null=True)
    done_at = UtcTimestamp(null=True)
    created_at = UtcTimestamp()

    class Meta:
        indexes = (
            (("sender", "state", "ready_at", "workspace"), False),
            (("sender", "state", "workspace", "ready_at"), False),
            (("target", "slot", "kind"), False),
            (("state", "due_at"), False),
            (("workspace", "due_at"), False),
            (("workspace", "state", "due_at"), False),
        )


class Delivery(TenantTable):
    """The ledger: one part of a post at one target and slot, and how far it came.

    reserved -> sending -> sent | rejected | unknown. It moves by compare-and-set under the lane's epoch; `tries`
    numbers the attempt whose outcome may still be recorded. `asked_at`: the owner was asked whether it is there.
    """

    impersonal = frozenset({"address", "state", "reason", "note"})
    id = AutoField()
    workspace: Any = ForeignKeyField(Workspace, lazy_load=False)
    post: Any = ForeignKeyField(AuthoredPost, lazy_load=False)
    target: Any = ForeignKeyField(PostTarget, lazy_load=False)
    slot = IntegerField(default=0)
    part = IntegerField(default=0)
    revision: Any = ForeignKeyField(PostRevision, lazy_load=False)
    sender: Any = ForeignKeyField(Sender, lazy_load=False, index=False)
    address = CharField(max_length=64)
    state = CharField(max_length=12)
    epoch = IntegerField(default=0)
    tries = IntegerField(default=0)
    resends = IntegerField(default=0)
    reason = CharField(max_length=300, null=True)
    note = CharField(max_length=64, null=True)
    begun_at = UtcTimestamp(null=True)
    sent_at = UtcTimestamp(null=True)
    asked_at = UtcTimestamp(null=True)
    collected_at = UtcTimestamp(null=True)

    class Meta:
        indexes = (
            (("target", "slot", "part"), True),
            (("sender", "state"), False),
            (("state", "collected_at"), False),
            (("workspace", "state"), False),
        )


class DeliveryMessage(TenantTable):
    """A message that a delivery became. One message belongs to one delivery."""

    impersonal = frozenset({"address"})
    id = AutoField()
    workspace: Any = ForeignKeyField(Workspace, lazy_load=False)
    delivery: Any = ForeignKeyField(Delivery, lazy_load=False)
    address = CharField(max_length=64)
    message_id = BigIntegerField()
    number = IntegerField(default=0)

    class Meta:
        indexes = ((("address", "message_id"), True),)


class DeliveryEvent(TenantTable):
    """What happened to a delivery, appended and never changed."""

    impersonal = frozenset({"what", "detail"})
    id = AutoField()
    workspace: Any = ForeignKeyField(Workspace, lazy_load=False)
    delivery: Any = ForeignKeyField(Delivery, lazy_load=False)
    at = UtcTimestamp()
    what = CharField(max_length=16)
    epoch = IntegerField(default=0)
    tries = IntegerField(default=0)
    detail = CharField(max_length=300, null=True)


TABLES = (
    *(Sender, AuthoredPost, PostRevision, PostTarget, TargetWork),
    *(DueAction, Delivery, DeliveryMessage, DeliveryEvent),
)
