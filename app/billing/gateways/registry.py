"""The gateways that the service knows, one line each, and those that the settings describe."""

from __future__ import annotations

from app.billing.gateways.base import Gateway
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

    def get(self, key: str) -> Gateway:
        """A way to pay. Raises Invalid (field `gateway`) for one that is unknown or not set up."""
        found = self._by_key.get(key)
        if found is None:
            raise Invalid(N_("This way to pay is not set up."), fields={"gateway": "not set up"})
        return found

    def on(self, surface: str) -> list[Gateway]:
        """Those that may be offered on `web` or inside `telegram`, where digital goods are paid in Stars only."""
        return [gateway for gateway in self._by_key.values() if gateway.surface == surface]

    def offered(self, key: str, surface: str) -> Gateway:
        """The same, where it may be offered. Raises Invalid (field `gateway`) on another surface."""
        found = self.get(key)
        if found.surface != surface:
            raise Invalid(N_("This way to pay is not offered here."), fields={"gateway": "other surface"})
        return found
