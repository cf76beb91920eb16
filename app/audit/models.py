"""The audit chain and its daily anchors."""

from __future__ import annotations

from peewee import AutoField, BigIntegerField, CharField, CompositeKey, DateField

from app.core.db import JsonText, Personal, Table, UtcTimestamp

_KEPT = "2 years"


class AuditEntry(Table):
    """One act. `chain` is the workspace's id, or 0 for the service's own chain."""

    personal = {
        "actor": Personal("identifier", "who did it", _KEPT),
        "ip": Personal("network", "from where", _KEPT),
        "before": Personal("content", "what it was", _KEPT),
        "after": Personal("content", "what it became", _KEPT),
    }
    impersonal = frozenset({"action", "subject", "prev_hash", "hash"})
    id = AutoField()
    chain = BigIntegerField()
    seq = BigIntegerField()
    at = UtcTimestamp()
    actor = CharField(max_length=64)
    action = CharField(max_length=64)
    subject = CharField(max_length=128)
    before = JsonText(null=True)
    after = JsonText(null=True)
    ip = CharField(max_length=64, default="")
    prev_hash = CharField(max_length=64)
    hash = CharField(max_length=64)

    class Meta:
        indexes = ((("chain", "seq"), True), (("chain", "subject"), False))


class AuditAnchor(Table):
    """The head of a chain at the end of a day; a truncated chain no longer reaches it."""

    impersonal = frozenset({"hash"})
    chain = BigIntegerField()
    day = DateField()
    seq = BigIntegerField()
    hash = CharField(max_length=64)

    class Meta:
        primary_key = CompositeKey("chain", "day")
