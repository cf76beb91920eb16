"""The publishing side of the product under the supervisor of `make run`, with many channels and posts that are due.

Nothing of the product decides here what was published: that is read_journal.py, from Telegram's own journal.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from app.boot import boot
from app.channels.queries import ChannelRef, channel_of
from app.core import clock, db
from app.core.settings import Settings
from app.posting.service import scheduling, senders, writing
from app.posting.service.scheduling import Plan
from e2e.stack import BOT_ID, OWNER_ID, ROOT, wait_for
from tests.chaos.supervised import SupervisedStack
from tests.posting.authored import may_post, text
from tests.world import Owner, owned_channel, owner

PARTS = ("jobs", "bot")
READER = ROOT / "tests" / "chaos" / "read_journal.py"
_COMMIT, _A_WORKSPACE = 50, 40


class PublishingStack(SupervisedStack):
    """Simulator, Temporal, worker, jobs and bot; the test itself schedules, as the web process would.

    `is_public`: the channels have a preview page, which is the reader; without it nobody can look into them.
    `worker`: another program in place of the worker, for the twin. `crashpoint`: see app/core/crashpoint.py.
    """

    def __init__(
        self, folder: Path, *, is_public: bool = True, worker: Sequence[str] = (), crashpoint: str = ""
    ) -> None:
        super().__init__(folder, parts=PARTS)
        self._is_public, self._crashpoint = is_public, crashpoint
        if worker:
            self._commands["worker"] = list(worker)
        self.channels: list[tuple[Owner, ChannelRef]] = []

    @property
    def environment(self) -> dict[str, str]:
        return {**super().environment, "CRASHPOINT": self._crashpoint}

    def connect(self, count: int) -> None:
        """So many channels of one owner, the bot an administrator of each."""
        settings = Settings(_env_file=None, data_dir=self.folder, demo=True)  # type: ignore[call-arg]
        boot("cli", settings)
        self.control("users", id=OWNER_ID, first_name="Owner")
        made = self.control("channels", count=count, owner_id=OWNER_ID, public=self._is_public)
        now = clock.utcnow()
        who = owner("Owner 0", now=now)
        with db.write():
            for number, (chat_id, username) in enumerate(zip(made["chat_ids"], made["usernames"], strict=True)):
                if number and number % _A_WORKSPACE == 0:
                    who = owner(f"Owner {number}", now=now)
                self.add_channel(who, chat_id, username)

    def add_channel(self, who: Owner, chat_id: int, username: str | None) -> None:
        """One more channel of an owner, in which the bot may post."""
        channel = owned_channel(who, f"T{chat_id}", telegram_chat_id=chat_id, now=clock.utcnow(), bot_id=BOT_ID)
        with db.write():
            db.execute("UPDATE chat SET username = ? WHERE id = ?", username, channel.chat)
        may_post(channel, bot_id=BOT_ID)
        ref = channel_of(who.workspace.id, channel.public_id)
        assert ref is not None
        self.channels.append((who, ref))

    def schedule(self, count: int, *, first: datetime, over_s: float, name: str = "post") -> list[tuple[int, str]]:
        """Posts spread evenly over time and channels; returns (chat id, text) of each, the list that must come true."""
        wanted: list[tuple[int, str]] = []
        for start in range(0, count, _COMMIT):
            with db.write():
                for number in range(start, min(start + _COMMIT, count)):
                    who, ref = self.channels[number % len(self.channels)]
                    due, words = first + timedelta(seconds=over_s * number / count), f"{name} {number}"
                    _schedule_one(who, ref, words, due)
                    wanted.append((int(ref.telegram_chat_id or 0), words))
        return wanted

    def lane_id(self) -> int:
        return senders.ensure_sender(BOT_ID, now=clock.utcnow())

    def states(self) -> dict[str, int]:
        """How many publications are in each state."""
        return {state: int(n) for state, n in self.rows("SELECT state, COUNT(*) FROM due_action GROUP BY state")}

    def asked(self) -> int:
        """How many deliveries their owner was asked about."""
        return int(self.rows("SELECT COUNT(*) FROM delivery WHERE asked_at IS NOT NULL")[0][0])

    def wait_until_settled(self, *, timeout_s: float) -> None:
        """Until every publication is out, refused, or asked of the owner."""

        def is_settled() -> bool:
            open_ones = "SELECT COUNT(*) FROM due_action WHERE state IN ('waiting', 'claimed', 'busy')"
            hanging = "SELECT COUNT(*) FROM delivery WHERE state = 'unknown' AND asked_at IS NULL"
            return self.rows(open_ones)[0][0] == 0 and self.rows(hanging)[0][0] == 0

        wait_for("every post is out, refused or asked about", is_settled, timeout_s=timeout_s, every_s=0.5)

    def last_accepted_ms(self) -> int:
        """When Telegram last took a post, by the journal on disk; 0 before the first."""
        path = self.folder / "simulator" / "journal.jsonl"
        with path.open("rb") as journal:
            journal.seek(max(0, path.stat().st_size - 200_000))
            lines = journal.read().splitlines()
        for line in reversed(lines):
            if b'"sendMessage"' in line and b'"refused"' not in line:
                return int(json.loads(line)["at_ms"])
        return 0

    def has_published_since(self, at_ms: int) -> bool:
        return self.last_accepted_ms() > at_ms


def _schedule_one(who: Owner, ref: ChannelRef, words: str, due: datetime) -> None:
    now = clock.utcnow()
    post = writing.create(who.workspace.id, {}, user_id=who.user.id, now=now)
    writing.freeze(post, text(words), {}, user_id=who.user.id, now=now)
    scheduling.put_on(post, Plan([ref], due), user_id=who.user.id, now=now)


def read_back(folder: Path, wanted: Sequence[tuple[int, str]]) -> dict[str, int]:
    """What an independent program finds in the journal: wanted, published, twice, lost, foreign."""
    (folder / "wanted.json").write_text(json.dumps(wanted))
    command = [
        sys.executable,
        "-I",
        str(READER),
        str(folder / "simulator" / "journal.jsonl"),
        str(folder / "wanted.json"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout))


def strike(stack: PublishingStack, *, kills: int, seed: int, targets: Sequence[str]) -> list[float]:
    """kill -9 at random moments, each victim as often as the others; returns seconds until a post was taken again.

    Where nothing was due for a while after a kill, its recovery is not measured.
    """
    dice, recoveries = random.Random(seed), list[float]()
    order = [target for _ in range(-(-kills // len(targets))) for target in dice.sample(list(targets), len(targets))]
    for victim in order[:kills]:
        time.sleep(dice.uniform(0.2, 2.0))
        stack.kill(victim)
        at_ms = int(time.time() * 1000)
        try:
            wait_for("posts go out again", partial(stack.has_published_since, at_ms), timeout_s=120, every_s=0.05)
        except AssertionError:
            if stack.rows("SELECT 1 FROM due_action WHERE state = 'waiting' AND ready_at < ?", at_ms):
                raise
            continue
        recoveries.append((stack.last_accepted_ms() - at_ms) / 1000)
        stack.wait_until_up(victim)
    return recoveries


def full(name: str, small: int) -> int:
    """A number of the run: small in `make test`, from the environment in `make proof`."""
    return int(os.environ.get(name, small))
