"""The `live` process: it holds all streams, so that web holds none. A message says "look"; web tells what is there.

One look at the database a second serves every stream. A stream ends after ten minutes, with its session, when that goes to
another workspace, or when its person has too many; the page then asks for a new ticket, or falls back to asking web
every quarter of a minute.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from aiohttp import web

from app.accounts.service import streams
from app.accounts.service.streams import Claim
from app.analytics.versions import versions
from app.boot import Runtime, boot
from app.core import clock, leases, telemetry

LOOK_EVERY_S, CHECK_SESSIONS_EVERY, BEAT_EVERY = 1.0, 4, 5  # the latter two in looks
HEARTBEAT_S, LONGEST_S, MOST_PER_PERSON = 15.0, 600.0, 3
_HEADERS = {"Content-Type": "text/event-stream", "Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
Answer = TypeVar("Answer")


@dataclass(eq=False, slots=True)
class Stream:
    """One open page. `known` is the version it was told of last."""

    claim: Claim
    known: str = ""
    news: str = ""
    is_over: bool = False
    wake: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self, version: str) -> None:
        if version != self.known:
            self.known = self.news = version
            self.wake.set()

    def end(self) -> None:
        self.is_over = True
        self.wake.set()


class Live:
    """All streams of the process."""

    def __init__(self, runtime: Runtime) -> None:
        self._secret = runtime.settings.secret_key.get_secret_value()
        self._origin = runtime.settings.base_url
        self._database = ThreadPoolExecutor(1, thread_name_prefix="database")
        self._used: dict[str, float] = {}
        self.streams: set[Stream] = set()

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/stream", self.stream)
        app.router.add_get("/healthz", self.healthz)
        app.cleanup_ctx.append(self._watching)
        app.on_shutdown.append(self._end_all)
        return app

    async def healthz(self, _request: web.Request) -> web.Response:
        return web.json_response({"status": "ok", "streams": len(self.streams)})

    async def stream(self, request: web.Request) -> web.StreamResponse:
        claim = self._spend(request.query.get("ticket", ""))
        if claim is None:
            raise web.HTTPUnauthorized(text="This ticket is spent or too old.")
        if sum(s.claim.user_id == claim.user_id for s in self.streams) >= MOST_PER_PERSON:
            raise web.HTTPTooManyRequests(text="So many pages of yours are live already.")
        response = web.StreamResponse(headers=_HEADERS | {"Access-Control-Allow-Origin": self._origin})
        await response.prepare(request)
        stream = Stream(claim, known=request.headers.get("Last-Event-ID") or request.query.get("since", ""))
        self.streams.add(stream)
        try:
            found = await self._ask(partial(versions, [claim.workspace_id]))
            stream.tell(found[claim.workspace_id])  # what changed while nobody listened
            await self._serve(stream, response)
        except (ConnectionResetError, asyncio.CancelledError):
            pass
        finally:
            self.streams.discard(stream)
        return response

    async def _serve(self, stream: Stream, response: web.StreamResponse) -> None:
        loop = asyncio.get_running_loop()
        end = loop.time() + LONGEST_S
        while not stream.is_over and loop.time() < end:
            try:
                await asyncio.wait_for(stream.wake.wait(), HEARTBEAT_S)
            except TimeoutError:
                await response.write(b": still here\n\n")
                continue
            stream.wake.clear()
            if stream.news:
                await response.write(f"id: {stream.news}\ndata: look\n\n".encode())
                stream.news = ""

    def _spend(self, ticket: str) -> Claim | None:
        now = clock.utcnow()
        claim = streams.claim_of(self._secret, ticket, now=now)
        self._used = {number: until for number, until in self._used.items() if until >= now.timestamp()}
        if claim is None or claim.number in self._used:
            return None
        self._used[claim.number] = claim.until
        return claim

    async def _watching(self, _app: web.Application):  # type: ignore[no-untyped-def]
        task = asyncio.create_task(self._watch())
        yield
        task.cancel()

    async def _watch(self) -> None:
        """Look once a second for all streams; a crash ends the process, loudly."""
        looks = 0
        try:
            while True:
                await self._look()
                if looks % CHECK_SESSIONS_EVERY == 0:
                    await self._end_signed_out()
                if looks % BEAT_EVERY == 0:
                    told = partial(leases.beat, "live", now=clock.utcnow(), detail=f"{len(self.streams)} streams")
                    await self._ask(told)
                looks += 1
                await asyncio.sleep(LOOK_EVERY_S)
        except Exception:  # noqa: BLE001  the edge of the process
            telemetry.log().exception("the live process cannot look any more")
            sys.exit(1)

    async def _look(self) -> None:
        found = await self._ask(partial(versions, sorted({s.claim.workspace_id for s in self.streams})))
        for stream in tuple(self.streams):
            if stream.claim.workspace_id in found:
                stream.tell(found[stream.claim.workspace_id])

    async def _end_signed_out(self) -> None:
        session_ids = sorted({s.claim.session_id for s in self.streams})
        alive = await self._ask(partial(streams.still_open, session_ids, now=clock.utcnow()))
        for stream in tuple(self.streams):
            claim = stream.claim
            if claim.session_id in session_ids and (claim.session_id, claim.workspace_id) not in alive:
                stream.end()

    async def _end_all(self, _app: web.Application) -> None:
        for stream in tuple(self.streams):
            stream.end()

    async def _ask(self, question: Callable[[], Answer]) -> Answer:
        """The database, from its own thread: the loop never waits for it."""
        return await asyncio.get_running_loop().run_in_executor(self._database, question)


def main() -> None:
    runtime = boot("live")
    settings = runtime.settings
    web.run_app(
        Live(runtime).app(),
        host=settings.live_host,
        port=settings.live_port,
        print=None,
        access_log=None,
        handler_cancellation=True,  # a page that goes away frees its place at once
    )


if __name__ == "__main__":
    main()
