"""Payments in Stars: an invoice, a question to the bot, a charge, its renewals (core.telegram.org/bots/payments-stars)."""

import json
from typing import Any

from simulator.actions import private
from simulator.content import Content
from simulator.model import Bot, User
from simulator.shapes import private_json, user_json
from simulator.simulation import Simulation
from simulator.world import Refused

Doc = dict[str, Any]
PERIOD_S = 2_592_000
ANSWER_WITHIN_S = 10


def make_invoice(sim: Simulation, bot: Bot, invoice: Doc) -> str:
    """Keep an invoice and return its link."""
    slug = f"{sim.world.rng.randrange(16**16):016x}"
    sim.world.store.put("invoice", slug, {"bot_id": bot.id, **invoice})
    return f"{sim.base_url}/invoice/{slug}"


def invoice_of(sim: Simulation, link: str) -> Doc:
    """The invoice behind a link or its last part."""
    found = sim.world.store.get("invoice", link.rstrip("/").rsplit("/", 1)[-1])
    if found is None:
        raise Refused("no such invoice")
    return found


def ask(sim: Simulation, user: User, link: str) -> str:
    """A person presses Pay: the bot is asked. Returns the id of the question."""
    invoice = invoice_of(sim, link)
    bot, query_id = sim.world.bot(invoice["bot_id"]), str(sim.world.rng.randrange(10**17, 10**18))
    asked = {"user_id": user.id, "bot_id": bot.id, "invoice": invoice, "at": sim.world.clock.now(), "answer": None}
    sim.world.store.put("star_query", query_id, asked)
    query: Doc = {
        "id": query_id,
        "from": user_json(user),
        "currency": "XTR",
        "total_amount": invoice["amount"],
        "invoice_payload": invoice["payload"],
    }
    sim.updates.emit(bot, "pre_checkout_query", user.id, query)
    return query_id


def answer(sim: Simulation, bot: Bot, query_id: str, *, is_ok: bool, why: str) -> None:
    """The bot's answer; a yes in time takes the Stars."""
    asked = sim.world.store.get("star_query", query_id)
    if asked is None or asked["bot_id"] != bot.id or asked["answer"] is not None:
        raise Refused("query is too old and response timeout expired or query ID is invalid")
    if sim.world.clock.now() - asked["at"] > ANSWER_WITHIN_S:
        raise Refused("query is too old and response timeout expired or query ID is invalid")
    told = {"ok": is_ok, "why": why, "after_s": sim.world.clock.now() - asked["at"], "charge_id": None}
    if is_ok:
        invoice = asked["invoice"]
        told["charge_id"] = charge(sim, bot, sim.world.user(asked["user_id"]), invoice["payload"], invoice["amount"])
    sim.world.store.put("star_query", query_id, asked | {"answer": told})


def outcome(sim: Simulation, query_id: str) -> Doc | None:
    """What the bot answered, None while it has not."""
    asked = sim.world.store.get("star_query", query_id) or {}
    told: Doc | None = asked.get("answer")
    return told


def charge(sim: Simulation, bot: Bot, user: User, payload: str, amount: int, *, first: str = "") -> str:
    """Take Stars and tell the bot; a renewal names the first charge of its subscription."""
    charge_id, now = f"stx{sim.world.rng.randrange(16**30):030x}", sim.world.clock.now()
    until = int(now) + PERIOD_S
    known = {"charge_id": charge_id, "bot_id": bot.id, "user_id": user.id, "payload": payload, "amount": amount}
    doc = known | {"at": now, "first": first or charge_id, "until": until, "state": "active", "is_refunded": False}
    sim.world.store.put("star_charge", charge_id, doc)
    _journal(sim, "charge", doc)
    payment: Doc = {
        "currency": "XTR",
        "total_amount": amount,
        "invoice_payload": payload,
        "telegram_payment_charge_id": charge_id,
        "provider_payment_charge_id": "",
        "subscription_expiration_date": until,
        "is_recurring": True,
    }
    if not first:
        payment["is_first_recurring"] = True
    _tell(sim, bot, user, "successful_payment", payment, f"Paid {amount} Stars")
    return charge_id


def renew(sim: Simulation, charge_id: str) -> str:
    """Telegram's clock: a further period of the subscription that began with a charge."""
    known = charge_of(sim, charge_id)
    if known["state"] != "active":
        raise Refused("this subscription does not renew")
    bot, user = sim.world.bot(known["bot_id"]), sim.world.user(known["user_id"])
    return charge(sim, bot, user, known["payload"], known["amount"], first=charge_id)


def change(sim: Simulation, charge_id: str, state: str) -> None:
    """The payer stops (`canceled`) or continues (`active`) it, or a renewal cannot be paid (`failed`)."""
    known = charge_of(sim, charge_id)
    if state == "active" and known.get("by_bot"):
        raise Refused("the bot has stopped this subscription")
    sim.world.store.put("star_charge", charge_id, known | {"state": state})
    bot, user = sim.world.bot(known["bot_id"]), sim.world.user(known["user_id"])
    update = {"user": user_json(user), "invoice_payload": known["payload"], "state": state}
    sim.updates.emit(bot, "subscription", user.id, update)


def refund(sim: Simulation, charge_id: str) -> None:
    """Give a charge back, once, and tell the bot."""
    known = charge_of(sim, charge_id)
    if known["is_refunded"]:
        raise Refused("CHARGE_ALREADY_REFUNDED")
    gone = {"is_refunded": True, "refunded_at": sim.world.clock.now()}
    sim.world.store.put("star_charge", charge_id, known | gone)
    _journal(sim, "refund", known)
    told = {
        "currency": "XTR",
        "total_amount": known["amount"],
        "invoice_payload": known["payload"],
        "telegram_payment_charge_id": charge_id,
    }
    bot, user = sim.world.bot(known["bot_id"]), sim.world.user(known["user_id"])
    _tell(sim, bot, user, "refunded_payment", told, f"Refunded {known['amount']} Stars")


def charge_of(sim: Simulation, charge_id: str) -> Doc:
    found = sim.world.store.get("star_charge", charge_id)
    if found is None:
        raise Refused("CHARGE_NOT_FOUND")
    return found


def charges(sim: Simulation) -> list[Doc]:
    return list(sim.world.store.load("star_charge"))


def _tell(sim: Simulation, bot: Bot, user: User, kind: str, doc: Doc, words: str) -> None:
    """A service message in the private chat; the phone shows its words."""
    (message,) = private.add_messages(sim.world, bot, user, [Content(text=words)], is_from_bot=False)
    shown = private_json(sim.world, message)
    shown.pop("text", None)
    sim.updates.emit(bot, "message", user.id, shown | {kind: doc})


def _journal(sim: Simulation, what: str, charge: Doc) -> None:
    now = sim.world.clock.now()
    entry = {"at_ms": int(now * 1000), "bot_id": charge["bot_id"], "method": f"stars.{what}", "params": charge}
    sim.world.store.add_journal(json.loads(json.dumps(entry)))
