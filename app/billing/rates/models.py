"""The rates of exchange that were told, day by day."""

from __future__ import annotations

from peewee import AutoField, BigIntegerField, CharField, DateField, IntegerField

from app.core.db import Table, UtcTimestamp


class ExchangeRate(Table):
    """`nominal` units of a currency cost so many millionths of a sum on a day; NULL: the source set no rate that day.

    Append-only: the newest row of a currency and a day holds, so a wrong rate is corrected by a later row.
    """

    impersonal = frozenset({"currency", "source"})
    id = AutoField()
    currency = CharField(max_length=3)
    day = DateField()
    nominal = IntegerField()
    uzs_micro = BigIntegerField(null=True)
    source = CharField(max_length=16)
    fetched_at = UtcTimestamp()

    class Meta:
        indexes = ((("day", "currency"), False),)


TABLES = (ExchangeRate,)
