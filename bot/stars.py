"""What Telegram has to be told about Stars: invoices to make links of, renewals to stop, payments to give back; and its
list of transactions is held against our books, hourly.

Rows say what is due, so that a crash loses nothing. Each call may be repeated: a second link of an order is forgotten,
stopping twice is no error, and Telegram refunds a charge once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from app.billing.gateways.stars import duties, statement
from app.billing.gateways.stars.duties import LinkWanted, RefundDue, Renewal
from app.billing.gateways.stars.link import SUBSCRIPTION_PERIOD_S
from app.boot import Runtime
from app.core import clock, db, i18n, telemetry
from app.core.errors import Upstream
from app.telegram import service as telegram
from app.telegram.port import StarInvoice, Telegram

_IDLE_S = 0.4
_COMPARE_EVERY = timedelta(hours=1)
_CURSOR, _OVERLAP = "stars-statement", 100
_AGAIN = timedelta(seconds=5)
_REFUSED = timedelta(hours=1)
_GONE_ALREADY = "CHARGE_ALREADY_REFUNDED"


class StarsDesk:
    """Does what is due at Telegram, by the service's bot."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._waits_until = self._compares_at = clock.utcnow()
        self._put_off: dict[str, datetime] = {}  # charges of which Telegram refuses something

    def run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            if not self.turn():
                stop.wait(_IDLE_S)

    def turn(self) -> int:
        """Do what is due now; returns how much of it Telegram answered for."""
        bot = telegram.service_bot()
        if bot is None or clock.utcnow() < self._waits_until:
            return 0
        line = self._runtime.bots.telegram(bot)
        done = sum(self._link(line, wanted) for wanted in duties.links_wanted(clock.utcnow()))
        if clock.utcnow() >= self._compares_at and self._try("", partial(self._compare, line)):
            self._compares_at = clock.utcnow() + _COMPARE_EVERY
        for renewal in duties.renewals_to_tell():
            done += self._try(renewal.charge_id, partial(self._renewal, line, renewal))
        for due in duties.refunds_due():
            done += self._try(due.charge_id, partial(self._refund, line, due))
        return done

    def _link(self, line: Telegram, wanted: LinkWanted) -> bool:
        invoice = StarInvoice(
            title=f"AnalyticBot {wanted.plan.capitalize()}",
            description=i18n.say(i18n.spoken(wanted.language), _DESCRIPTION),
            payload=self._runtime.till.payload(wanted.public_id),
            stars=wanted.amount,
            period_s=SUBSCRIPTION_PERIOD_S,
        )
        try:
            url = line.create_invoice_link(invoice)
        except Upstream as error:
            wait = timedelta(seconds=error.retry_after_s) if error.retry_after_s else _AGAIN
            duties.link_failed(
                wanted.order_id, error.message, wait=_REFUSED if error.permanent else wait, now=clock.utcnow()
            )
            telemetry.log().warning("no link for an invoice in Stars", order=wanted.public_id, error=error.message)
            return False
        duties.link_made(wanted.order_id, url, now=clock.utcnow())
        return True

    def _renewal(self, line: Telegram, renewal: Renewal) -> None:
        """What Telegram refuses for good, as for a subscription that is over, is not asked again; somebody looks."""
        try:
            line.stop_star_renewal(renewal.telegram_user_id, renewal.charge_id, is_stopped=renewal.is_stopped)
        except Upstream as error:
            if not error.permanent:
                raise
            self._doubt(renewal.charge_id, error)
        duties.renewal_told(renewal)

    def _refund(self, line: Telegram, due: RefundDue) -> None:
        """Send Stars back; that Telegram did so already is the answer to a call whose own answer was lost."""
        try:
            line.refund_stars(due.telegram_user_id, due.charge_id)
        except Upstream as error:
            if _GONE_ALREADY not in error.message:
                raise
        self._runtime.till.orders.refund_sent(due.refund_id, now=clock.utcnow())

    def _compare(self, line: Telegram) -> None:
        """Read on in Telegram's list from where we were, with some of what we saw before: a crash repeats, never skips."""
        till, found = self._runtime.till, db.row("SELECT value FROM cursor WHERE name = ?", _CURSOR)
        offset = max(int(found[0]) - _OVERLAP, 0) if found else 0
        while stated := line.star_transactions(offset=offset):
            ours = [one for one in stated if one.payload or one.is_refund]
            if healed := statement.compare(till, ours, now=clock.utcnow()):
                telemetry.log().warning("payments in Stars were found in Telegram's list first", count=healed)
            offset += len(stated)
            with db.write():
                db.execute(
                    "INSERT INTO cursor (name, value) VALUES (?, ?)"
                    " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                    *(_CURSOR, offset),
                )
        statement.name_unstated(till, now=clock.utcnow())

    def _try(self, charge_id: str, call: Callable[[], None]) -> bool:
        """One call. When Telegram is away or asks for patience all wait; what it refuses waits alone, and is doubted."""
        now = clock.utcnow()
        if now < max(self._waits_until, self._put_off.get(charge_id, now)):
            return False
        try:
            call()
        except Upstream as error:
            if error.permanent:
                self._put_off[charge_id] = now + _REFUSED
                self._doubt(charge_id, error)
            else:
                self._waits_until = now + timedelta(seconds=error.retry_after_s or _AGAIN.total_seconds())
                telemetry.log().warning("Telegram did not take what is due for Stars", error=error.message)
            return False
        return True

    def _doubt(self, charge_id: str, error: Upstream) -> None:
        telemetry.log().error("Telegram refuses something for Stars", charge_id=charge_id, error=error.message)
        self._runtime.till.orders.doubt("stars", "refused", charge_id, error.message, now=clock.utcnow())


_DESCRIPTION = i18n.N_("For 30 days. Telegram renews it every 30 days until you cancel.")
