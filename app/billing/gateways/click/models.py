"""Click's payments: a Prepare each, which its Complete refers to by our number."""

from __future__ import annotations

from peewee import SQL, AutoField, BigIntegerField, CharField, IntegerField

from app.core.db import Table, UtcTimestamp


class ClickPrepare(Table):
    """A Prepare that we accepted; its id is Click's `merchant_prepare_id`. `state`: prepared, confirmed, cancelled."""

    impersonal = frozenset({"state"})
    id = AutoField()
    click_trans_id = BigIntegerField(index=True)
    paydoc_id = BigIntegerField(null=True)
    order_id = IntegerField()
    payment_id = IntegerField()
    amount_minor = BigIntegerField()
    state = CharField(max_length=12)
    error = BigIntegerField(null=True)
    created_at = UtcTimestamp()
    done_at = UtcTimestamp(null=True)

    class Meta:
        indexes = ((("click_trans_id", "order_id"), False),)


ClickPrepare.add_index(
    ClickPrepare.index(
        *(ClickPrepare.click_trans_id, ClickPrepare.order_id),
        unique=True,
        where=SQL("state = 'prepared'"),
        name="one_open_click_prepare",
    )
)
