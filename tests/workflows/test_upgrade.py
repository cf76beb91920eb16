"""A new version's worker takes over a lane that runs: nothing waits for the old one, nothing is lost or doubled."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from app.boot import Runtime
from app.channels.models import Channel
from app.core import clock
from app.core.settings import Settings
from app.telegram.service import Bots
from tests.posting.authored import ScriptedLine, scheduled, text
from tests.workflows.temporal import until
from tests.workflows.test_lane import news, who  # noqa: F401  the same owner and channel
from tests.world import Owner
from workflows import devserver, dispatch
from workflows.worker import ensure_search_attributes, lane_worker


def test_a_second_worker_goes_on_with_the_lane_of_the_first(runtime: Runtime, who: Owner, news: Channel) -> None:  # noqa: F811
    line = ScriptedLine()
    spoken = replace(runtime, bots=Bots(runtime.sealer, lambda _token: line, lambda _token: line))

    async def served(client: Client, story: object) -> None:
        with ThreadPoolExecutor(32) as threads:
            async with lane_worker(client, spoken, threads, readers=lambda _runtime: ()):
                await story  # type: ignore[misc]

    async def first(client: Client) -> None:
        scheduled(who, text("under the first"), news)
        scheduled(who, text("handed over"), news, at=clock.utcnow() + timedelta(seconds=9))
        await dispatch.deliver_due(client)
        await until("the first post is out", lambda: line.texts == ["under the first"])

    async def second(client: Client) -> None:
        await until("the post that waited is out", lambda: "handed over" in line.texts, timeout_s=40)
        scheduled(who, text("under the second"), news)
        await dispatch.deliver_due(client)
        await until("the next one is out", lambda: len(line.texts) == 3)

    async def run() -> None:
        binary = devserver.binary(Settings(_env_file=None))  # type: ignore[call-arg]
        async with await WorkflowEnvironment.start_local(dev_server_existing_path=binary) as env:
            await ensure_search_attributes(env.client)
            await served(env.client, first(env.client))
            await served(env.client, second(env.client))

    asyncio.run(run())
    assert line.texts == ["under the first", "handed over", "under the second"]
