"""What Telegram says of Stars: links that it made, payments that it asks about, and payments that it took."""

from __future__ import annotations

from peewee import SQL, AutoField, BigIntegerField, BooleanField, CharField, IntegerField, TextField

from app.core.db import Personal, Table, UtcTimestamp

_KEPT = "as long as the tax law asks for"


class StarLink(Table):
    """The invoice link of an order. `url` is empty while Telegram refuses it, for the reason in `error`."""

    impersonal = frozenset({"url", "error"})
    order_id = IntegerField(primary_key=True)
    url = CharField(max_length=256, null=True)
    error = CharField(max_length=200, null=True)
    retry_at = UtcTimestamp(null=True)
    made_at = UtcTimestamp(null=True)


class PreCheckout(Table):
    """A question before a payment, and what was answered: no `refusal` means yes."""

    personal = {"telegram_user_id": Personal("identifier", "see who wanted to pay", "90 days")}
    impersonal = frozenset({"query_id", "payload", "refusal", "currency"})
    id = AutoField()
    query_id = CharField(max_length=64, unique=True)
    telegram_user_id = BigIntegerField()
    payload = CharField(max_length=128)
    currency = CharField(max_length=8)
    amount = BigIntegerField()
    refusal = TextField(null=True)
    at = UtcTimestamp(index=True)


class StarPayment(Table):
    """A payment that Telegram took, once per charge id.

    `order_id` is the order that it pays, `first_order_id` the one that its subscription began with. `is_first` marks the
    charge by which that subscription is named, `is_stop_told` whether Telegram was told to renew it no more, and
    `is_dormant` that it was stopped once and only the payer can start it again, in Telegram. `stated_at`: when
    Telegram's own list of transactions named it.
    """

    personal = {"telegram_user_id": Personal("identifier", "refund the payer", _KEPT)}
    impersonal = frozenset({"charge_id"})
    id = AutoField()
    charge_id = CharField(max_length=128, unique=True)
    telegram_user_id = BigIntegerField()
    order_id = IntegerField(index=True)
    first_order_id = IntegerField(index=True)
    payment_id = IntegerField(unique=True)
    amount = BigIntegerField()
    is_first = BooleanField()
    is_stop_told = BooleanField(default=False)
    is_dormant = BooleanField(default=False)
    expires_at = UtcTimestamp(null=True)
    received_at = UtcTimestamp()
    stated_at = UtcTimestamp(null=True)

    class Meta:
        constraints = (SQL("CHECK (amount > 0)"),)
