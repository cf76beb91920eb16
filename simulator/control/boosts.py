"""Verbs about boosts of channels."""

from typing import Any

from simulator.actions import boosts
from simulator.control.registry import verb
from simulator.simulation import Simulation

Doc = dict[str, Any]


@verb("boost")
def boost(sim: Simulation, body: Doc) -> Doc:
    channel, kind, days = sim.world.channel(body["chat"]), str(body.get("kind", "premium")), int(body.get("days", 30))
    booster = body.get("user_id")
    given = [
        boosts.give(sim.world, sim.updates, channel, kind=kind, days=days, user_id=booster)
        for _ in range(int(body.get("count", 1)))
    ]
    return {"boost_ids": given}


@verb("prolong_boost")
def prolong_boost(sim: Simulation, body: Doc) -> Doc:
    channel, days = sim.world.channel(body["chat"]), int(body.get("days", 30))
    return {"expires_at": boosts.prolong(sim.world, sim.updates, channel, str(body["boost_id"]), days=days)}


@verb("remove_boost")
def remove_boost(sim: Simulation, body: Doc) -> Doc:
    boosts.end(sim.world, sim.updates, sim.world.channel(body["chat"]), str(body["boost_id"]))
    return {}
