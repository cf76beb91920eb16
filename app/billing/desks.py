"""The gateways that our side calls: who charges saved cards, and what each is to be asked or told. Not in the web process."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from functools import cached_property
from typing import cast

from app.billing.gateways.base import Charger, Clerk, Issuer, Line
from app.billing.service import cards, collecting, fiscal, refunding, statements
from app.billing.service.cards import Vault
from app.billing.service.counter import DomainOrders
from app.core import db
from app.core.crypto import Sealer
from app.core.settings import Settings

_BY_DESK = frozenset({"stripe", "payme", "click"})  # who give money back when our desk asks them to


class Desks:
    """Made from the settings; an adapter is imported when it is first needed."""

    def __init__(self, role: str, settings: Settings, sealer: Sealer) -> None:
        self._is_web, self._settings = role == "web", settings
        self._vault = Vault(sealer, *settings.secret_keys)

    def __iter__(self) -> Iterator[str]:
        """The gateways that have a desk."""
        return iter(self.chargers)

    @cached_property
    def chargers(self) -> Mapping[str, Charger]:
        """Those that charge saved cards, by key."""
        if self._is_web:
            raise RuntimeError("web calls gateways never; the worker does")
        return dict(self._chargers())

    def _chargers(self) -> Iterator[tuple[str, Charger]]:
        settings = self._settings
        if self._stripe_key:
            from app.billing.gateways.stripe.api import StripeApi
            from app.billing.gateways.stripe.charger import StripeCharger  # Stripe's library: 20 MiB

            yield "stripe", StripeCharger(StripeApi(self._stripe_key, settings.stripe_api_url))
        if settings.payme_merchant_id and settings.payme_key.get_secret_value():
            from app.billing.gateways.payme.subscribe import PaymeCards

            who = settings.payme_merchant_id, settings.payme_key.get_secret_value()
            yield "payme", PaymeCards(settings.payme_api_url, *who, fiscal=self._codes)
        if settings.click_service_id and settings.click_merchant_user_id:
            from app.billing.gateways.click.merchant import ClickCards

            ours = settings.click_service_id, settings.click_merchant_user_id
            secret, settles = settings.click_secret_key.get_secret_value(), timedelta(seconds=settings.click_settles_s)
            yield "click", ClickCards(settings.click_api_url, *ours, secret, settles_after=settles, fiscal=self._codes)

    @property
    def _codes(self) -> tuple[str, str]:
        return self._settings.fiscal_ikpu, self._settings.fiscal_package_code

    @property
    def _stripe_key(self) -> str:
        return self._settings.stripe_secret_key.get_secret_value()

    def run(self, gateway: str, now: datetime) -> tuple[list[str], datetime | None]:
        """A turn of a gateway's desk: what was done, and when the next is due."""
        done: list[str] = []
        moments: list[datetime | None] = []
        if gateway == "stripe" and self._stripe_key:
            from app.billing.gateways.stripe.api import StripeApi
            from app.billing.gateways.stripe.desk import StripeDesk

            api = StripeApi(self._stripe_key, self._settings.stripe_api_url)
            told, at = StripeDesk(DomainOrders(self._vault), api, self._settings.base_url).run(now)
            done, moments = told, [at]
        charger = self.chargers.get(gateway)
        if charger is not None:
            sent = refunding.send_due(gateway, charger, now=now)
            done += [f"{sent} refunds sent"] if sent else []
            if gateway == "click" and self._settings.fiscal_ikpu:
                told, again = self._receipts(gateway, cast(Clerk, charger), now)
                done += told
                moments.append(again)
            if gateway == "payme":
                told_of, again = cards.check_offered(gateway, cast(Issuer, charger), self._vault, now=now)
                done += [f"{told_of} cards checked"] if told_of else []
                moments.append(again)
            left, again = collecting.go_on_left(gateway, collecting.Collector(self.chargers, self._vault), now=now)
            done += [f"{left} charges of ended subscriptions looked up"] if left else []
            moments.append(again)
            told, again = self._statement(gateway, charger, now)
            done += told
            moments.append(again)
            gone = cards.forget_removed(gateway, charger, self._vault)
            done += [f"{gone} cards forgotten"] if gone else []
            moments.append(refunding.next_at(gateway, now=now))
        elif gateway in _BY_DESK:
            owed = refunding.name_unsendable(gateway, now=now)
            done += [f"{owed} refunds to be sent by hand"] if owed else []
        return done, min((at for at in moments if at is not None), default=None)

    def _statement(self, gateway: str, charger: Charger, now: datetime) -> tuple[list[str], datetime | None]:
        """Once an hour: what the gateway took, against our books."""
        if gateway == "stripe":
            return [], None  # its desk reads Stripe's whole list of money
        if statements.next_at(gateway) > now:
            return [], statements.next_at(gateway)
        since = now - statements.BACK
        begun = collecting.begun_since(gateway, self._vault, since, now=now)
        stated = charger.taken(since, now, begun)
        asked = {one.ref for one in begun}
        healed = statements.compare(gateway, stated, asked, now=now) if stated is not None else 0
        return ([f"{healed} healed from the statement"] if healed else []), now + statements.EVERY

    def _receipts(self, gateway: str, clerk: Clerk, now: datetime) -> tuple[list[str], datetime | None]:
        """Fiscal receipts that the gateway wants from us."""
        counter = DomainOrders(self._vault)

        def lines_of(order_id: int) -> list[Line]:
            with db.write():
                return counter.lines(counter.held_by_id(order_id))

        made = fiscal.hand_in_due(gateway, clerk, lines_of, now=now)
        return ([f"{made} receipts handed in"] if made else []), fiscal.next_at(gateway, now=now)
