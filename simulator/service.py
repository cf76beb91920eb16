"""Start and end: state is loaded or made, then the server, the webhooks and life run until a signal."""

import asyncio
import signal
from contextlib import suppress

from aiohttp import web

from simulator.beginning import open_simulation
from simulator.botapi import wire
from simulator.botapi.server import add_routes as add_bot_api
from simulator.control.server import add_routes as add_control
from simulator.life import live
from simulator.oidc.server import add_routes as add_login
from simulator.options import Options
from simulator.pages.invoice import add_routes as add_invoices
from simulator.pages.phone import add_routes as add_phone
from simulator.pages.preview import add_routes as add_preview
from simulator.simulation import Simulation
from simulator.webhook import WebhookSender

MAX_BODY, MAX_LOCAL_BODY = 60 * 2**20, 2100 * 10**6


def make_app(sim: Simulation) -> web.Application:
    app = web.Application(client_max_size=MAX_LOCAL_BODY if sim.options.local_files else MAX_BODY)
    add_bot_api(app, sim)
    add_control(app, sim)
    add_invoices(app, sim)
    add_login(app, sim)
    add_phone(app, sim)
    add_preview(app, sim)
    return app


async def serve(options: Options) -> None:
    ended = _end_on_signal()
    sim = open_simulation(options)
    runner = web.AppRunner(make_app(sim), access_log=None, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, options.host, options.port)
    await site.start()
    port = runner.addresses[0][1]
    sim.base_url = f"http://{options.host}:{port}"
    print(f"simulator ready on {sim.base_url}", flush=True)
    wire.start_loading()
    sender = WebhookSender(sim)
    tasks = [asyncio.create_task(sender.run()), asyncio.create_task(live(sim))]
    await ended.wait()
    for task in tasks:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    await runner.cleanup()
    sim.world.store.close()


def _end_on_signal() -> asyncio.Event:
    """Installed before the ready line: whoever reads that line may end us at once."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    return ended
