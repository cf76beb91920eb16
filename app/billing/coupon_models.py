"""What makes a plan cost less for a while: coupons, and which payer redeemed which."""

from __future__ import annotations

from typing import Any

from peewee import AutoField, BigIntegerField, BooleanField, CharField, ForeignKeyField, IntegerField

from app.accounts.models import Workspace
from app.billing.models import BillingAccount
from app.core.db import Table, UtcTimestamp
from app.core.tenancy import TenantTable


class Coupon(Table):
    """`percent` off, or `amount_minor` of one currency; for `periods` periods, NULL: for as long as the plan is kept.

    `is_for_new`: only for who never paid for a plan.
    """

    impersonal = frozenset({"code", "currency", "plan"})
    id = AutoField()
    code = CharField(max_length=32, unique=True)
    percent = IntegerField(null=True)
    amount_minor = BigIntegerField(null=True)
    currency = CharField(max_length=3, null=True)
    plan = CharField(max_length=16, null=True)
    periods = IntegerField(null=True)
    most_redemptions = IntegerField(null=True)
    valid_until = UtcTimestamp(null=True)
    is_for_new = BooleanField(default=False)
    created_at = UtcTimestamp()
    revoked_at = UtcTimestamp(null=True)


class CouponRedemption(TenantTable):
    """A payer's one use of a coupon: `reserved` by an open order, `held` once paid with, `released` when none was paid.

    `periods_left` counts down with each period that it made cheaper; NULL: it does not end.
    """

    impersonal = frozenset({"state"})
    id = AutoField()
    workspace: Any = ForeignKeyField(Workspace, lazy_load=False)
    account: Any = ForeignKeyField(BillingAccount, lazy_load=False)
    coupon: Any = ForeignKeyField(Coupon, lazy_load=False)
    state = CharField(max_length=8)
    periods_left = IntegerField(null=True)
    at = UtcTimestamp()

    class Meta:
        indexes = ((("coupon", "account"), True),)


class Invitation(TenantTable):
    """A workspace invites others by the code of a `coupon`; `thanks` makes one of its own periods cheaper for each who came."""

    id = AutoField()
    workspace: Any = ForeignKeyField(Workspace, lazy_load=False, unique=True)
    coupon: Any = ForeignKeyField(Coupon, lazy_load=False, unique=True)
    thanks: Any = ForeignKeyField(CouponRedemption, lazy_load=False, unique=True)
    created_at = UtcTimestamp()


TABLES = (Coupon, CouponRedemption, Invitation)
