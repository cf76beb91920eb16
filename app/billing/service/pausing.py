"""A pause: nothing is charged or allowed, and what was left of the period is there afterwards."""

from __future__ import annotations

from datetime import datetime

from app.billing import states
from app.billing.models import Subscription
from app.billing.service import limits, orders, revenue, subscriptions, terms
from app.core import db
from app.core.errors import Conflict, NotFound
from app.core.i18n import N_


def pause(workspace_id: int, *, user_id: int | None, now: datetime) -> Subscription:
    """Stop the clock of the period: the workspace is on the free plan until it is resumed, and open orders are closed.

    Raises NotFound, Conflict (`not_now`: only what is active can pause; `renews_itself`: Telegram's clock cannot stop).
    """
    with db.write():
        sub = _held(workspace_id)
        if terms.is_renewed_there(sub):
            raise Conflict(N_("Telegram renews this plan by its own clock: it cannot pause."), code="renews_itself")
        if sub.switch_at is not None:
            raise Conflict(N_("Another plan is paid for already: pause when it has begun."), code="waits")
        before, sub.state = sub.state, states.after(sub.state, states.PAUSE)
        sub.paused_at = now
        limits.put_on_plan(workspace_id, "free", now=now)
        subscriptions.keep(sub, states.PAUSE, before, now=now, user=user_id)
        revenue.move(sub, 0, f"pause:{sub.id}:{db.to_ms(now)}", now=now)
        orders.close_unfit(sub, now=now)
    return sub


def resume(workspace_id: int, *, user_id: int | None, now: datetime) -> Subscription:
    """Go on: the period ends as much later as the pause was long, and the next ones follow from there.

    Raises NotFound, Conflict (`not_now`).
    """
    with db.write():
        sub = _held(workspace_id)
        before, sub.state = sub.state, states.after(sub.state, states.RESUME)
        length = now - sub.paused_at
        sub.period_start, sub.period_end = sub.period_start + length, sub.period_end + length
        sub.anchor_at, sub.anchor_index = sub.period_end, sub.period_index + 1
        sub.paused_at = None
        limits.put_on_plan(workspace_id, sub.plan, now=now)
        subscriptions.keep(sub, states.RESUME, before, now=now, user=user_id)
        revenue.move(sub, revenue.worth(sub, now=now), f"resume:{sub.id}:{db.to_ms(now)}", now=now)
    return sub


def _held(workspace_id: int) -> Subscription:
    sub = subscriptions.held(workspace_id)
    if sub is None or sub.state == states.INCOMPLETE:
        raise NotFound(N_("There is no subscription."))
    return sub
