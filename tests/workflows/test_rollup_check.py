"""The daily check on a real Temporal server: outbox, dispatcher, workflow, activity, a readable run."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from app.boot import Runtime
from app.core import db, outbox
from app.core.settings import Settings
from tests.conftest import NOW
from tests.world import owned_channel, owner, read_posts
from workflows import devserver, dispatch
from workflows.contracts import ALL_CHATS, MAINTENANCE_QUEUE, CheckReport, CheckRequest
from workflows.rollup_check import RollupCheck
from workflows.worker import ensure_schedules, worker


def _with_temporal(story: Callable[[Client], Awaitable[None]]) -> None:
    async def run() -> None:
        async with await WorkflowEnvironment.start_local(
            dev_server_existing_path=devserver.binary(Settings(_env_file=None))
        ) as env:
            with ThreadPoolExecutor(4) as threads:
                async with worker(env.client, threads):
                    await story(env.client)

    asyncio.run(run())


def test_an_outbox_row_becomes_a_run_that_found_nothing_and_says_so(runtime: Runtime) -> None:
    who = owner("Aziza", now=NOW)
    channel = owned_channel(who, "News", telegram_chat_id=-1001, now=NOW)
    read_posts(channel, posts=4, now=NOW)
    for _ in range(3):
        outbox.put("rollups.check", str(channel.chat), now=NOW)
    assert db.row("SELECT COUNT(*), MAX(version) FROM outbox") == (1, 3)

    async def story(client: Client) -> None:
        assert await dispatch.deliver_due(client) == 1
        handle = client.get_workflow_handle(f"rollup-check:{channel.chat}", result_type=CheckReport)
        report = await handle.result()
        assert (report.feeds, report.readings, report.differences) == (1, 8, 0)
        described = await handle.describe()
        assert "Rollups against raw readings" in (await described.static_summary() or "")

    _with_temporal(story)
    assert db.row("SELECT COUNT(*) FROM outbox") == (0,)
    run = db.row("SELECT workflow_id FROM workflow_run")
    assert run == (f"rollup-check:{channel.chat}",)
    assert db.row("SELECT feeds, differences FROM rollup_check ORDER BY id DESC LIMIT 1") == (1, 0)


def test_the_check_counts_a_wrong_rollup_and_the_schedule_exists(runtime: Runtime) -> None:
    who = owner("Aziza", now=NOW)
    read_posts(owned_channel(who, "News", telegram_chat_id=-1001, now=NOW), posts=2, now=NOW)
    with db.write():
        db.execute("UPDATE feed_stat SET views = views + 1")

    async def story(client: Client) -> None:
        report = await client.execute_workflow(
            RollupCheck.run, CheckRequest(ALL_CHATS), id="by-hand", task_queue=MAINTENANCE_QUEUE
        )
        assert report.differences > 0
        await ensure_schedules(client)
        await ensure_schedules(client)
        described = await client.get_schedule_handle("daily-rollup-check").describe()
        assert described.schedule.policy.catchup_window.total_seconds() == 600

    _with_temporal(story)


def test_a_row_nobody_knows_backs_off_and_blocks_no_other(runtime: Runtime) -> None:
    outbox.put("nobody.knows", "1", now=NOW)
    outbox.put("rollups.check", ALL_CHATS, now=NOW)

    async def story(client: Client) -> None:
        assert await dispatch.deliver_due(client) == 1

    _with_temporal(story)
    left = db.rows("SELECT topic, attempts, last_error FROM outbox")
    assert len(left) == 1 and left[0][0] == "nobody.knows" and left[0][1] == 1


def test_the_embedded_server_keeps_a_file_on_loopback(tmp_path: Path) -> None:
    settings = Settings(_env_file=None)  # type: ignore[call-arg]
    line = devserver.command(settings, tmp_path / "t.sqlite3")
    assert "journal_mode=wal" in line and "synchronous=full" in line
    assert line[line.index("--ip") + 1] == "127.0.0.1"
