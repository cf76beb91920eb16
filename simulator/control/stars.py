"""Verbs about Stars: paying an invoice, and what Telegram's clock and the payer do to a subscription."""

from typing import Any

from simulator.actions import stars
from simulator.control.registry import verb
from simulator.simulation import Simulation

Doc = dict[str, Any]


@verb("stars/pay")
def pay(sim: Simulation, body: Doc) -> Doc:
    """A person presses Pay; the bot is asked first, see stars/outcome."""
    return {"query_id": stars.ask(sim, sim.world.user(int(body["user_id"])), str(body["link"]))}


@verb("stars/outcome")
def outcome(sim: Simulation, body: Doc) -> Doc:
    """What the bot answered to a question before a payment; null while it has not."""
    return {"outcome": stars.outcome(sim, str(body["query_id"]))}


@verb("stars/renew")
def renew(sim: Simulation, body: Doc) -> Doc:
    """Telegram takes the Stars for a further period; the charge is the first one of the subscription."""
    return {"charge_id": stars.renew(sim, str(body["charge_id"]))}


@verb("stars/change")
def change(sim: Simulation, body: Doc) -> Doc:
    """The payer stops or continues a subscription, or cannot pay: canceled, active, failed."""
    stars.change(sim, str(body["charge_id"]), str(body["state"]))
    return {}


@verb("stars/refund")
def refund(sim: Simulation, body: Doc) -> Doc:
    """Telegram gives a charge back by itself, as for a refund in the store."""
    stars.refund(sim, str(body["charge_id"]))
    return {}


@verb("stars/charges")
def charges(sim: Simulation, body: Doc) -> Doc:
    """All charges, the oldest first."""
    return {"charges": sorted(stars.charges(sim), key=lambda one: float(one["at"]))}
