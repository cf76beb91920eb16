"""Saved ways to pay, disputes about what was paid, and fiscal receipts that we hand in."""

from __future__ import annotations

from typing import Any

from peewee import AutoField, BigIntegerField, CharField, ForeignKeyField, IntegerField, TextField

from app.accounts.models import Workspace
from app.billing.models import BillingAccount
from app.core.db import Personal, Table, UtcTimestamp
from app.core.tenancy import TenantTable

_KEPT = "until the payer removes it, then blanked"


class PaymentMethod(TenantTable):
    """A card that its gateway keeps for us. `token` is what the gateway knows it by, sealed; `payer_ref` its payer there.

    `state`: `checking`, while its gateway has not said whether a token that the payer's browser brought may be charged, or
    `refused` when it may not; `active`; `dead`, when it can never be charged again without its payer, for the `reason`; `removed`.
    """

    personal = {
        "token": Personal("secret", "charge the card that the payer saved", _KEPT),
        "payer_ref": Personal("identifier", "name the payer at the gateway", _KEPT),
        "label": Personal("identifier", "show which card is charged", _KEPT),
    }
    impersonal = frozenset({"public_id", "gateway", "token_hash", "state", "reason"})
    id = AutoField()
    public_id = CharField(max_length=22, unique=True)
    workspace: Any = ForeignKeyField(Workspace, lazy_load=False)
    account: Any = ForeignKeyField(BillingAccount, lazy_load=False)
    gateway = CharField(max_length=16)
    token = TextField()
    token_hash = CharField(max_length=64)
    payer_ref = CharField(max_length=64, default="")
    label = CharField(max_length=64)
    state = CharField(max_length=8)
    reason = CharField(max_length=64, null=True)
    created_at = UtcTimestamp()
    ended_at = UtcTimestamp(null=True)

    class Meta:
        indexes = ((("gateway", "token_hash"), True), (("workspace", "state"), False))


class Dispute(Table):
    """A payer's bank takes a payment back for now (`open`), for good (`lost`), or not after all (`won`)."""

    impersonal = frozenset({"gateway", "gateway_ref", "state"})
    id = AutoField()
    payment_id = BigIntegerField(index=True)
    gateway = CharField(max_length=16)
    gateway_ref = CharField(max_length=128)
    amount_minor = BigIntegerField()
    state = CharField(max_length=8)
    opened_at = UtcTimestamp()
    closed_at = UtcTimestamp(null=True)

    class Meta:
        indexes = ((("gateway", "gateway_ref"), True),)


class FiscalReceipt(Table):
    """The fiscal receipt of a payment whose gateway wants it from us; `qr_url` is where the payer sees it."""

    impersonal = frozenset({"gateway", "error", "qr_url"})
    id = AutoField()
    payment_id = BigIntegerField(unique=True)
    gateway = CharField(max_length=16)
    asked_at = UtcTimestamp()
    tries = IntegerField(default=0)
    retry_at = UtcTimestamp(null=True)
    error = CharField(max_length=200, null=True)
    qr_url = TextField(null=True)
    done_at = UtcTimestamp(null=True)


TABLES = (PaymentMethod, Dispute, FiscalReceipt)
