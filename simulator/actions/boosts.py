"""Boosts that people give a channel, and their end; bots that are administrators there are told."""

from typing import Any

from simulator.model import Channel
from simulator.shapes import account_json, chat_json
from simulator.updates import UpdateQueue
from simulator.world import Refused, World

Doc = dict[str, Any]
KINDS = ("premium", "gift_code", "giveaway")
_DAY_S = 86_400


def give(world: World, updates: UpdateQueue, channel: Channel, *, kind: str, days: int, user_id: int | None) -> str:
    """Somebody boosts the channel for so many days; returns the boost's id."""
    if kind not in KINDS:
        raise Refused(f"kind is one of {', '.join(KINDS)}")
    now = world.clock.now_s()
    booster = user_id if user_id is not None else world.rng.randrange(10**9, 9 * 10**9)
    boost_id = f"{world.rng.getrandbits(128):032x}"
    boost = {"boost_id": boost_id, "add_date": now, "expiration_date": now + days * _DAY_S}
    channel.boosts[boost_id] = {**boost, "kind": kind, "user_id": booster, "removed_at": None}
    world.save_channel(channel)
    _tell(world, updates, channel, "chat_boost", {"boost": {**boost, "source": _source(world, kind, booster)}})
    return boost_id


def prolong(world: World, updates: UpdateQueue, channel: Channel, boost_id: str, *, days: int) -> int:
    """The booster's subscription goes on, so the boost lasts longer; returns when it ends now."""
    boost = _standing(channel, boost_id)
    boost["expiration_date"] += days * _DAY_S
    world.save_channel(channel)
    told = {name: boost[name] for name in ("boost_id", "add_date", "expiration_date")}
    source = _source(world, boost["kind"], boost["user_id"])
    _tell(world, updates, channel, "chat_boost", {"boost": {**told, "source": source}})
    return int(boost["expiration_date"])


def end(world: World, updates: UpdateQueue, channel: Channel, boost_id: str) -> None:
    """The boost is taken back or has run out."""
    boost = _standing(channel, boost_id)
    boost["removed_at"] = world.clock.now_s()
    world.save_channel(channel)
    source = _source(world, boost["kind"], boost["user_id"])
    told = {"boost_id": boost_id, "remove_date": boost["removed_at"], "source": source}
    _tell(world, updates, channel, "removed_chat_boost", told)


def active(channel: Channel, moment: float) -> int:
    """How many boosts a channel has at a moment."""
    return sum(
        boost["add_date"] <= moment < (boost["removed_at"] or boost["expiration_date"])
        for boost in channel.boosts.values()
    )


def _standing(channel: Channel, boost_id: str) -> Doc:
    boost: Doc | None = channel.boosts.get(boost_id)
    if boost is None or boost["removed_at"] is not None:
        raise Refused("no such boost")
    return boost


def _source(world: World, kind: str, user_id: int) -> Doc:
    source: Doc = {"source": kind, "user": account_json(world, user_id)}
    return source | ({"giveaway_message_id": 0} if kind == "giveaway" else {})


def _tell(world: World, updates: UpdateQueue, channel: Channel, kind: str, told: Doc) -> None:
    for bot in world.admin_bots(channel):
        updates.emit(bot, kind, channel.chat_id, {"chat": chat_json(channel), **told})
