"""The gateways that the service knows, one line each, and those that the settings describe."""

from __future__ import annotations

from collections.abc import Iterator

from app.billing.gateways.base import Gateway, OfSeveralCurrencies
from app.billing.gateways.click.link import Click
from app.billing.gateways.payme.link import Payme
from app.billing.gateways.stars.link import Stars
from app.billing.gateways.stripe.link import Stripe
from app.core.errors import Invalid
from app.core.i18n import N_
from app.core.settings import Settings

KNOWN = (Payme, Click, Stripe, Stars)


class Gateways:
    """The ways to pay that are set up."""

    def __init__(self, settings: Settings) -> None:
        made = [known.from_settings(settings) for known in KNOWN]
        self._by_key: dict[str, Gateway] = {one.key: one for one in made if one is not None}

    def get(self, key: str, currency: str = "") -> Gateway:
        """A way to pay, for prices in a currency, or in its first.

        Raises Invalid: field `gateway` for one that is unknown or not set up, `currency` for one that it does not take.
        """
        found = self._by_key.get(key)
        if found is None:
            raise Invalid(N_("This way to pay is not set up."), fields={"gateway": "not set up"})
        for one in _each(found):
            if one.currency == (currency or found.currency):
                return one
        raise Invalid(N_("This plan is not for sale in this currency."), fields={"currency": "not sold"})

    def on(self, surface: str) -> list[Gateway]:
        """Those that may be offered on `web` or inside `telegram`, where digital goods are paid in Stars only; one of
        several currencies once for each."""
        return [one for gateway in self._by_key.values() if gateway.surface == surface for one in _each(gateway)]

    def offered(self, key: str, surface: str, currency: str = "") -> Gateway:
        """As `get`, where it may be offered. Raises Invalid (field `gateway`) on another surface."""
        found = self.get(key, currency)
        if found.surface != surface:
            raise Invalid(N_("This way to pay is not offered here."), fields={"gateway": "other surface"})
        return found


def _each(gateway: Gateway) -> Iterator[Gateway]:
    """A way to pay, once for each of its currencies, the first one first."""
    if isinstance(gateway, OfSeveralCurrencies):
        yield from (gateway.in_currency(currency) for currency in gateway.currencies)
    else:
        yield gateway
