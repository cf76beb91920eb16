"""kill -9 of every process at seeded moments while Telegram goes on sending: all come back, each update applied once.

Small by default; the proof at full size is CHAOS_UPDATES=2000 CHAOS_KILLS=20.
"""

from __future__ import annotations

import asyncio
import os
import random
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from temporalio.client import Client, ScheduleActionExecutionStartWorkflow

from app.core.crypto import Sealer
from app.core.settings import DEV_MASTER_KEY
from e2e.stack import BOT_ID, OWNER_ID, wait_for
from tests.chaos.supervised import FIRST_UPDATE_ID, WEB_WORKER, SupervisedStack
from workflows import codec
from workflows.contracts import DAILY_CHECK_SCHEDULE, CheckReport

UPDATES = int(os.environ.get("CHAOS_UPDATES", "300"))
KILLS = int(os.environ.get("CHAOS_KILLS", "7"))
SEED = int(os.environ.get("CHAOS_SEED", "20260301"))
CHANNEL, STEP, PAUSE_S = "chaos", 10, 0.05
TARGETS = ("simulator", "temporal", "worker", "bot", "jobs", "web", WEB_WORKER)
_APPLIED_S = 60.0
# Beside the effects, and in their transaction: which update was marked as applied, and how often.
_LEDGER = (
    "CREATE TABLE chaos_applied (update_id INTEGER)",
    "CREATE TRIGGER chaos_applied AFTER UPDATE OF processed_at ON inbox WHEN NEW.processed_at IS NOT NULL"
    " BEGIN INSERT INTO chaos_applied VALUES (NEW.update_id); END",
)


class Chaos:
    """Lets Telegram send portions of updates and kills in the middle of them."""

    def __init__(self, stack: SupervisedStack) -> None:
        self.stack, self.chance, self.moments = stack, random.Random(SEED), list[str]()
        self.targets = self._in_turn()

    def _in_turn(self) -> Iterator[str]:
        """Every process as often as the others, in a seeded order."""
        while True:
            yield from self.chance.sample(TARGETS, len(TARGETS))

    def connect(self) -> None:
        """The owner's workspace and channel, both through Telegram; the bot is told of every kind by then."""
        stack = self.stack
        with closing(sqlite3.connect(stack.folder / "analyticbot.sqlite3", timeout=10)) as database:
            for statement in _LEDGER:
                database.execute(statement)
        listens = "the bot asks for member updates"
        wait_for(listens, lambda: "chat_member" in (stack.truth()["bots"][0]["allowed_updates"] or ()))
        stack.control("users", id=OWNER_ID, first_name="Owner")
        stack.control("channels", username=CHANNEL, title="Chaos", owner_id=OWNER_ID, subscribers=500)
        stack.control("message", user_id=OWNER_ID, text="/start")
        known = 'SELECT 1 FROM "user" WHERE telegram_user_id = ?'
        wait_for("the owner has a workspace", lambda: stack.rows(known, OWNER_ID))
        stack.control("promote_bot", chat=CHANNEL, user_id=OWNER_ID)
        wait_for("the channel is connected", lambda: stack.rows("SELECT 1 FROM channel"))

    def _send(self, until: int) -> None:
        """Everything that happens in a channel, until so many updates are made, whoever may die meanwhile."""
        while (left := until - self.stack.numbered()) > 0:
            self.stack.insist("burst", chat=CHANNEL, updates=min(left, STEP))
            self.stack.insist("leave", chat=CHANNEL)
            time.sleep(PAUSE_S)

    def strike(self, portion: int) -> None:
        """Kill the next process while a portion is made, stored or applied, or while somebody still starts."""
        numbered = self.stack.numbered()
        sender = threading.Thread(target=self._send, args=(numbered + portion,))
        what = self.chance.choice(("made", "stored", "applied", "later"))
        share = self.chance.randrange(portion)
        mark = self._count(what) + share
        sender.start()
        if what == "later":
            time.sleep(self.chance.uniform(0, 1.5))  # the moment itself is what is random here
        else:
            wait_for(f"{mark} updates {what}", lambda: self._count(what) >= mark, every_s=0.002)
        target = next(self.targets)
        self.stack.kill(target)
        self.moments.append(f"{target} at {self._count('made')} made, {self._count('applied')} applied")
        sender.join(_APPLIED_S)
        assert not sender.is_alive(), "Telegram could not send on"

    def _count(self, what: str) -> int:
        if what in ("made", "later"):
            return self.stack.numbered()
        column = {"stored": "received_at", "applied": "processed_at"}[what]
        return int(self.stack.rows(f"SELECT COUNT(*) FROM inbox WHERE {column} IS NOT NULL")[0][0])

    def settle(self) -> None:
        """Wait until everybody is back and nothing is left to apply."""
        self.stack.wait_until_all_up()
        made = self.stack.numbered()
        wait_for("all updates are applied", lambda: self._count("applied") >= made, timeout_s=_APPLIED_S)


@pytest.mark.timeout(120 + UPDATES // 4 + KILLS * 15)
def test_every_update_is_applied_once_although_every_process_is_killed(tmp_path: Path) -> None:
    with SupervisedStack(tmp_path) as stack:
        chaos = Chaos(stack)
        chaos.connect()
        for index in range(KILLS):
            chaos.strike(UPDATES // KILLS + (index < UPDATES % KILLS))
        chaos.settle()

        _everybody_was_killed_and_came_back(stack)
        _every_update_is_there_once(stack)
        _members_are_those_who_came_and_went(stack)
        _posts_are_the_channels(stack)
        assert stack.rows("SELECT COUNT(*), COUNT(DISTINCT dedupe_key) FROM notice") == [(2, 2)]
        checked = stack.cli("analytics", "check")
        assert " 0 differences" in checked and not checked.startswith("0 feeds"), checked
        report = asyncio.run(_daily_check_runs(stack.temporal_address))
        assert report.feeds >= 1 and report.differences == 0
        sent = f"{stack.numbered()} updates, each applied once; {stack.unanswered} control calls got no answer"
        print("\n".join(["", *chaos.moments, sent, checked, str(report)]))
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{stack.base_url}/healthz", trust_env=False)


def _everybody_was_killed_and_came_back(stack: SupervisedStack) -> None:
    fair = KILLS // len(TARGETS)
    assert all(stack.killed[name] >= fair for name in TARGETS) and stack.killed.total() == KILLS
    exits = Counter((program, why) for what, program, why in stack.events() if what == "exited")
    by_us = "terminated by SIGKILL; not expected"
    assert exits == {(name, by_us): count for name, count in stack.killed.items() if name != WEB_WORKER}
    assert stack.http.get(f"{stack.base_url}/readyz").json()["status"] == "ready"


def _every_update_is_there_once(stack: SupervisedStack) -> None:
    """What the simulator's journal says it handed out, number by number, is what was stored and applied."""
    told, made = stack.told(), stack.numbered()
    assert sorted(told) == list(range(FIRST_UPDATE_ID, FIRST_UPDATE_ID + made)) and made >= UPDATES
    stored = stack.rows("SELECT update_id, kind FROM inbox WHERE bot_id = ? ORDER BY update_id", BOT_ID)
    assert stored == [(number, _kind(told[number])) for number in sorted(told)]
    unhappy = "SELECT update_id, kind, attempts, error FROM inbox WHERE processed_at IS NULL OR dead_at IS NOT NULL"
    assert stack.rows(unhappy) == []
    assert stack.rows("SELECT update_id FROM chaos_applied ORDER BY 1") == [(number,) for number, _ in stored]


def _kind(update: dict[str, Any]) -> str:
    return next(key for key in update if key != "update_id")


def _members_are_those_who_came_and_went(stack: SupervisedStack) -> None:
    changes = {n: update["chat_member"] for n, update in stack.told().items() if "chat_member" in update}
    came_or_went = {"member": "join", "left": "leave"}
    expected = [(n, came_or_went[change["new_chat_member"]["status"]]) for n, change in sorted(changes.items())]
    assert {kind for _, kind in expected} == {"join", "leave"}
    assert stack.rows("SELECT update_id, kind FROM member_event ORDER BY update_id") == expected


def _posts_are_the_channels(stack: SupervisedStack) -> None:
    """Message by message: when, how long, edited when, with which reactions."""
    channel = next(one for one in stack.truth()["channels"] if one["username"] == CHANNEL)
    truth = {post["message_id"]: _facts(post) for post in channel["posts"]}
    sql = "SELECT message_id, id, posted_at, text_length, edited_at FROM post WHERE deleted_at IS NULL"
    reactions = (
        "SELECT emoji, count FROM reaction_count r JOIN source s ON s.id = r.source_id"
        " WHERE r.post_id = ? AND s.kind = 'bot_updates'"
    )
    found = {number: (*facts, dict(stack.rows(reactions, key))) for number, key, *facts in stack.rows(sql)}
    assert found == truth


def _facts(post: dict[str, Any]) -> tuple[int, int, int | None, dict[str, int]]:
    edited = _ms(post["edited_at"]) if post["edited_at"] else None
    return _ms(post["posted_at"]), len(post["text"].encode("utf-16-le")) // 2, edited, post["reactions"]


def _ms(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


async def _daily_check_runs(address: str) -> CheckReport:
    """The schedule outlived the kills of Temporal and of the worker: trigger it, and the new run completes."""
    client = await Client.connect(address, data_converter=codec.sealed(Sealer(DEV_MASTER_KEY)))
    schedule = client.get_schedule_handle(DAILY_CHECK_SCHEDULE)
    before = (await schedule.describe()).info.num_actions
    await schedule.trigger()
    async with asyncio.timeout(_APPLIED_S):
        while (info := (await schedule.describe()).info).num_actions == before or not info.recent_actions:
            await asyncio.sleep(0.2)
        action = info.recent_actions[-1].action
        assert isinstance(action, ScheduleActionExecutionStartWorkflow)
        run = client.get_workflow_handle(
            action.workflow_id, run_id=action.first_execution_run_id, result_type=CheckReport
        )
        return await run.result()
