"""A real Temporal dev server, or the time-skipping one, with our workers on it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from app.boot import Runtime
from app.core.settings import Settings
from app.posting.readers.base import Reader
from app.telegram.service import Bots
from workflows import devserver
from workflows.worker import ensure_search_attributes, lane_worker

Story = Callable[[Client], Awaitable[None]]


def with_lanes(runtime: Runtime, line: Any, story: Story, *, readers: Iterable[Reader] = ()) -> None:
    """Run a story beside a lane worker whose bots all speak through `line`."""
    spoken = replace(runtime, bots=Bots(runtime.sealer, lambda _token: line, lambda _token: line))

    async def run() -> None:
        binary = devserver.binary(Settings(_env_file=None))  # type: ignore[call-arg]
        async with await WorkflowEnvironment.start_local(dev_server_existing_path=binary) as env:
            await ensure_search_attributes(env.client)
            with ThreadPoolExecutor(32) as threads:
                async with lane_worker(env.client, spoken, threads, readers=lambda _runtime: readers):
                    await story(env.client)

    asyncio.run(run())


async def until(what: str, ask: Callable[[], object], *, timeout_s: float = 20.0) -> None:
    """Wait for something that other threads do. Raises AssertionError that names it."""
    for _ in range(int(timeout_s / 0.02)):
        if await asyncio.to_thread(ask):
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"not within {timeout_s:g} s: {what}")
