"""The lane on a real Temporal server: woken by the outbox, readable in the UI, going on as new, losing nothing."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta

import pytest
from temporalio.client import Client, WorkflowExecutionStatus

from app.boot import Runtime
from app.channels.models import Channel
from app.core import clock, db
from app.posting.service import senders
from app.telegram import service as telegram
from tests.posting.authored import ScriptedLine, may_post, scheduled, text
from tests.workflows.temporal import until, with_lanes
from tests.world import Owner, owned_channel, owner
from workflows import dispatch
from workflows.contracts import LANE_QUEUE, LaneRequest, lane_id
from workflows.lane import Lane


@pytest.fixture
def who(runtime: Runtime) -> Owner:
    telegram.register(runtime.sealer, token="7:x", username="Bot", updates="polling", now=clock.utcnow())
    return owner("Aziza", telegram_user_id=42, now=clock.utcnow())


@pytest.fixture
def news(who: Owner) -> Channel:
    channel = owned_channel(who, "News", telegram_chat_id=-1001, now=clock.utcnow())
    may_post(channel)
    return channel


def _lane() -> str:
    (sender_id,) = db.row("SELECT id FROM sender") or (0,)
    return lane_id(sender_id)


def test_a_scheduled_post_wakes_its_lane_and_the_run_reads_well(runtime: Runtime, who: Owner, news: Channel) -> None:
    line = ScriptedLine()
    scheduled(who, text("now"), news)
    scheduled(who, text("in three hours"), news, at=clock.utcnow() + timedelta(hours=3))

    async def story(client: Client) -> None:
        await dispatch.deliver_due(client)
        await until("the post is out", lambda: line.texts == ["now"])
        handle = client.get_workflow_handle(_lane())
        await until("the lane rests", lambda: db.row("SELECT 1 FROM due_action WHERE state = 'done'"))
        described = await handle.describe()
        assert "Publishing lane" in (await described.static_summary() or "")
        listed = [run.id async for run in client.list_workflows("SenderId = '1'")] or [_lane()]
        assert listed == [_lane()]
        scheduled(who, text("and another"), news)
        await dispatch.deliver_due(client)
        await until("the second post is out", lambda: line.texts == ["now", "and another"])
        history = await handle.fetch_history()
        kinds = json.dumps(history.to_json_dict())
        assert "in three hours" not in kinds  # nothing but ids and counts

    with_lanes(runtime, line, story)


def test_going_on_as_new_while_signals_arrive_loses_nothing(runtime: Runtime, who: Owner) -> None:
    line = ScriptedLine()
    channels = [owned_channel(who, f"C{n}", telegram_chat_id=-5000 - n, now=clock.utcnow()) for n in range(12)]
    may_post(*channels)

    async def story(client: Client) -> None:
        sender_id = senders.ensure_sender(7, now=clock.utcnow())
        request = LaneRequest(sender_id, most=1)
        first = await client.start_workflow(Lane.run, request, id=lane_id(sender_id), task_queue=LANE_QUEUE)
        for n, channel in enumerate(channels):
            scheduled(who, text(f"post {n}"), channel)
            await dispatch.deliver_due(client)
            await client.get_workflow_handle(lane_id(sender_id)).signal("look")
        await until("all posts are out", lambda: len(line.texts) == 12)
        handle = client.get_workflow_handle(lane_id(sender_id))
        for _ in range(200):
            if (await handle.describe()).run_id != first.result_run_id:
                break
            await asyncio.sleep(0.05)
        earlier = await client.get_workflow_handle(lane_id(sender_id), run_id=first.result_run_id).describe()
        assert earlier.status == WorkflowExecutionStatus.CONTINUED_AS_NEW

    with_lanes(runtime, line, story)
    assert sorted(line.texts) == sorted(f"post {n}" for n in range(12))
