"""Outbox topic -> workflow. Delivery is signal-with-start under a deterministic id, so a repeated delivery is harmless."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

from temporalio.client import Client
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes, WorkflowIDReusePolicy
from temporalio.service import RPCError, RPCStatusCode

from app.core import clock, outbox, telemetry
from workflows.contracts import (
    BILLING_QUEUE,
    DELIVERY_ID,
    DESK_TOPIC,
    GATEWAY,
    LANE_QUEUE,
    LANE_TOPIC,
    LETTERS_TOPIC,
    MAIL_QUEUE,
    MAINTENANCE_QUEUE,
    POST_OFFICE_ID,
    RESOLVE_TOPIC,
    ROLLUPS_CHECK_TOPIC,
    SENDER_ID,
    SUBSCRIPTION_ID,
    SUBSCRIPTION_TOPIC,
    CheckRequest,
    DeskRequest,
    LaneRequest,
    LettersRequest,
    ResolveRequest,
    SubscriptionRequest,
    desk_id_of,
    lane_id,
    resolve_id,
    rollup_check_id,
    subscription_id_of,
)
from workflows.gateway_desk import GatewayDesk
from workflows.lane import Lane
from workflows.post_office import PostOffice
from workflows.resolve_delivery import ResolveDelivery
from workflows.rollup_check import RollupCheck
from workflows.subscription import Subscription

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


async def _wake_lane(client: Client, key: str) -> tuple[str, str]:
    handle = await client.start_workflow(
        Lane.run,
        LaneRequest(int(key)),
        id=lane_id(int(key)),
        task_queue=LANE_QUEUE,
        id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        start_signal="look",
        static_summary=f"Publishing lane of sender {key}",
        static_details="Sends what is due, one bot's budget at a time. What is due stands in the table `due_action`.",
        search_attributes=_found_by(SENDER_ID, key),
    )
    return handle.id, handle.result_run_id or ""


async def _resolve(client: Client, key: str) -> tuple[str, str]:
    handle = await client.start_workflow(
        ResolveDelivery.run,
        ResolveRequest(int(key)),
        id=resolve_id(int(key)),
        task_queue=LANE_QUEUE,
        id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        start_signal="look",
        static_summary=f"Was delivery {key} published?",
        search_attributes=_found_by(DELIVERY_ID, key),
    )
    return handle.id, handle.result_run_id or ""


async def _follow_subscription(client: Client, key: str) -> tuple[str, str]:
    handle = await client.start_workflow(
        Subscription.run,
        SubscriptionRequest(int(key)),
        id=subscription_id_of(int(key)),
        task_queue=BILLING_QUEUE,
        id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        start_signal="look",
        static_summary=f"Subscription {key}",
        static_details="What is due, and when, stands in the table `subscription`; what happened in `subscription_event`.",
        search_attributes=_found_by(SUBSCRIPTION_ID, key),
    )
    return handle.id, handle.result_run_id or ""


async def _run_desk(client: Client, key: str) -> tuple[str, str]:
    handle = await client.start_workflow(
        GatewayDesk.run,
        DeskRequest(key),
        id=desk_id_of(key),
        task_queue=BILLING_QUEUE,
        id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        start_signal="look",
        static_summary=f"Desk of {key}",
        static_details="What is to be asked or told stands in orders without a page, refunds that are due, events.",
        search_attributes=_found_by(GATEWAY, key),
    )
    return handle.id, handle.result_run_id or ""


async def _send_letters(client: Client, _key: str) -> tuple[str, str]:
    handle = await client.start_workflow(
        PostOffice.run,
        LettersRequest(),
        id=POST_OFFICE_ID,
        task_queue=MAIL_QUEUE,
        id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        start_signal="look",
        static_summary="Letters by mail",
        static_details="What is to be sent, and what became of it, stands in the table `letter`.",
    )
    return handle.id, handle.result_run_id or ""


def _found_by(name: str, value: str) -> TypedSearchAttributes:
    return TypedSearchAttributes([SearchAttributePair(SearchAttributeKey.for_keyword(name), value)])


TOPICS: dict[str, Deliver] = {
    ROLLUPS_CHECK_TOPIC: _check_rollups,
    LANE_TOPIC: _wake_lane,
    RESOLVE_TOPIC: _resolve,
    SUBSCRIPTION_TOPIC: _follow_subscription,
    DESK_TOPIC: _run_desk,
    LETTERS_TOPIC: _send_letters,
}


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
