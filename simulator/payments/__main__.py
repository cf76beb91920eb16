"""`python -m simulator.payments`: the pages of Payme and Click on loopback, for one merchant."""

import argparse
import asyncio
import signal
from pathlib import Path

from aiohttp import web

from simulator.payments.book import Book
from simulator.payments.calls import ClickCaller, Journal, PaymeCaller
from simulator.payments.merchant_api import MerchantApi
from simulator.payments.server import make_app
from simulator.payments.subscribe import Subscribe


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="simulator.payments", description="Payme and Click on loopback")
    parser.add_argument("--port", type=int, default=8083, help="0 takes a free one")
    parser.add_argument("--state", type=Path, required=True, help="folder of the journal")
    parser.add_argument("--merchant", required=True, help="address of the merchant, without /hooks")
    parser.add_argument("--payme-key", required=True)
    parser.add_argument("--click-service", required=True)
    parser.add_argument("--click-secret", required=True)
    parser.add_argument("--click-merchant-user", default="1")
    parser.add_argument("--payme-merchant", default="simulated")
    return parser.parse_args()


async def _serve(given: argparse.Namespace) -> None:
    ended, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    journal = Journal(given.state / "payments.jsonl")
    payme = PaymeCaller(f"{given.merchant}/hooks/payme", given.payme_key, journal)
    click = ClickCaller(f"{given.merchant}/hooks/click", given.click_service, given.click_secret, journal)
    book = Book(given.state, journal)
    subscribe = Subscribe(book, given.payme_merchant, given.payme_key, payme)
    api = MerchantApi(book, given.click_service, given.click_merchant_user, given.click_secret)
    runner = web.AppRunner(make_app(payme, click, book, subscribe, api), access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", given.port).start()
    print(f"payments ready on http://127.0.0.1:{runner.addresses[0][1]}", flush=True)
    await ended.wait()
    await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(_serve(_options()))
