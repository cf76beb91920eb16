"""Outbox topic -> workflow. Delivery is signal-with-start under a deterministic id, so a repeated delivery is harmless."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

from temporalio.client import Client
from temporalio.common import WorkflowIDReusePolicy
from temporalio.service import RPCError, RPCStatusCode

from app.core import clock, outbox, telemetry
from workflows.contracts import MAINTENANCE_QUEUE, ROLLUPS_CHECK_TOPIC, CheckRequest, rollup_check_id
from workflows.rollup_check import RollupCheck

_POLL_S = 1.0
_OUTAGE = (RPCStatusCode.UNAVAILABLE, RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.RESOURCE_EXHAUSTED)
Deliver = Callable[[Client, str], Awaitable[tuple[str, str]]]


async def _check_rollups(client: Client, key: str) -> tuple[str, str]:
    handle = await client.start_workflow(
        RollupCheck.run,
        CheckRequest(key),
        id=rollup_check_id(key),
        task_queue=MAINTENANCE_QUEUE,
        id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        start_signal="look",
        static_summary=f"Rollups against raw readings, chat {key}",
    )
    return handle.id, handle.result_run_id or ""


TOPICS: dict[str, Deliver] = {ROLLUPS_CHECK_TOPIC: _check_rollups}


async def run(client: Client, nudge_path: Path, stop: asyncio.Event) -> None:
    """Deliver what is due, then sleep until a nudge or the next poll."""
    nudges = _listen(nudge_path)
    try:
        while not stop.is_set():
            await deliver_due(client)
            await _nudged_or_waited(nudges)
    finally:
        nudges.close()


async def deliver_due(client: Client) -> int:
    """One round; a row that fails backs off alone. Returns how many rows were delivered."""
    delivered = 0
    for pending in await asyncio.to_thread(outbox.due, clock.utcnow()):
        try:
            deliver = TOPICS[pending.topic]
            workflow_id, run_id = await deliver(client, pending.key)
        except (RPCError, KeyError, ValueError) as error:
            telemetry.log().warning("outbox row failed", topic=pending.topic, key=pending.key, error=str(error))
            await asyncio.to_thread(
                outbox.failed,
                pending,
                f"{type(error).__name__}: {error}",
                is_outage=isinstance(error, RPCError) and error.status in _OUTAGE,
                now=clock.utcnow(),
            )
            continue
        await asyncio.to_thread(outbox.delivered, pending, workflow_id=workflow_id, run_id=run_id, now=clock.utcnow())
        delivered += 1
    return delivered


def _listen(path: Path) -> socket.socket:
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.setblocking(False)
    listener.bind(str(path))
    return listener


async def _nudged_or_waited(nudges: socket.socket) -> None:
    try:
        await asyncio.wait_for(asyncio.get_running_loop().sock_recv(nudges, 16), _POLL_S)
    except TimeoutError:
        return
