"""What we asked of Stripe and what it told us: customers, checkout sessions, events."""

from __future__ import annotations

from peewee import AutoField, CharField, IntegerField, TextField

from app.core.db import Personal, Table, UtcTimestamp

_KEPT = "as long as the tax law asks for"


class StripeCustomer(Table):
    """Stripe's name for a payer."""

    personal = {"customer": Personal("identifier", "name the payer at Stripe", _KEPT)}
    account_id = IntegerField(primary_key=True)
    customer = CharField(max_length=64)
    made_at = UtcTimestamp()


class StripeSession(Table):
    """A page of Stripe's on which an order is paid or, without one, a card is saved for a workspace.

    `url` is empty until Stripe made the page; `error` says why it did not.
    """

    impersonal = frozenset({"session", "url", "error"})
    id = AutoField()
    order_id = IntegerField(null=True, unique=True)
    workspace_id = IntegerField(index=True)
    session = CharField(max_length=128, null=True, unique=True)
    url = TextField(null=True)
    error = CharField(max_length=200, null=True)
    retry_at = UtcTimestamp(null=True)
    made_at = UtcTimestamp(null=True)
    asked_at = UtcTimestamp()
    done_at = UtcTimestamp(null=True)


class StripeEvent(Table):
    """An event as it came, stored once: a hint to look at an object, which is then read at Stripe."""

    impersonal = frozenset({"event", "kind", "about", "error"})
    id = AutoField()
    event = CharField(max_length=128, unique=True)
    kind = CharField(max_length=64)
    about = CharField(max_length=128)
    received_at = UtcTimestamp(index=True)
    tries = IntegerField(default=0)
    retry_at = UtcTimestamp(null=True)
    error = CharField(max_length=200, null=True)
    handled_at = UtcTimestamp(null=True)
