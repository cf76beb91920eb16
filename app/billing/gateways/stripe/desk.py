"""All that Stripe is to be asked or told: pages to pay on, events to follow, refunds, its list of money. Rows say what is due."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import stripe

from app.billing.gateways.base import Orders
from app.billing.gateways.stripe import statement
from app.billing.gateways.stripe.api import StripeApi, moment_s
from app.billing.gateways.stripe.link import Stripe
from app.billing.gateways.stripe.models import StripeCustomer, StripeEvent
from app.billing.gateways.stripe.news import News, NotYet
from app.core import db

_AT_ONCE = 50
_PAGE_LIFE = timedelta(hours=23)  # Stripe keeps a page for a day at the most
_MOST_TRIES, _LONGEST = 40, timedelta(minutes=5)
_AGAIN = timedelta(seconds=10)
_WANTED = (
    "FROM checkout_order o LEFT JOIN stripe_session s ON s.order_id = o.id WHERE o.gateway = 'stripe' AND o.state = 'open'"
    " AND o.expires_at > ? AND (s.url IS NULL OR s.made_at < ?) AND (s.retry_at IS NULL OR s.retry_at <= ?)"
    " AND NOT EXISTS (SELECT 1 FROM payment p WHERE p.order_id = o.id AND p.state IN ('created', 'unknown'))"
)


class StripeDesk:
    """Implements the turn of a gateway's desk. Each piece of work is a transaction of its own; twice is harmless."""

    def __init__(self, orders: Orders, api: StripeApi, base_url: str) -> None:
        self._api, self._base_url = api, base_url
        self._orders, self._news = orders, News(orders, api)

    def run(self, now: datetime) -> tuple[list[str], datetime]:
        """Do what is due. Returns what was done, and when the next is."""
        done = [*self._follow_events(now), *self._make_pages(now), *self._make_card_pages(now)]
        stated = statement.compare(self._orders, self._news, self._api, now=now)
        if stated:
            done.append(f"{stated} healed from the statement")
        return done, self._next_at(now)

    def _next_at(self, now: datetime) -> datetime:
        at = [statement.next_at()]
        found = db.row("SELECT MIN(COALESCE(retry_at, received_at)) FROM stripe_event WHERE handled_at IS NULL")
        at += [db.moment(found[0])] if found and found[0] is not None else []
        failed = db.row(
            "SELECT MIN(s.retry_at) FROM stripe_session s LEFT JOIN checkout_order o ON o.id = s.order_id"
            " WHERE s.url IS NULL AND s.retry_at IS NOT NULL AND s.done_at IS NULL AND (o.id IS NULL OR o.state = 'open')"
        )
        at += [db.moment(failed[0])] if failed and failed[0] is not None else []
        return max(min(at), now + timedelta(seconds=1))

    def _follow_events(self, now: datetime) -> list[str]:
        found = db.rows(
            "SELECT id, kind, about, tries FROM stripe_event WHERE handled_at IS NULL AND (retry_at IS NULL OR"
            " retry_at <= ?) ORDER BY id LIMIT ?",
            *(db.stamp(now), _AT_ONCE),
        )
        handled = sum(self._follow_one(*row, now=now) for row in found)
        return [f"{handled} events followed"] if handled else []

    def _follow_one(self, row_id: int, kind: str, about: str, tries: int, *, now: datetime) -> bool:
        try:
            self._news.follow(kind, about, now=now)
        except stripe.InvalidRequestError as error:
            self._give_up(row_id, about, f"{error.code}: {error.user_message or ''}", now=now)
            return False
        except (stripe.StripeError, NotYet) as error:
            if tries >= _MOST_TRIES:
                self._give_up(row_id, about, type(error).__name__, now=now)
                return False
            wait = min(timedelta(seconds=2 ** min(tries, 10)), _LONGEST)
            with db.write():
                db.execute(
                    "UPDATE stripe_event SET tries = tries + 1, retry_at = ?, error = ? WHERE id = ?",
                    *(db.stamp(now + wait), type(error).__name__, row_id),
                )
            return False
        with db.write():
            db.execute("UPDATE stripe_event SET handled_at = ?, error = NULL WHERE id = ?", db.stamp(now), row_id)
        return True

    def _give_up(self, row_id: int, about: str, error: str, *, now: datetime) -> None:
        with db.write():
            StripeEvent.update(handled_at=now, error=error[:200]).where(StripeEvent.id == row_id).execute()
            self._orders.doubt(Stripe.key, "event", about, error, now=now)

    def _make_pages(self, now: datetime) -> list[str]:
        """A page for each open order that has none, or whose page is over."""
        stale = db.stamp(now - _PAGE_LIFE)
        found = db.rows(
            f"SELECT o.id, o.public_id, o.workspace_id, o.plan, o.amount_minor, o.currency {_WANTED} ORDER BY o.id LIMIT ?",
            *(db.stamp(now), stale, db.stamp(now), _AT_ONCE),
        )
        made = sum(self._make_page(*row, now=now) for row in found)
        return [f"{made} pages made"] if made else []

    def _make_page(
        self, order_id: int, public_id: str, workspace_id: int, plan: str, amount: int, currency: str, *, now: datetime
    ) -> bool:
        back = f"{self._base_url}/orders/{public_id}"
        asked = {
            "mode": "payment",
            "client_reference_id": public_id,
            "line_items": [
                {
                    "quantity": 1,
                    "price_data": {
                        "currency": currency.lower(),
                        "unit_amount": amount,
                        "product_data": {"name": f"AnalyticBot {plan.capitalize()}"},
                    },
                }
            ],
            "payment_intent_data": {"setup_future_usage": "off_session", "metadata": {"order": public_id}},
            "metadata": {"order": public_id},
        }
        return self._open(order_id, workspace_id, f"order:{public_id}", asked, back, now=now)

    def _make_card_pages(self, now: datetime) -> list[str]:
        """A page on which a card is saved, for each that somebody asked for."""
        found = db.rows(
            "SELECT id, workspace_id FROM stripe_session WHERE order_id IS NULL AND url IS NULL AND done_at IS NULL AND"
            " asked_at > ? AND (retry_at IS NULL OR retry_at <= ?) ORDER BY id LIMIT ?",
            *(db.stamp(now - _PAGE_LIFE), db.stamp(now), _AT_ONCE),
        )
        for row_id, workspace_id in found:
            asked = {"mode": "setup", "currency": Stripe.currencies[0].lower()}
            self._open(
                None, workspace_id, f"card:{row_id}", asked, f"{self._base_url}/billing/cards", now=now, row=row_id
            )
        return [f"{len(found)} pages for cards made"] if found else []

    def _open(
        self,
        order_id: int | None,
        workspace_id: int,
        key: str,
        asked: Mapping[str, object],
        back: str,
        *,
        now: datetime,
        row: int | None = None,
    ) -> bool:
        """Ask for a page and keep its address; what fails is tried again."""
        try:
            customer = self._customer(workspace_id, now=now)
            session = self._api.ask(
                "post",
                "/v1/checkout/sessions",
                f"{key}:{now:%Y%m%d%H}",
                **asked,
                customer=customer,
                success_url=back,
                cancel_url=back,
                expires_at=moment_s(now + _PAGE_LIFE + timedelta(minutes=30)),
            )
            facts: tuple[object, ...] = (session["id"], session["url"], None, None, db.stamp(now))
        except stripe.StripeError as error:
            facts = (
                None,
                None,
                f"{type(error).__name__}: {error.user_message or ''}"[:200],
                db.stamp(now + _AGAIN),
                None,
            )
        with db.write():
            if row is not None:
                db.execute(
                    "UPDATE stripe_session SET session = ?, url = ?, error = ?, retry_at = ?, made_at = ? WHERE id = ?",
                    *(*facts, row),
                )
            else:
                db.execute(
                    "INSERT INTO stripe_session (order_id, workspace_id, asked_at, session, url, error, retry_at, made_at)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (order_id) DO UPDATE SET session = excluded.session,"
                    " url = excluded.url, error = excluded.error, retry_at = excluded.retry_at, made_at = excluded.made_at",
                    *(order_id, workspace_id, db.stamp(now), *facts),
                )
        return facts[1] is not None

    def _customer(self, workspace_id: int, *, now: datetime) -> str:
        """Stripe's name of the payer of a workspace, made the first time."""
        found = db.row(
            "SELECT a.id, a.public_id, c.customer FROM workspace_payer p JOIN billing_account a ON a.id = p.account_id"
            " LEFT JOIN stripe_customer c ON c.account_id = a.id WHERE p.workspace_id = ?",
            workspace_id,
        )
        assert found is not None, "who orders has a payer"
        account_id, public_id, known = found
        if known:
            return str(known)
        made = self._api.ask("post", "/v1/customers", f"account:{public_id}", metadata={"account": public_id})
        with db.write():
            StripeCustomer.insert(
                account_id=account_id, customer=made["id"], made_at=now
            ).on_conflict_ignore().execute()
        return str(made["id"])
