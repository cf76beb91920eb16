"""The twin: one workflow per post, which sleeps until it is due and then runs one activity that sends.

`python -m bench.post_twin <temporal> <simulator>` reads {"chat", "text", "due_ms"} lines, starts a workflow for each,
says "ready" and works until it is ended. No ledger, no limits: the least that a workflow per post can do.
"""

from __future__ import annotations

import asyncio
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.common import RetryPolicy
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

with workflow.unsafe.imports_passed_through():
    from app.core.settings import SIMULATED_BOT_TOKEN
    from app.telegram.outgoing import Outgoing
    from app.telegram.publisher import HttpPublisher

_QUEUE, _THREADS, _STARTS = "twin", 50, 20
_line: list[HttpPublisher] = []


@dataclass(frozen=True)
class Post:
    """What a run is given: the facts' twin carries the text too."""

    chat: int
    text: str
    due_ms: int


@activity.defn(name="send_twin")
def send(post: Post) -> None:
    _line[0].send(post.chat, Outgoing("message", post.text))


@workflow.defn(name="PostTwin")
class PostTwin:
    """Sleep, then send."""

    @workflow.run
    async def run(self, post: Post) -> None:
        wait_s = post.due_ms / 1000 - workflow.now().timestamp()
        if wait_s > 0:
            await workflow.sleep(timedelta(seconds=wait_s))
        await workflow.execute_activity(
            "send_twin",
            post,
            start_to_close_timeout=timedelta(seconds=30),
            retry_policy=RetryPolicy(maximum_attempts=1),
        )


async def main(temporal: str, simulator: str) -> None:
    _line.append(HttpPublisher(SIMULATED_BOT_TOKEN, simulator))
    client = await Client.connect(temporal)
    posts = [Post(**json.loads(line)) for line in sys.stdin]
    gate = asyncio.Semaphore(_STARTS)

    async def start(number: int, post: Post) -> None:
        async with gate:
            await client.start_workflow(PostTwin.run, post, id=f"twin:{number}", task_queue=_QUEUE)

    await asyncio.gather(*(start(number, post) for number, post in enumerate(posts)))
    with ThreadPoolExecutor(_THREADS) as threads:
        async with Worker(
            client,
            task_queue=_QUEUE,
            workflows=[PostTwin],
            activities=[send],
            activity_executor=threads,
            max_concurrent_activities=_THREADS,
            workflow_runner=UnsandboxedWorkflowRunner(),
        ):
            print("ready", flush=True)
            await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:3]))
