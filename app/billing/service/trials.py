"""Trials: two weeks of a plan for nothing, once for each payer and once for each person who starts one.

A trial is the period before the first: index -1, ending at the anchor. At its end the first period is paid for, by the
link that was sent or by a card that was saved; else it ends after three days.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from app.billing import states
from app.billing.gateways.base import Gateway
from app.billing.models import Subscription
from app.billing.service import limits, payers, prices, subscriptions
from app.core import db, ids
from app.core.errors import Conflict, Invalid
from app.core.i18n import N_

LENGTH = timedelta(days=14)
STARTED = "trial_started"
_INTERVAL = "month"


def start(workspace_id: int, plan: str, gateway: Gateway, *, user_id: int | None, now: datetime) -> Subscription:
    """Give a plan for two weeks from now; it is then asked for by `gateway`.

    Raises Invalid (fields `plan`, `interval`), Conflict (`trial_used`) for who had a plan or a trial before.
    """
    if gateway.renews_itself:
        raise Invalid(N_("A trial cannot be started there."), fields={"gateway": "renews itself"})
    price = prices.price_of(plan, _INTERVAL, gateway.currency, now=now)
    with db.write():
        account = payers.payer_of(workspace_id, now=now)
        _serialise(account.id, user_id)
        if not may_start(workspace_id, user_id=user_id):
            raise Conflict(N_("A trial is for those who had no plan before."), code="trial_used")
        made = Subscription(
            public_id=ids.public_id(),
            workspace=workspace_id,
            account=account.id,
            plan=plan,
            interval=_INTERVAL,
            gateway=gateway.key,
            currency=gateway.currency,
            price_minor=price.amount_minor,
            timezone=account.timezone,
            state=states.TRIALING,
            anchor_at=now + LENGTH,
            period_index=-1,
            period_start=now,
            period_end=now + LENGTH,
            created_by=user_id,
            created_at=now,
        )
        made.save()
        limits.put_on_plan(workspace_id, plan, now=now)
        subscriptions.keep(made, STARTED, None, now=now, user=user_id)
    return made


def _serialise(account_id: int, user_id: int | None) -> None:
    """Of two trials that a payer, or a person, starts at once in two workspaces only one begins."""
    db.serialise("billing_account", account_id)
    if user_id is not None:
        db.serialise('"user"', user_id)


def may_start(workspace_id: int, *, user_id: int | None) -> bool:
    """Whether neither the workspace's payer had a plan or a trial before, nor the person a trial anywhere."""
    used = db.row(
        "SELECT 1 FROM subscription s WHERE (s.workspace_id = ? AND (s.ended_at IS NULL OR s.anchor_at IS NOT NULL))"
        " OR (s.anchor_at IS NOT NULL AND s.account_id = (SELECT account_id FROM workspace_payer WHERE workspace_id = ?))"
        " OR (s.created_by_id = ? AND EXISTS (SELECT 1 FROM subscription_event e WHERE e.subscription_id = s.id"
        " AND e.event = ?)) LIMIT 1",
        *(workspace_id, workspace_id, user_id, STARTED),
    )
    return used is None
