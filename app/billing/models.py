"""Who pays for what: billing accounts, plans with their limits and prices, subscriptions and what happened to them."""

from __future__ import annotations

from typing import Any

from peewee import SQL, AutoField, BigIntegerField, BooleanField, CharField, ForeignKeyField, IntegerField, TextField

from app.accounts.models import User, Workspace
from app.core.db import JsonText, Personal, Table, UtcTimestamp
from app.core.tenancy import TenantTable

_BY_LAW = "as long as the tax law asks for, then blanked"


class BillingAccount(Table):
    """The payer. Workspaces are paid for by one; a payer may pay for several."""

    personal = {
        "name": Personal("identity", "name the payer on invoices", _BY_LAW),
        "email": Personal("contact", "send invoices and reminders", _BY_LAW),
        "tax_id": Personal("identifier", "name the payer on invoices", _BY_LAW),
    }
    impersonal = frozenset({"public_id", "timezone"})
    id = AutoField()
    public_id = CharField(max_length=22, unique=True)
    name = CharField(max_length=128)
    email = CharField(max_length=200, default="")
    tax_id = CharField(max_length=32, default="")
    timezone = CharField(max_length=64)
    created_at = UtcTimestamp()


class WorkspacePayer(TenantTable):
    """Which account pays for a workspace."""

    workspace: Any = ForeignKeyField(Workspace, primary_key=True, lazy_load=False)
    account: Any = ForeignKeyField(BillingAccount, lazy_load=False)


class Plan(Table):
    """What is sold. `position` orders plans from the smallest; a plan that is no longer sold keeps its customers."""

    impersonal = frozenset({"key"})
    key = CharField(max_length=16, primary_key=True)
    position = IntegerField()
    is_sold = BooleanField()


class PlanLimit(Table):
    """How much of something a plan allows; NULL: as much as one likes. `reset`: `never` (a stock) or `period`."""

    impersonal = frozenset({"key", "reset"})
    id = AutoField()
    plan: Any = ForeignKeyField(Plan, lazy_load=False)
    key = CharField(max_length=24)
    amount = BigIntegerField(null=True)
    reset = CharField(max_length=8)

    class Meta:
        indexes = ((("plan", "key"), True),)


class PlanPrice(Table):
    """What a plan costs, tax included, from a moment on; what was frozen on an order or a subscription stays as it was."""

    impersonal = frozenset({"currency", "interval"})
    id = AutoField()
    plan: Any = ForeignKeyField(Plan, lazy_load=False)
    currency = CharField(max_length=3)
    interval = CharField(max_length=8)
    amount_minor = BigIntegerField()
    valid_from = UtcTimestamp()

    class Meta:
        indexes = ((("plan", "currency", "interval", "valid_from"), True),)


class Subscription(TenantTable):
    """One workspace's agreement on a plan. Everything that its workflow does is read from here.

    `anchor_at` and `period_index` (counted from `anchor_index`) give the bounds of every period; `next_plan` and
    `next_interval` hold from the next period on; `method_id` is the saved card that pays for it;
    `discount_minor` is what the present period costs less by the coupon `redemption_id`; a period before the first, index
    -1, is a trial; `plan` holds from `switch_at` on, where that is set, and the workspace is on the one of before until
    then; `next_action` at `next_action_at` is what the workflow waits for. A workspace has at most one that has not ended.
    """

    impersonal = frozenset(
        {"public_id", "plan", "interval", "gateway", "currency", "timezone", "state", "next_action"}
        | {"next_plan", "next_interval"}
    )
    id = AutoField()
    public_id = CharField(max_length=22, unique=True)
    workspace: Any = ForeignKeyField(Workspace, lazy_load=False)
    account: Any = ForeignKeyField(BillingAccount, lazy_load=False)
    plan = CharField(max_length=16)
    interval = CharField(max_length=8)
    gateway = CharField(max_length=16)
    currency = CharField(max_length=3)
    price_minor = BigIntegerField()
    discount_minor = BigIntegerField(default=0)
    redemption_id = IntegerField(null=True)
    switch_at = UtcTimestamp(null=True)
    timezone = CharField(max_length=64)
    state = CharField(max_length=20)
    anchor_at = UtcTimestamp(null=True)
    anchor_index = IntegerField(default=0)
    period_index = IntegerField(default=0)
    period_start = UtcTimestamp(null=True)
    period_end = UtcTimestamp(null=True)
    is_ending = BooleanField(default=False)
    next_plan = CharField(max_length=16, null=True)
    next_interval = CharField(max_length=8, null=True)
    method_id = IntegerField(null=True)
    past_due_at = UtcTimestamp(null=True)
    paused_at = UtcTimestamp(null=True)
    dunning_step = IntegerField(default=0)
    next_action = CharField(max_length=16, null=True)
    next_action_at = UtcTimestamp(null=True)
    created_by: Any = ForeignKeyField(User, lazy_load=False, null=True)
    created_at = UtcTimestamp()
    ended_at = UtcTimestamp(null=True)

    class Meta:
        indexes = ((("workspace", "state"), False), (("next_action_at",), False))


Subscription.add_index(
    Subscription.index(Subscription.workspace, unique=True, where=SQL("ended_at IS NULL"), name="one_subscription")
)


class SubscriptionEvent(TenantTable):
    """What happened to a subscription, in order; never changed."""

    impersonal = frozenset({"event", "before", "after", "detail"})
    id = AutoField()
    workspace: Any = ForeignKeyField(Workspace, lazy_load=False)
    subscription: Any = ForeignKeyField(Subscription, lazy_load=False)
    event = CharField(max_length=24)
    before = CharField(max_length=20, null=True)
    after = CharField(max_length=20)
    detail = JsonText(null=True)
    at = UtcTimestamp()


class WorkspacePlan(TenantTable):
    """The plan of a workspace as it holds now; without a row it is on the free plan."""

    impersonal = frozenset({"plan"})
    workspace: Any = ForeignKeyField(Workspace, primary_key=True, lazy_load=False)
    plan = CharField(max_length=16)
    since = UtcTimestamp()


class UsageCounter(TenantTable):
    """How much of something a workspace used up since `period_start`."""

    impersonal = frozenset({"key"})
    id = AutoField()
    workspace: Any = ForeignKeyField(Workspace, lazy_load=False)
    key = CharField(max_length=24)
    period_start = UtcTimestamp()
    used = BigIntegerField(default=0)

    class Meta:
        indexes = ((("workspace", "key", "period_start"), True),)


class LimitOverride(TenantTable):
    """Another limit for one customer, with a reason and an end."""

    personal = {
        "reason": Personal("content", "show why a customer has another limit", "as long as the workspace exists")
    }
    impersonal = frozenset({"key", "granted_by_id"})
    id = AutoField()
    workspace: Any = ForeignKeyField(Workspace, lazy_load=False)
    key = CharField(max_length=24)
    amount = BigIntegerField(null=True)
    reason = TextField()
    granted_by: Any = ForeignKeyField(User, lazy_load=False, null=True)
    granted_at = UtcTimestamp()
    until = UtcTimestamp(null=True)
    revoked_at = UtcTimestamp(null=True)

    class Meta:
        indexes = ((("workspace", "key"), False),)


TABLES = (
    *(BillingAccount, WorkspacePayer, Plan, PlanLimit, PlanPrice, Subscription, SubscriptionEvent),
    *(WorkspacePlan, UsageCounter, LimitOverride),
)
