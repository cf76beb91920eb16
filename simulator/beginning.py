"""What the world holds before anything happens: bots, the demo or recorded data."""

from dataclasses import asdict

from simulator.actions import chats
from simulator.clock import Clock
from simulator.demo.scenario import make_demo
from simulator.faults import Faults
from simulator.limits import Limits
from simulator.model import DEFAULT_BOT_RIGHTS, Bot, User
from simulator.options import Options
from simulator.replay import load_replay
from simulator.simulation import Simulation
from simulator.store import Store
from simulator.updates import UpdateQueue
from simulator.world import World

_OPERATOR_ID = 777_000_090


def open_simulation(options: Options) -> Simulation:
    """Continue from the state folder, or begin."""
    store = Store(options.state)
    known = store.get("meta", "clock")
    clock = Clock(**known) if known else Clock.starting_at(options.start, options.rate)
    world = World(store, clock, options.seed)
    world.load()
    world.begin_run()
    queue = UpdateQueue(world)
    queue.load()
    sim = Simulation(world, queue, options, limits=Limits(is_on=options.limits))
    fill(sim, is_first_start=known is None)
    return sim


def reset(sim: Simulation) -> None:
    """Forget everything, journal and faults too, and begin again as a first start would."""
    sim.world.store.wipe()
    sim.world.clear(Clock.starting_at(sim.options.start, sim.options.rate))
    sim.world.begin_run()
    sim.updates.pending.clear()
    sim.faults = Faults()
    sim.limits = Limits(is_on=sim.options.limits)
    sim.epoch += 1
    fill(sim, is_first_start=True)


def fill(sim: Simulation, *, is_first_start: bool) -> None:
    world, options = sim.world, sim.options
    for index, token in enumerate(options.bot_tokens):
        bot = _bot(index, token)
        # A new secret for a known bot is the same bot, as after /revoke.
        known = world.bots.get(bot.id)
        world.save_bot(Bot(**{**asdict(known), "token": token}) if known else bot)
    if options.storage_chat is not None and options.storage_chat not in world.channels:
        _make_storage(world, options.storage_chat)
    if is_first_start:
        world.life["on"] = options.scenario == "demo"
        if options.scenario == "demo" and options.replay is None:
            make_demo(sim)
    if options.replay is not None:
        load_replay(world, options.replay, is_first_start=is_first_start)
    if options.life is not None:
        world.life["on"] = options.life
    world.save_life()
    world.save_clock()
    sim.commit()


def _make_storage(world: World, chat_id: int) -> None:
    """The bot's own private channel. It has always been there: nobody is told that the bot came in."""
    world.save_user(User(_OPERATOR_ID, "Operator", None, "en"))
    channel = chats.make_channel(
        world, username=None, title="Storage", owner_id=_OPERATOR_ID, subscribers=2, chat_id=chat_id
    )
    channel.members[str(world.bot().id)] = {"status": "administrator", "rights": dict(DEFAULT_BOT_RIGHTS)}
    world.save_channel(channel)


def _bot(index: int, token: str) -> Bot:
    bot_id = int(token.split(":")[0])
    if index == 0:
        return Bot(bot_id, token, "AnalyticBotDemoBot", "AnalyticBot (simulated)")
    return Bot(bot_id, token, f"Own{bot_id}Bot", f"Own bot {bot_id} (simulated)")
