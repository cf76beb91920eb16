"""Start and end: state is loaded or made, then the server, the webhooks and life run until a signal."""

import asyncio
import signal
from contextlib import suppress

from aiohttp import web

from simulator.botapi.server import add_routes as add_bot_api
from simulator.clock import Clock
from simulator.control.server import add_routes as add_control
from simulator.demo.scenario import make_demo
from simulator.life import live
from simulator.model import Bot
from simulator.options import Options
from simulator.pages.phone import add_routes as add_phone
from simulator.pages.preview import add_routes as add_preview
from simulator.replay import load_replay
from simulator.simulation import Simulation
from simulator.store import Store
from simulator.updates import UpdateQueue
from simulator.webhook import WebhookSender
from simulator.world import World

MAX_BODY = 60 * 2**20


def open_simulation(options: Options) -> Simulation:
    store = Store(options.state)
    known = store.get("meta", "clock")
    clock = Clock(**known) if known else Clock.starting_at(options.start, options.rate)
    world = World(store, clock, options.seed)
    world.load()
    queue = UpdateQueue(world)
    queue.load()
    sim = Simulation(world, queue, options.mini_app_url)
    _add_bots(world, options.bot_tokens)
    if known is None:
        world.life["on"] = options.scenario == "demo"
        if options.scenario == "demo" and options.replay is None:
            make_demo(sim)
    if options.replay is not None:
        load_replay(world, options.replay, is_first_start=known is None)
    if options.life is not None:
        world.life["on"] = options.life
    world.save_life()
    world.save_clock()
    sim.commit()
    return sim


def _add_bots(world: World, tokens: list[str]) -> None:
    for index, token in enumerate(tokens):
        bot_id = int(token.split(":")[0])
        name = "AnalyticBotDemoBot" if index == 0 else f"Own{bot_id}Bot"
        title = "AnalyticBot (simulated)" if index == 0 else f"Own bot {bot_id} (simulated)"
        if bot_id not in world.bots:
            world.save_bot(Bot(bot_id, token, name, title))


def make_app(sim: Simulation) -> web.Application:
    app = web.Application(client_max_size=MAX_BODY)
    add_bot_api(app, sim)
    add_control(app, sim)
    add_phone(app, sim)
    add_preview(app, sim)
    return app


async def serve(options: Options) -> None:
    sim = open_simulation(options)
    runner = web.AppRunner(make_app(sim), access_log=None, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, options.host, options.port)
    await site.start()
    port = runner.addresses[0][1]
    print(f"simulator ready on http://{options.host}:{port}", flush=True)
    sender = WebhookSender(sim)
    tasks = [asyncio.create_task(sender.run()), asyncio.create_task(live(sim))]
    await _until_signal()
    for task in tasks:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    await runner.cleanup()
    sim.world.store.close()


async def _until_signal() -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    await ended.wait()
