"""Referrals: a workspace invites by a code of its own. Who comes pays less for the first period; who invited, for one of
theirs, once that first period was paid for with money.

The code is a coupon, for payers who never paid before. The thanks are a redemption too, with one period more for each who
came: they make a renewal cheaper while no other coupon does.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime

from app.audit import service as audit
from app.billing.coupon_models import CouponRedemption, Invitation
from app.billing.gateways.base import OPEN
from app.billing.money_models import CheckoutOrder
from app.billing.service import coupons, payers
from app.core import db
from app.core.i18n import N_

GUEST_PERCENT = THANKS_PERCENT = 20
_ALPHABET = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"  # none that is read as another
_LENGTH = 8
_RAISE = "raise"  # the rest of a period by a larger plan: a coupon's second order, not its second period


@dataclass(frozen=True, slots=True)
class Invited:
    """How an invitation stands. `came`: those whose first period it made cheaper; `left`: periods that are still to be
    made cheaper for who invited."""

    code: str
    came: int
    left: int


def invite(workspace_id: int, *, user_id: int | None, now: datetime) -> Invited:
    """The workspace's invitation, made when it is first asked for; asking twice gives the same."""
    with db.write():
        account = payers.payer_of(workspace_id, now=now)
        if of_workspace(workspace_id) is None:
            guests = coupons.offered(_code("JOIN"), percent=GUEST_PERCENT, is_for_new=True, now=now)
            thanks = coupons.offered(_code("THANKS"), percent=THANKS_PERCENT, most_redemptions=1, now=now)
            own = CouponRedemption.create(
                workspace=workspace_id, account=account.id, coupon=thanks.id, state=coupons.HELD, periods_left=0, at=now
            )
            Invitation.create(workspace=workspace_id, coupon=guests.id, thanks=own.id, created_at=now)
            actor, subject = f"user:{user_id}", f"coupon:{guests.code}"
            audit.record("invitation.created", actor=actor, subject=subject, workspace_id=workspace_id, now=now)
    found = of_workspace(workspace_id)
    assert found is not None, "it was made above"
    return found


def _code(word: str) -> str:
    return f"{word}-{''.join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))}"


def of_workspace(workspace_id: int) -> Invited | None:
    """The workspace's invitation, None before it was asked for."""
    found = db.row(
        "SELECT c.code, (SELECT COUNT(*) FROM coupon_redemption g WHERE g.coupon_id = i.coupon_id AND g.state = ?),"
        " t.periods_left FROM invitation i JOIN coupon c ON c.id = i.coupon_id"
        " JOIN coupon_redemption t ON t.id = i.thanks_id WHERE i.workspace_id = ?",
        *(coupons.HELD, workspace_id),
    )
    return Invited(str(found[0]), int(found[1]), int(found[2])) if found else None


def require_guest(code: str, workspace_id: int, *, user_id: int | None) -> None:
    """Nobody invites themselves: not their own workspace, nor another one of a member; and nobody comes twice.

    Raises Invalid (field `coupon`).
    """
    host = db.row(
        "SELECT i.workspace_id FROM invitation i JOIN coupon c ON c.id = i.coupon_id WHERE c.code = ?",
        coupons.spelled(code),
    )
    if host is None:
        return
    is_member = db.row("SELECT 1 FROM membership WHERE workspace_id = ? AND user_id = ?", host[0], user_id) is not None
    if host[0] == workspace_id or is_member:
        raise coupons.refused(N_("This is your own invitation: it is for others."))
    came = db.row(
        "SELECT 1 FROM checkout_order o JOIN coupon_redemption r ON r.id = o.redemption_id JOIN coupon c ON c.id = r.coupon_id"
        " WHERE c.code = ? AND r.state <> ? AND o.created_by_id = ? AND o.workspace_id <> ? LIMIT 1",
        *(coupons.spelled(code), coupons.RELEASED, user_id, workspace_id),
    )
    if came is not None:
        raise coupons.refused(N_("You have used this coupon already."))


def thank(order: CheckoutOrder) -> None:
    """The first period of who was invited is paid for: one period more is cheaper for who invited. In the transaction."""
    _add(order, 1, "")


def take_thanks_back(order: CheckoutOrder) -> None:
    """That money went back: so do the thanks, unless they were used or an open order goes by them."""
    _add(
        order,
        -1,
        "AND periods_left > 0 AND NOT EXISTS"
        f" (SELECT 1 FROM checkout_order o WHERE o.redemption_id = coupon_redemption.id AND o.state = '{OPEN}')",
    )


def _add(order: CheckoutOrder, periods: int, unless: str) -> None:
    if order.redemption_id is None or order.kind == _RAISE or not order.amount_minor:
        return
    db.execute(
        "UPDATE coupon_redemption SET periods_left = periods_left + ? WHERE id = (SELECT i.thanks_id FROM invitation i"
        f" JOIN coupon_redemption g ON g.coupon_id = i.coupon_id WHERE g.id = ?) {unless}",
        *(periods, order.redemption_id),
    )
