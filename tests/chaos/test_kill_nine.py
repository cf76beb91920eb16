"""kill -9 at seeded moments while Telegram goes on sending: every update is applied, and once.

Small by default; the proof at full size is CHAOS_UPDATES=2000 CHAOS_KILLS=20.
"""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from e2e.stack import BOT_ID, OWNER_ID, Stack, wait_for

UPDATES = int(os.environ.get("CHAOS_UPDATES", "300"))
KILLS = int(os.environ.get("CHAOS_KILLS", "6"))
SEED = int(os.environ.get("CHAOS_SEED", "20260301"))
CHANNEL, LEAVES = "chaos", 3
FIRST_UPDATE_ID = 100_000_001  # the simulator numbers without gaps from here
KINDS = {"posts": "channel_post", "edits": "edited_channel_post", "reactions": "message_reaction_count"}
_APPLIED_S = 60.0


class Chaos:
    """Sends portions of updates and kills in the middle of them; counts what was sent."""

    def __init__(self, stack: Stack) -> None:
        self.stack, self.chance, self.sent, self.killed = stack, random.Random(SEED), Counter[str](), Counter[str]()

    def connect(self) -> None:
        """The owner's workspace and channel, both through Telegram; the bot is told of every kind by then."""
        listens = "the bot asks for member updates"
        wait_for(listens, lambda: "chat_member" in (self.stack.truth()["bots"][0]["allowed_updates"] or ()))
        self.stack.control("users", id=OWNER_ID, first_name="Owner")
        self.stack.control("channels", username=CHANNEL, title="Chaos", owner_id=OWNER_ID, subscribers=500)
        self.stack.control("message", user_id=OWNER_ID, text="/start")
        known = 'SELECT 1 FROM "user" WHERE telegram_user_id = ?'
        wait_for("the owner has a workspace", lambda: self.stack.rows(known, OWNER_ID))
        self.stack.control("promote_bot", chat=CHANNEL, user_id=OWNER_ID)
        wait_for("the channel is connected", lambda: self.stack.rows("SELECT 1 FROM channel"))
        self.sent.update(message=1, my_chat_member=1)

    def send(self, updates: int) -> None:
        made = self.stack.control("burst", chat=CHANNEL, updates=updates - LEAVES)["made"]
        self.sent.update({KINDS.get(what, what): count for what, count in made.items()})
        for _ in range(LEAVES):
            self.stack.control("leave", chat=CHANNEL)
        self.sent["leaves"] += LEAVES

    def strike(self, portion: int) -> None:
        """Send a portion and kill the bot while it stores or applies it, or while it still starts; then start again."""
        column = self.chance.choice(("received_at", "processed_at", "processed_at"))
        mark = self._count(column) + self.chance.randrange(portion)
        self.send(portion)
        if self.chance.random() < 0.7:
            wait_for(f"{mark} updates with {column}", lambda: self._count(column) >= mark, every_s=0.002)
        else:
            time.sleep(self.chance.uniform(0, 1.5))  # the moment itself is what is random here
        self._kill_and_start("bot")
        if self.chance.random() < 0.4:
            self._kill_and_start(self.chance.choice(("jobs", "web")))

    def _count(self, column: str) -> int:
        return int(self.stack.rows(f"SELECT COUNT(*) FROM inbox WHERE {column} IS NOT NULL")[0][0])

    def _kill_and_start(self, name: str) -> None:
        assert self.stack.running[name].poll() is None, f"{name} had ended by itself"
        self.stack.kill(name)
        self.stack.start(name)
        self.killed[name] += 1

    def settle(self) -> int:
        """A last update of an unknown kind; returns its number once nothing waits any more and everybody is back."""
        last = int(self.stack.control("raw_update", update={"chaos_end": {}})["update_id"])
        self.sent["chaos_end"] += 1
        done = "SELECT 1 FROM inbox WHERE update_id = ? AND processed_at IS NOT NULL"
        wait_for("the last update is applied", lambda: self.stack.rows(done, last), timeout_s=_APPLIED_S)
        waiting = "SELECT COUNT(*) FROM inbox WHERE processed_at IS NULL AND dead_at IS NULL"
        wait_for("nothing waits", lambda: self.stack.rows(waiting)[0][0] == 0, timeout_s=_APPLIED_S)
        for name in self.stack.parts:
            self.stack.wait_until_up(name)
        return last


@pytest.mark.timeout(60 + UPDATES // 4 + KILLS * 10)
def test_every_update_is_applied_once_although_processes_are_killed_at_any_moment(tmp_path: Path) -> None:
    with Stack(tmp_path, parts=("bot", "jobs", "web")) as stack:
        chaos = Chaos(stack)
        chaos.connect()
        portions = [UPDATES // KILLS + (index < UPDATES % KILLS) for index in range(KILLS)]
        for portion in portions:
            chaos.strike(portion)
        last = chaos.settle()

        assert chaos.killed["bot"] == KILLS
        _every_update_is_there_once(stack, chaos.sent, last)
        _members_are_those_who_came_and_went(stack, chaos.sent)
        _posts_are_the_channels(stack)
        assert stack.rows("SELECT COUNT(*), COUNT(DISTINCT dedupe_key) FROM notice") == [(2, 2)]
        checked = stack.cli("analytics", "check")
        assert " 0 differences" in checked and not checked.startswith("0 feeds"), checked


def _every_update_is_there_once(stack: Stack, sent: Counter[str], last: int) -> None:
    stored = stack.rows("SELECT update_id FROM inbox WHERE bot_id = ? ORDER BY update_id", BOT_ID)
    assert [row[0] for row in stored] == list(range(FIRST_UPDATE_ID, last + 1))
    assert len(stored) == sum(sent.values()) >= UPDATES
    unhappy = "SELECT update_id, kind, attempts, error FROM inbox WHERE processed_at IS NULL OR dead_at IS NOT NULL"
    assert stack.rows(unhappy) == []
    expected = Counter(sent) - Counter({"joins": sent["joins"], "leaves": sent["leaves"]})
    expected["chat_member"] = sent["joins"] + sent["leaves"]
    assert dict(stack.rows("SELECT kind, COUNT(*) FROM inbox GROUP BY kind")) == dict(expected)


def _members_are_those_who_came_and_went(stack: Stack, sent: Counter[str]) -> None:
    found = dict(stack.rows("SELECT kind, COUNT(*) FROM member_event GROUP BY kind"))
    assert found == {"join": sent["joins"], "leave": sent["leaves"]}
    numbers = stack.rows("SELECT update_id FROM member_event ORDER BY 1")
    assert numbers == stack.rows("SELECT update_id FROM inbox WHERE kind = 'chat_member' ORDER BY 1")


def _posts_are_the_channels(stack: Stack) -> None:
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
