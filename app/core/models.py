"""Tables of the machinery: outbox, inbox, leases, heartbeats, idempotency keys."""

from __future__ import annotations

from typing import Any

from peewee import AutoField, BigIntegerField, BlobField, CharField, CompositeKey, IntegerField, TextField

from app.core.db import JsonText, Personal, Table, UtcTimestamp
from app.core.tenancy import TenantTable


class Outbox(Table):
    """One row per (topic, key) that Temporal must look at; written in the transaction of the change."""

    impersonal = frozenset({"topic", "key", "last_error"})
    id = AutoField()
    topic = CharField(max_length=64)
    key = CharField(max_length=128)
    version = IntegerField(default=1)
    created_at = UtcTimestamp()
    not_before = UtcTimestamp(index=True)
    attempts = IntegerField(default=0)
    last_error = TextField(null=True)
    dead_at = UtcTimestamp(null=True)

    class Meta:
        indexes = ((("topic", "key"), True),)


class WorkflowRun(Table):
    """Which run last looked at (topic, key): the link from our pages to the Temporal UI."""

    impersonal = frozenset({"topic", "key", "workflow_id", "run_id"})
    topic = CharField(max_length=64)
    key = CharField(max_length=128)
    workflow_id = CharField(max_length=200)
    run_id = CharField(max_length=64)
    started_at = UtcTimestamp()

    class Meta:
        primary_key = CompositeKey("topic", "key")


class Inbox(Table):
    """Raw updates as they came, each once per (bot, update id), consumed in order per chat."""

    personal = {
        "payload": Personal("content", "apply the update and find faults", "90 days, then deleted by the retention job")
    }
    impersonal = frozenset({"kind", "error"})
    id = AutoField()
    bot_id = BigIntegerField()
    update_id = BigIntegerField()
    chat_key = BigIntegerField()
    kind = CharField(max_length=64)
    payload = TextField()
    received_at = UtcTimestamp(index=True)
    processed_at = UtcTimestamp(null=True)
    attempts = IntegerField(default=0)
    not_before = UtcTimestamp(null=True)
    dead_at = UtcTimestamp(null=True)
    error = TextField(null=True)

    class Meta:
        indexes = ((("bot_id", "update_id"), True), (("processed_at", "dead_at", "id"), False))


class Lease(Table):
    """Who does a thing that only one process may do at a time; ends by itself."""

    impersonal = frozenset({"name", "holder"})
    name = CharField(max_length=64, primary_key=True)
    holder = CharField(max_length=64)
    until = UtcTimestamp()


class Heartbeat(Table):
    """When a process last said that it works; /readyz reads it."""

    impersonal = frozenset({"process", "detail"})
    process = CharField(max_length=32, primary_key=True)
    at = UtcTimestamp()
    detail = TextField(default="")


class Cursor(Table):
    """How far a reader of somebody else's list has come (the offset of getUpdates)."""

    impersonal = frozenset({"name"})
    name = CharField(max_length=96, primary_key=True)
    value = BigIntegerField()


class Gauge(Table):
    """A number about the service that one process measures and /metrics shows."""

    impersonal = frozenset({"name", "labels"})
    name = CharField(max_length=64)
    labels = JsonText(default=dict)
    value = BigIntegerField()
    at = UtcTimestamp()

    class Meta:
        primary_key = CompositeKey("name", "labels")


class IdempotencyKey(TenantTable):
    """A request that a person sent under a key of theirs, and the reply that its repetitions get; no `status`: it runs."""

    personal = {
        "headers": Personal(
            "content", "answer a repeated request alike", "24 hours, then deleted by the retention job"
        ),
        "body": Personal("content", "answer a repeated request alike", "24 hours, then deleted by the retention job"),
    }
    impersonal = frozenset({"endpoint", "key_hash", "fingerprint"})
    id = AutoField()
    workspace: Any = BigIntegerField(column_name="workspace_id")
    user_id = BigIntegerField()
    endpoint = CharField(max_length=64)
    key_hash = CharField(max_length=64)
    fingerprint = CharField(max_length=64)
    claimed_at = UtcTimestamp()
    status = IntegerField(null=True)
    headers = JsonText(null=True)
    body = BlobField(null=True)

    class Meta:
        indexes = ((("workspace", "user_id", "endpoint", "key_hash"), True),)
