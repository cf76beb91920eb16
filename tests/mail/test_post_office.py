"""Letters leave by the outbox, Temporal and the worker, and come back after Temporal forgot them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from app.boot import Runtime
from app.core import clock, db, outbox
from app.core.settings import Settings
from app.mail import service as mail
from tests.mail.server import Mailbox
from tests.workflows.temporal import until
from workflows import devserver, dispatch
from workflows.activities.mail import MailActivities
from workflows.contracts import POST_OFFICE_ID
from workflows.worker import mail_worker, prepare


def _queue(key: str, to: str = "aziza@bobur.example") -> None:
    with db.database.connection_context():
        mail.queue(1, key, to=to, subject="Plan", body="Pay", now=clock.utcnow())


def _under_a_fresh_server(runtime: Runtime, story: Callable[[Client], Awaitable[None]]) -> None:
    async def run() -> None:
        binary = devserver.binary(Settings(_env_file=None))  # type: ignore[call-arg]
        async with await WorkflowEnvironment.start_local(dev_server_existing_path=binary) as env:
            await prepare(env.client, runtime)
            with ThreadPoolExecutor(2) as threads:
                async with mail_worker(env.client, runtime, threads):
                    await story(env.client)

    asyncio.run(run())


def test_a_letter_leaves_by_the_worker_and_one_that_is_put_off_later(
    runtime: Runtime, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mail, "_WAITS", (mail._WAITS[0] / 60,))  # a second, not a minute

    async def story(client: Client) -> None:
        await asyncio.to_thread(_queue, "due:1")
        await dispatch.deliver_due(client)
        await until("the first is there", lambda: len(mailbox.letters) == 1)
        await asyncio.to_thread(_queue, "due:2", "later1.aziza@bobur.example")
        await asyncio.to_thread(_queue, "due:3", "gone@bobur.example")
        assert await dispatch.deliver_due(client) == 1, "two letters are one look"
        await until("the second is there, by the workflow's own timer", lambda: len(mailbox.letters) == 2)
        shown = (await client.get_workflow_handle(POST_OFFICE_ID).fetch_history()).to_json()
        assert "bobur" not in shown, "no address in Temporal"

    _under_a_fresh_server(runtime, story)
    assert [state for (state,) in db.rows("SELECT state FROM letter ORDER BY id")] == ["sent", "sent", "failed"]


def test_letters_that_temporal_forgot_are_found_in_the_rows(runtime: Runtime, mailbox: Mailbox) -> None:
    _queue("due:1")
    with db.write():
        db.execute("DELETE FROM outbox")  # delivered to a Temporal whose file is gone

    async def story(client: Client) -> None:
        assert await dispatch.deliver_due(client) >= 1
        await until("it is there", lambda: len(mailbox.letters) == 1)

    _under_a_fresh_server(runtime, story)


def test_a_worker_without_mail_leaves_letters_where_they_are(runtime: Runtime, mailbox: Mailbox) -> None:
    _queue("due:1")
    report = MailActivities(replace(runtime, post=None)).send_letters()
    assert (report.done, report.next_ms) == ([], None) and mailbox.letters == []
    with db.database.connection_context():
        assert [row.topic for row in outbox.due(clock.utcnow())] == [mail.TOPIC]
