"""What the bot has to do at Telegram for Stars: make links, stop and continue renewals, send refunds. Rows say what is due."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from app.core import db

_AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class LinkWanted:
    """An open order without a link; `language` is that of whoever ordered."""

    order_id: int
    public_id: str
    plan: str
    amount: int
    language: str


@dataclass(frozen=True, slots=True)
class Renewal:
    """A Telegram subscription, named by its first charge, that is to be stopped or continued."""

    charge_id: str
    telegram_user_id: int
    is_stopped: bool


@dataclass(frozen=True, slots=True)
class RefundDue:
    """A payment whose Stars are to go back."""

    refund_id: int
    charge_id: str
    telegram_user_id: int


def links_wanted(now: datetime) -> list[LinkWanted]:
    """The oldest open orders that Telegram was not asked about, or not lately."""
    rows = db.rows(
        "SELECT o.id, o.public_id, o.plan, o.amount_minor, COALESCE(u.language, 'en') FROM checkout_order o"
        ' LEFT JOIN star_link l ON l.order_id = o.id LEFT JOIN "user" u ON u.id = o.created_by_id'
        " WHERE o.gateway = 'stars' AND o.state = 'open' AND o.expires_at > ? AND l.url IS NULL"
        " AND (l.retry_at IS NULL OR l.retry_at <= ?) ORDER BY o.id LIMIT ?",
        *(db.stamp(now), db.stamp(now), _AT_ONCE),
    )
    return [LinkWanted(*row) for row in rows]


def link_made(order_id: int, url: str, *, now: datetime) -> None:
    """Keep a link; the first one stays."""
    with db.write():
        db.execute(
            "INSERT INTO star_link (order_id, url, made_at) VALUES (?, ?, ?) ON CONFLICT (order_id) DO UPDATE"
            " SET url = excluded.url, made_at = excluded.made_at, error = NULL WHERE star_link.url IS NULL",
            *(order_id, url, db.stamp(now)),
        )


def link_failed(order_id: int, error: str, *, wait: timedelta, now: datetime) -> None:
    """Ask for it again after a while."""
    with db.write():
        db.execute(
            "INSERT INTO star_link (order_id, error, retry_at) VALUES (?, ?, ?) ON CONFLICT (order_id) DO UPDATE"
            " SET error = excluded.error, retry_at = excluded.retry_at",
            *(order_id, error[:200], db.stamp(now + wait)),
        )


# Of a first payment `p` for the order `o`: something of it goes back, or a newer one took its place.
_GIVEN_BACK = "EXISTS (SELECT 1 FROM refund r WHERE r.payment_id = {}.payment_id)"
_IS_GONE = (
    f"({_GIVEN_BACK.format('p')} OR EXISTS (SELECT 1 FROM star_payment n JOIN checkout_order m ON m.id = n.order_id"
    " WHERE m.subscription_id = o.subscription_id AND n.is_first AND n.id > p.id"
    f" AND NOT {_GIVEN_BACK.format('n')}))"
)
_IS_STOPPED = f"(s.id IS NULL OR s.is_ending OR s.ended_at IS NOT NULL OR {_IS_GONE})"


def renewals_to_tell() -> list[Renewal]:
    """Telegram subscriptions of which Telegram knows otherwise than we do whether they go on."""
    rows = db.rows(
        f"SELECT p.charge_id, p.telegram_user_id, {_IS_STOPPED} FROM star_payment p"
        " JOIN checkout_order o ON o.id = p.order_id LEFT JOIN subscription s ON s.id = o.subscription_id"
        f" WHERE p.is_first AND p.expires_at IS NOT NULL AND p.is_stop_told <> {_IS_STOPPED} ORDER BY p.id LIMIT ?",
        _AT_ONCE,
    )
    return [Renewal(charge_id, user_id, bool(is_stopped)) for charge_id, user_id, is_stopped in rows]


def renewal_told(renewal: Renewal) -> None:
    """Telegram knows. What was stopped renews again only when its payer says so there, which we then allow."""
    with db.write():
        db.execute(
            "UPDATE star_payment SET is_stop_told = ?, is_dormant = (is_dormant OR ?) WHERE charge_id = ?",
            *(renewal.is_stopped, renewal.is_stopped, renewal.charge_id),
        )


_RUNNING = (
    "SELECT p.is_dormant FROM star_payment p JOIN checkout_order o ON o.id = p.order_id"
    f" WHERE {{}} AND p.is_first AND NOT {_IS_GONE}"
)


def is_running(first_order_id: int) -> bool:
    """Whether the Telegram subscription that began with an order is the one that holds: not given back, not replaced."""
    return db.row(_RUNNING.format("p.first_order_id = ?"), first_order_id) is not None


def is_dormant(subscription_id: int) -> bool:
    """Whether Telegram will not renew a subscription unless its payer starts it again there."""
    return bool((db.row(_RUNNING.format("o.subscription_id = ?"), subscription_id) or (False,))[0])


def refunds_due() -> list[RefundDue]:
    """Stars that are to go back, the oldest first."""
    rows = db.rows(
        "SELECT r.id, p.charge_id, p.telegram_user_id FROM refund r JOIN star_payment p ON p.payment_id = r.payment_id"
        " WHERE r.state = 'due' ORDER BY r.id LIMIT ?",
        _AT_ONCE,
    )
    return [RefundDue(*row) for row in rows]
