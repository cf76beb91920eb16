"""What a SuperAdmin decides: differences that are settled, limits for one customer. Each is recorded."""

from __future__ import annotations

from datetime import datetime

from app.admin import queries
from app.audit import service as audit
from app.billing.models import LimitOverride
from app.billing.service import prices
from app.billing.service.prices import Price
from app.core import db, money
from app.core.errors import Invalid, NotFound
from app.core.i18n import N_

_MOST = 1_000_000_000


def settle_difference(difference_id: int, *, actor: str, now: datetime) -> None:
    """Somebody has looked, and it is in order now. Raises NotFound."""
    with db.write():
        moved = db.execute(
            "UPDATE difference SET resolved_at = ? WHERE id = ? AND resolved_at IS NULL", db.stamp(now), difference_id
        )
        if not moved:
            raise NotFound(N_("There is no such difference."))
        audit.record("difference.settled", actor=actor, subject=f"difference:{difference_id}", now=now)


def grant_limit(
    workspace: str,
    key: str,
    amount: str,
    reason: str,
    until: datetime | None,
    *,
    user_id: int,
    actor: str,
    now: datetime,
) -> None:
    """Another limit for one customer, until a moment or for good; an empty amount means as much as one likes.

    Raises Invalid with the fields that are wrong.
    """
    found, wrong = queries.workspace_named(workspace.strip()), {}
    if found is None:
        wrong["workspace"] = N_("There is no single workspace of this name.")
    if key not in queries.limit_keys():
        wrong["key"] = N_("Choose what is limited.")
    is_number = amount.isascii() and amount.isdigit() and int(amount[:12]) <= _MOST
    if amount and not is_number:
        wrong["amount"] = N_("Type a whole number, or nothing for no limit.")
    if not reason.strip():
        wrong["reason"] = N_("Say why, for whoever reads this later.")
    if until is not None and until <= now:
        wrong["until"] = N_("This day is over.")
    if wrong:
        raise Invalid(N_("Nothing was granted."), fields=wrong)
    with db.write():
        made = LimitOverride.create(
            workspace=found,
            key=key,
            amount=int(amount) if amount else None,
            reason=reason.strip()[:500],
            granted_by=user_id,
            granted_at=now,
            until=until,
        )
        after = {"key": key, "amount": amount or None, "until": until.isoformat() if until else None}
        audit.record(
            "limit.granted", actor=actor, subject=f"override:{made.id}", workspace_id=found, after=after, now=now
        )


def revoke_limit(override_id: int, *, actor: str, now: datetime) -> None:
    """The plan's own limit holds again. Raises NotFound."""
    with db.write():
        found = db.row("SELECT workspace_id FROM limit_override WHERE id = ? AND revoked_at IS NULL", override_id)
        if found is None:
            raise NotFound(N_("There is no such limit."))
        db.execute("UPDATE limit_override SET revoked_at = ? WHERE id = ?", db.stamp(now), override_id)
        audit.record("limit.revoked", actor=actor, subject=f"override:{override_id}", workspace_id=found[0], now=now)


def set_price(plan: str, interval: str, currency: str, amount: str, *, actor: str, now: datetime) -> None:
    """What a plan costs from now on; `amount` as somebody types it. Raises Invalid with the fields that are wrong."""
    try:
        minor = money.parse(amount, currency) if currency in prices.CURRENCIES else 0
    except Invalid as error:
        why = N_("Write an amount like 1250 or 12.50.") if error.params else error.sentence
        raise Invalid(N_("No price was set."), fields={"amount": why}) from error
    prices.set_price(Price(plan, interval, currency, minor), actor=actor, now=now)
