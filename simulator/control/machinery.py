"""Verbs about time, life, faults, raw updates and signed Mini App data."""

import hashlib
import hmac
import json
import secrets
import time
from typing import Any
from urllib.parse import urlencode

from simulator.beginning import reset
from simulator.clock import iso, parse_moment
from simulator.control.registry import verb
from simulator.faults import Fault
from simulator.limits import Limits
from simulator.model import Bot, User
from simulator.simulation import Simulation
from simulator.world import Refused

Doc = dict[str, Any]


@verb("clock")
def clock(sim: Simulation, body: Doc) -> Doc:
    """Turn the clock, or just read it when the body is empty."""
    ours = sim.world.clock
    if "now" in body:
        ours.set(parse_moment(body["now"]))
    if "advance_s" in body:
        ours.advance(float(body["advance_s"]))
    if "rate" in body:
        ours.set_rate(float(body["rate"]))
    if body:
        sim.world.save_clock()
    now = ours.now()
    return {"now": iso(now), "timestamp": now, "rate": ours.rate}


@verb("life")
def life(sim: Simulation, body: Doc) -> Doc:
    sim.world.life["on"] = bool(body["on"])
    if body.get("interval_s") is not None:
        sim.world.life["interval_s"] = max(0.05, float(body["interval_s"]))
    sim.world.save_life()
    return {"life": sim.world.life}


@verb("faults")
def faults(sim: Simulation, body: Doc) -> Doc:
    fault = Fault(
        method=str(body.get("method", "*")),
        kind=str(body["kind"]),
        times=int(body.get("times", 1)),
        retry_after=int(body.get("retry_after", 3)),
        delay_s=float(body.get("delay_s", 1)),
        share=float(body.get("share", 1)),
    )
    sim.faults.arm(fault)
    return {"armed": len(sim.faults.armed)}


@verb("limits")
def limits(sim: Simulation, body: Doc) -> Doc:
    """Switch the limits on sending and set them; what was counted before is forgotten."""
    usual = Limits()
    sim.limits = Limits(
        is_on=bool(body["on"]),
        per_bot_s=int(body.get("per_bot_s", usual.per_bot_s)),
        per_chat_s=float(body.get("per_chat_s", usual.per_chat_s)),
        per_channel_min=int(body.get("per_channel_min", usual.per_channel_min)),
    )
    return {"limits": sim.limits.to_doc()}


@verb("faults/clear")
def clear_faults(sim: Simulation, body: Doc) -> Doc:
    sim.faults.armed.clear()
    return {}


@verb("reset")
def begin_again(sim: Simulation, body: Doc) -> Doc:
    reset(sim)
    return {}


@verb("raw_update")
def raw_update(sim: Simulation, body: Doc) -> Doc:
    """Queue any JSON as an update, past all filters: for recorded and for unknown kinds."""
    update = body["update"]
    if not isinstance(update, dict):
        raise Refused("update is an object")
    parts = (value for value in update.values() if isinstance(value, dict))
    chat_key = next((part["chat"]["id"] for part in parts if isinstance(part.get("chat"), dict)), 0)
    return {"update_id": sim.updates.push(sim.world.bot(body.get("bot_id")), int(chat_key), update)}


@verb("init_data")
def init_data(sim: Simulation, body: Doc) -> Doc:
    user, bot = sim.world.user(body["user_id"]), sim.world.bot(body.get("bot_id"))
    # Freshness is judged by the product's own clock, which nobody turns: hence real time.
    moment = int(parse_moment(body.get("auth_date", time.time())))
    return {"init_data": signed_init_data(user, bot, moment, body.get("start_param"))}


def signed_init_data(user: User, bot: Bot, auth_date: int, start_param: str | None = None) -> str:
    """Mini App launch data (core.telegram.org/bots/webapps): HMAC over the sorted lines."""
    person: Doc = {"id": user.id, "first_name": user.first_name, "last_name": ""}
    person |= {"username": user.username} if user.username else {}
    person |= {"language_code": user.language_code or "en", "allows_write_to_pm": True}
    fields = {
        "query_id": f"AA{secrets.token_hex(12)}",  # another for each launch, two of one second included
        "user": json.dumps(person, ensure_ascii=False, separators=(",", ":")),
        "auth_date": str(auth_date),
    }
    fields |= {"start_param": start_param} if start_param else {}
    lines = "\n".join(f"{key}={fields[key]}" for key in sorted(fields))
    key = hmac.new(b"WebAppData", bot.token.encode(), hashlib.sha256).digest()
    fields["hash"] = hmac.new(key, lines.encode(), hashlib.sha256).hexdigest()
    return urlencode(fields)
