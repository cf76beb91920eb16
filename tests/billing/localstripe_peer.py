"""`python -m tests.billing.localstripe_peer`: localstripe's application on loopback, without its file; prints its address."""

from __future__ import annotations

import asyncio

from aiohttp import web
from localstripe import resources, server


async def main() -> None:
    resources.store.dump_to_disk = lambda: None  # by itself it writes into the temporary folder of all
    runner = web.AppRunner(server.app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(f"localstripe ready on http://127.0.0.1:{runner.addresses[0][1]}", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
