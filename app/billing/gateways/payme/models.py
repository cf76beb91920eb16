"""Payme's transactions as Payme knows them: states, its times in milliseconds, its reasons."""

from __future__ import annotations

from peewee import SQL, AutoField, BigIntegerField, CharField, IntegerField

from app.core.db import JsonText, Table


class PaymeTransaction(Table):
    """A transaction that Payme created. `state` is Payme's: 1, 2, -1, -2. All times are milliseconds, as Payme wants them."""

    impersonal = frozenset({"payme_id", "fiscal", "cancel_fiscal"})
    id = AutoField()
    payme_id = CharField(max_length=64, unique=True)
    order_id = IntegerField()
    payment_id = IntegerField()
    amount_minor = BigIntegerField()
    time_ms = BigIntegerField(index=True)
    create_ms = BigIntegerField()
    perform_ms = BigIntegerField(default=0)
    cancel_ms = BigIntegerField(default=0)
    state = IntegerField()
    reason = BigIntegerField(null=True)
    fiscal = JsonText(null=True)
    cancel_fiscal = JsonText(null=True)


PaymeTransaction.add_index(
    PaymeTransaction.index(
        PaymeTransaction.order_id, unique=True, where=SQL("state IN (1, 2)"), name="one_payme_transaction"
    )
)
