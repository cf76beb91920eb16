"""Coupons: a plan costs less for a while. One at a time: no two are added up.

A redemption is reserved with the order that it makes cheaper, held once that is paid, and released when no order with
it can be paid any more. Money that comes late for a released one is taken at the price that was asked.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from peewee import SQL

from app.audit import service as audit
from app.billing.coupon_models import Coupon, CouponRedemption
from app.billing.gateways.base import OPEN, PAID
from app.billing.models import BillingAccount, Subscription
from app.billing.money_models import CheckoutOrder
from app.billing.service.prices import Price
from app.core import db
from app.core.errors import Conflict, Invalid, NotFound
from app.core.i18n import N_
from app.core.tenancy import unscoped

RESERVED, HELD, RELEASED = "reserved", "held", "released"
_CODE = re.compile(r"[A-Z0-9][A-Z0-9-]{2,31}")
_MOST = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Terms:
    """What a coupon gives: `percent` (1-100), or `amount_minor` of `currency`.

    `periods`: for how many, None: for as long as the plan is kept. `plan`: for this one only. `most`: how often it can
    be redeemed, by different payers. `is_for_new`: only by who never paid for a plan.
    """

    percent: int | None = None
    amount_minor: int | None = None
    currency: str | None = None
    plan: str | None = None
    periods: int | None = 1
    most: int | None = None
    valid_until: datetime | None = None
    is_for_new: bool = False


def create(code: str, terms: Terms, *, actor: str, now: datetime) -> Coupon:
    """Offer a coupon under a code. Raises Invalid with the fields that are wrong, Conflict for a code that exists."""
    code = spelled(code)
    wrong = _wrong(code, terms, now=now)
    if wrong:
        raise Invalid(N_("This coupon cannot be offered."), fields=wrong)
    with db.write():
        if Coupon.get_or_none(Coupon.code == code) is not None:
            raise Conflict(N_("There is a coupon of this code already."), code="taken")
        made = offered(
            code,
            percent=terms.percent,
            amount_minor=terms.amount_minor,
            currency=terms.currency,
            plan=terms.plan,
            periods=terms.periods,
            most_redemptions=terms.most,
            valid_until=terms.valid_until,
            is_for_new=terms.is_for_new,
            now=now,
        )
        audit.record("coupon.created", actor=actor, subject=f"coupon:{code}", now=now)
    return made


def offered(code: str, *, periods: int | None = 1, now: datetime, **terms: Any) -> Coupon:
    """A new coupon on terms that were looked at, inside the running transaction."""
    made: Coupon = Coupon.create(code=code, periods=periods, created_at=now, **terms)
    return made


def spelled(code: str) -> str:
    """A code as it is kept, however it was typed."""
    return code.strip().upper()[:33]


def _wrong(code: str, terms: Terms, *, now: datetime) -> dict[str, str]:
    wrong = {}
    if not _CODE.fullmatch(code):
        wrong["code"] = N_("Use 3 to 32 letters of A-Z, digits and dashes.")
    if (terms.percent is None) == (terms.amount_minor is None):
        wrong["percent"] = N_("Give a percentage or an amount, one of them.")
    elif terms.percent is not None and not 1 <= terms.percent <= 100:
        wrong["percent"] = N_("A percentage is from 1 to 100.")
    elif terms.amount_minor is not None and not (0 < terms.amount_minor <= _MOST and terms.currency):
        wrong["amount"] = N_("An amount is more than nothing, and in a currency.")
    if terms.plan is not None and db.row("SELECT 1 FROM plan WHERE key = ?", terms.plan) is None:
        wrong["plan"] = N_("There is no such plan.")
    if terms.periods is not None and not 1 <= terms.periods <= 120:
        wrong["periods"] = N_("Periods are from 1 to 120, or without an end.")
    if terms.most is not None and not 1 <= terms.most <= _MOST:
        wrong["most"] = N_("It can be redeemed at least once.")
    if terms.valid_until is not None and terms.valid_until <= now:
        wrong["until"] = N_("This day is over.")
    return wrong


def revoke(code: str, *, actor: str, now: datetime) -> None:
    """Nobody can redeem it any more; who did keeps what it gives. Raises NotFound."""
    with db.write():
        moved = db.execute(
            "UPDATE coupon SET revoked_at = ? WHERE code = ? AND revoked_at IS NULL",
            *(db.stamp(now), spelled(code)),
        )
        if not moved:
            raise NotFound(N_("There is no such coupon."))
        audit.record("coupon.revoked", actor=actor, subject=f"coupon:{spelled(code)}", now=now)


def reserve(
    workspace_id: int, account: BillingAccount, code: str, price: Price, *, user_id: int | None, now: datetime
) -> CouponRedemption:
    """Redeem a code for an order of this price, inside the running transaction. Raises Invalid (field `coupon`)."""
    coupon: Coupon | None = Coupon.get_or_none(Coupon.code == spelled(code))
    if coupon is None or coupon.revoked_at is not None:
        raise refused(N_("There is no such coupon."))
    if coupon.valid_until is not None and coupon.valid_until <= now:
        raise refused(N_("This coupon is no longer good."))
    if coupon.plan not in (None, price.plan) or coupon.currency not in (None, price.currency):
        raise refused(N_("This coupon is for another plan or way to pay."))
    if coupon.is_for_new and has_paid(account.id, user_id):
        raise refused(N_("This coupon is for those who never paid for a plan."))
    db.serialise("coupon", coupon.id)
    known = _of_payer(coupon, account)
    if known is not None and (known.state == HELD or known.workspace != workspace_id):
        raise refused(N_("You have used this coupon already."))
    if known is None or known.state == RELEASED:
        _require_left(coupon)
    if known is None:
        return _reserved(workspace_id, account, coupon, now=now)
    known.state, known.periods_left, known.at = RESERVED, coupon.periods, now
    known.save()
    return known


def has_paid(account_id: int, user_id: int | None) -> bool:
    """Whether the payer, or this person for any payer, has paid for a plan before; a trial is none."""
    found = db.row(
        "SELECT 1 FROM subscription WHERE (account_id = ? OR created_by_id = ?) AND anchor_at IS NOT NULL"
        " AND period_index >= 0 LIMIT 1",
        *(account_id, user_id),
    )
    return found is not None


def _of_payer(coupon: Coupon, account: BillingAccount) -> CouponRedemption | None:
    """The payer's redemption, in whichever of their workspaces it was."""
    with unscoped("a payer redeems a coupon once, whichever of their workspaces it is for"):
        found: CouponRedemption | None = CouponRedemption.get_or_none(
            CouponRedemption.coupon == coupon.id, CouponRedemption.account == account.id
        )
    return found


def _reserved(workspace_id: int, account: BillingAccount, coupon: Coupon, *, now: datetime) -> CouponRedemption:
    made: CouponRedemption = CouponRedemption.create(
        workspace=workspace_id,
        account=account.id,
        coupon=coupon.id,
        state=RESERVED,
        periods_left=coupon.periods,
        at=now,
    )
    return made


def _require_left(coupon: Coupon) -> None:
    """Of two who want the last one, only one gets it: the coupon is held until the transaction ends."""
    if coupon.most_redemptions is None:
        return
    (used,) = db.row(
        "SELECT COUNT(*) FROM coupon_redemption WHERE coupon_id = ? AND state <> ?", coupon.id, RELEASED
    ) or (0,)
    if used >= coupon.most_redemptions:
        raise refused(N_("This coupon was redeemed as often as it can be."))


def refused(sentence: str) -> Invalid:
    """A coupon that cannot be used, said at its field."""
    return Invalid(sentence, fields={"coupon": sentence})


def reduction(redemption_id: int | None, price: Price) -> int:
    """How much less a price is by a redemption: a percentage rounded down, never more than the price; minor units."""
    if redemption_id is None:
        return 0
    found = db.row(
        "SELECT c.percent, c.amount_minor, c.currency, c.plan FROM coupon_redemption r JOIN coupon c"
        " ON c.id = r.coupon_id WHERE r.id = ?",
        redemption_id,
    )
    if found is None:
        return 0
    percent, amount, currency, plan = found
    if plan not in (None, price.plan) or currency not in (None, price.currency):
        return 0
    return min(price.amount_minor * percent // 100 if percent is not None else int(amount), price.amount_minor)


def holding(sub: Subscription, price: Price) -> int | None:
    """The redemption that makes a subscription's next period of this price cheaper: its coupon's, as long as it lasts and
    is for this plan, then the workspace's for having invited others; None without one.
    """
    found = db.rows(
        "SELECT r.id FROM coupon_redemption r LEFT JOIN invitation i ON i.thanks_id = r.id"
        " WHERE (r.id = ? OR i.workspace_id = ?) AND r.state = ? AND (r.periods_left IS NULL OR r.periods_left > 0)"
        " ORDER BY CASE WHEN r.id = ? THEN 0 ELSE 1 END",
        *(sub.redemption_id, sub.workspace, HELD, sub.redemption_id),
    )
    return next((int(number) for (number,) in found if reduction(number, price)), None)


def renewing(order: CheckoutOrder) -> int:
    """How much less than its price the period after an order's costs, in minor units: its coupon may end with it."""
    found = db.row("SELECT state, periods_left FROM coupon_redemption WHERE id = ?", order.redemption_id)
    if found is None:
        return 0
    state, left = found
    is_counted = order.kind == "raise" or (state == HELD and order.state == PAID)  # a raise takes no period of its own
    is_last = left is not None and left <= (0 if is_counted else 1)
    return 0 if is_last else int(order.discount_minor)


def take(order: CheckoutOrder) -> None:
    """A period was paid for with the order's redemption, inside the running transaction: it has one period less.

    Raises Conflict (`coupon_used`) when it has none left, as with two orders that were paid with one coupon.
    """
    if order.redemption_id is None:
        return
    moved = db.execute(
        "UPDATE coupon_redemption SET state = ?, periods_left = periods_left - 1 WHERE id = ?"
        " AND (periods_left IS NULL OR periods_left > 0)",
        *(HELD, order.redemption_id),
    )
    if not moved:
        raise Conflict(N_("The coupon of this order was used up by another one."), code="coupon_used")


def release(order: CheckoutOrder) -> None:
    """An order was closed unpaid: its coupon can be redeemed again, unless another open order goes by it."""
    if order.redemption_id is None:
        return
    db.execute(
        "UPDATE coupon_redemption SET state = ? WHERE id = ? AND state = ? AND NOT EXISTS"
        " (SELECT 1 FROM checkout_order o WHERE o.redemption_id = coupon_redemption.id AND o.state = ?)",
        *(RELEASED, order.redemption_id, RESERVED, OPEN),
    )


def all_of_them() -> list[tuple[Coupon, int]]:
    """Every coupon that was offered, with how often it is redeemed or reserved, the newest first."""
    used = dict(
        db.rows("SELECT coupon_id, COUNT(*) FROM coupon_redemption WHERE state <> ? GROUP BY coupon_id", RELEASED)
    )
    of_invitations = (
        "id NOT IN (SELECT coupon_id FROM invitation UNION SELECT r.coupon_id FROM coupon_redemption r"
        " JOIN invitation i ON i.thanks_id = r.id)"
    )
    offers = Coupon.select().where(SQL(of_invitations))
    return [(coupon, int(used.get(coupon.id, 0))) for coupon in offers.order_by(Coupon.id.desc())]
