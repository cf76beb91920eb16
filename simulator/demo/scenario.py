"""The demo: an owner with three living channels and one that still waits for the bot."""

import random

from simulator.actions import chats
from simulator.clock import iso
from simulator.demo.history import Historian
from simulator.demo.plan import DAYS, NEW_CHANNEL, OWNER_ID, PLANS, PURGE_AFTER_DAYS, Plan
from simulator.demo.subscribers import organic_series, with_attack
from simulator.model import User
from simulator.simulation import Simulation
from simulator.views import DAY
from simulator.world import CHANNEL_ID_BASE

FIRST_ID = CHANNEL_ID_BASE - 1_900_000_001


def make_demo(sim: Simulation) -> None:
    world, now = sim.world, sim.world.clock.now_s()
    world.save_user(User(OWNER_ID, "Dilnoza", "simulated_dilnoza", "uz"))
    bot = world.bot()
    # She has pressed Start before: the bot may write to her.
    world.store.put("started", f"{bot.id}/{OWNER_ID}", {})
    for index, plan in enumerate(PLANS):
        chat_id = FIRST_ID - index
        _make_channel(sim, plan, chat_id, now)
        chats.promote_bot(world, sim.updates, world.channels[chat_id], bot, OWNER_ID, None)
    username, title, subscribers = NEW_CHANNEL
    chats.make_channel(
        world,
        username=username,
        title=title,
        owner_id=OWNER_ID,
        subscribers=subscribers,
        about="Simulated channel. Nothing here is real.",
        chat_id=FIRST_ID - len(PLANS),
        created_at=now - DAY,
    )
    world.store.put("meta", "events", {"events": [event for plan in PLANS for event in _events(plan, now)]})


def _make_channel(sim: Simulation, plan: Plan, chat_id: int, now: int) -> None:
    world = sim.world
    seed = f"{world.seed}:{plan.username}"
    organic = organic_series(plan, now, random.Random(f"{seed}:subscribers"))
    channel = chats.make_channel(
        world,
        username=plan.username,
        title=plan.title,
        owner_id=OWNER_ID,
        subscribers=organic[0][1],
        about=plan.about,
        chat_id=chat_id,
        created_at=now - DAYS * DAY - 1,
    )
    world.add_subscribers(chat_id, with_attack(plan, now, organic))
    historian = Historian(plan, chat_id, now, organic, seed)
    world.save_posts(historian.write())
    channel.next_message_id = historian.next_id
    world.save_channel(channel)


def _events(plan: Plan, now: int) -> list[dict[str, str]]:
    """The truth that a detector should find, for proofs."""
    days = {
        "viral_post": plan.viral_days_ago,
        "bot_attack": plan.attack_days_ago,
        "platform_purge": plan.attack_days_ago and plan.attack_days_ago - PURGE_AFTER_DAYS,
        "ad_unsubscribe_wave": plan.ad_days_ago,
    }
    return [
        {"channel": plan.username, "kind": kind, "at": iso(now - ago * DAY)}
        for kind, ago in days.items()
        if ago is not None
    ]
