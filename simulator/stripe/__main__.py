"""`python -m simulator.stripe`: one Stripe account on loopback, with one webhook endpoint."""

import argparse
import asyncio
import contextlib
import signal
from pathlib import Path

from aiohttp import web

from simulator.stripe.account import Account
from simulator.stripe.server import make_app
from simulator.stripe.store import Store
from simulator.stripe.webhooks import Webhooks


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="simulator.stripe", description="Stripe on loopback")
    parser.add_argument("--port", type=int, default=8084, help="0 takes a free one")
    parser.add_argument("--state", type=Path, required=True, help="folder of the objects and the journal")
    parser.add_argument("--secret-key", required=True)
    parser.add_argument("--webhook-url", default="", help="where events go; empty sends none")
    parser.add_argument("--webhook-secret", default="whsec_simulated")
    return parser.parse_args()


async def _serve(given: argparse.Namespace) -> None:
    ended, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    store = Store(given.state)
    account = Account(store)
    runner = web.AppRunner(make_app(account, given.secret_key), access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", given.port).start()
    sending = asyncio.create_task(Webhooks(account, given.webhook_url, given.webhook_secret).run())
    sending.add_done_callback(lambda _: ended.set())  # without it nobody would hear that no event goes out any more
    print(f"stripe ready on http://127.0.0.1:{runner.addresses[0][1]}", flush=True)
    await ended.wait()
    is_broken = sending.done()
    sending.cancel()
    await runner.cleanup()
    with contextlib.suppress(asyncio.CancelledError):
        await sending
    store.close()
    if is_broken:
        raise SystemExit("the sending of events ended by itself")


if __name__ == "__main__":
    asyncio.run(_serve(_options()))
