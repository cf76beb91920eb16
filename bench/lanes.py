"""Rows c1, c2 and c3: how late posts go out, from the simulator's journal, beside one workflow per post in the same run.

Lateness is the moment at which Telegram took a post minus the moment it was due, in milliseconds of one clock.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from app.core import clock, db
from bench.stats import Row, informs
from e2e.stack import OWNER_ID, ROOT, wait_for
from tests.chaos.publishing import PublishingStack, read_back
from tests.world import owner

CHANNELS, RATE, SECONDS, BURST, ALONE = 200, 10, 60, 1_000, 50
PENDING = (1_000, 1_000_000)
_FLOOR_RATE = 30.0
_HEAD = timedelta(seconds=5)


def rows() -> list[Row]:
    """c1 at both numbers of pending posts, c2, publish now, and their twins."""
    found: list[Row] = []
    steady = {pending: _steady(pending) for pending in PENDING}
    small, big = (steady[pending] for pending in PENDING)
    twin = _twin_steady()
    beside = f"one workflow per post: p50 {_at(twin, 50)}, p99 {_at(twin, 99)} ms"
    detail = f"p50 {_at(small, 50)} ms, max {max(small)} ms; {beside}; {_load()}"
    found.append(
        _most(
            "c1",
            f"lateness p99 at {RATE} posts/s for {SECONDS} s over {CHANNELS} channels",
            _at(small, 99),
            1000,
            detail,
        )
    )
    growth = f"p99 {_at(small, 99)} ms with 10^3 pending, {_at(big, 99)} ms with 10^6; p50 {_at(small, 50)} and {_at(big, 50)} ms"
    found.append(_most("c1", "lateness p99 with 10^6 posts pending", _at(big, 99), 1000, growth))
    found += _burst()
    alone = _publish_now()
    found.append(
        _most(
            "now",
            f"publish now on an idle lane, commit to acceptance, p99 of {ALONE}",
            _at(alone, 99),
            500,
            f"p50 {_at(alone, 50)} ms; {_load()}",
        )
    )
    return found


def _most(name: str, what: str, measured: float, limit: float, detail: str, unit: str = "ms") -> Row:
    return Row(
        name, what, "0", f"{measured:g} {unit}".strip(), f"<= {limit:g} {unit}".strip(), measured <= limit, detail
    )


@contextmanager
def _stack(channels: int) -> Iterator[PublishingStack]:
    with tempfile.TemporaryDirectory(prefix="analyticbot-lanes-") as folder, PublishingStack(Path(folder)) as stack:
        stack.connect(channels)
        yield stack


def taken(stack: PublishingStack) -> dict[tuple[int, str], int]:
    """(chat, text) -> when Telegram took it, in ms."""
    found: dict[tuple[int, str], int] = {}
    for line in (stack.folder / "simulator" / "journal.jsonl").read_text().splitlines():
        entry = json.loads(line)
        if entry["method"] == "sendMessage" and "refused" not in entry:
            found[int(entry["result"]["chat"]["id"]), entry["result"]["text"]] = int(entry["at_ms"])
    return found


def _late(stack: PublishingStack, due_ms: Mapping[tuple[int, str], int]) -> list[int]:
    at = taken(stack)
    missing = [key for key in due_ms if key not in at]
    if missing:
        raise RuntimeError(f"{len(missing)} posts did not go out")
    return sorted(at[key] - due for key, due in due_ms.items())


def _due_of(
    stack: PublishingStack, wanted: Sequence[tuple[int, str]], first_ms: int, over_s: float
) -> dict[tuple[int, str], int]:
    return {key: first_ms + int(over_s * 1000 * number / len(wanted)) for number, key in enumerate(wanted)}


def _steady(pending: int) -> list[int]:
    with _stack(CHANNELS) as stack:
        _add_pending(stack, pending)
        first = clock.utcnow() + _HEAD + timedelta(seconds=RATE * SECONDS / 150)
        wanted = stack.schedule(RATE * SECONDS, first=first, over_s=SECONDS)
        due_ms = _due_of(stack, wanted, db.to_ms(first), SECONDS)
        _settled(stack, len(wanted), SECONDS + 60)
        return _late(stack, due_ms)


def _settled(stack: PublishingStack, count: int, timeout_s: float) -> None:
    done = "SELECT COUNT(*) FROM due_action WHERE state = 'done'"
    wait_for(f"{count} posts are out", lambda: stack.rows(done)[0][0] >= count, timeout_s=timeout_s, every_s=0.5)


def _add_pending(stack: PublishingStack, count: int) -> None:
    """Posts of the same lane that are due next month: rows as scheduling makes them, copied from one."""
    stack.schedule(1, first=clock.utcnow() + timedelta(days=30), over_s=0, name="pending")
    columns = "workspace_id, post_id, target_id, sender_id, address, slot, kind, state, due_at, ready_at, epoch, tries, created_at"
    copied = columns.replace("due_at, ready_at", "due_at + n * 1000, ready_at + n * 1000").replace("slot", "n")
    for start in range(0, count, 50_000):
        with db.write():
            db.execute(
                f"WITH RECURSIVE c(n) AS (SELECT ? UNION ALL SELECT n + 1 FROM c WHERE n + 1 < ?)"
                f" INSERT INTO due_action ({columns}) SELECT {copied} FROM due_action, c WHERE id = 1",
                *(start + 1, min(start + 50_000, count)),
            )


def _burst() -> list[Row]:
    """A thousand posts due within one second, Telegram's limits on, a small workspace in the middle of it."""
    with _stack(CHANNELS) as stack:
        stack.control("limits", on=True)
        first = clock.utcnow() + _HEAD + timedelta(seconds=BURST / 150)
        wanted = stack.schedule(BURST, first=first, over_s=1.0)
        due_ms = _due_of(stack, wanted, db.to_ms(first), 1.0)
        small_due = db.to_ms(first + timedelta(seconds=2))
        small = _small_workspace(stack, db.from_ms(small_due))
        _settled(stack, BURST + 1, 300)
        late = _late(stack, due_ms)
        at = taken(stack)
        drained_s = (max(at[key] for key in due_ms) - db.to_ms(first)) / 1000
        floor_s = BURST / _FLOOR_RATE
        limits = stack.truth()["limits"]
        found = read_back(stack.folder, [*wanted, small])
    twin = _twin_burst()
    detail = (
        f"{drained_s:.1f} s, N/30 is {floor_s:.1f} s; lateness p50 {_at(late, 50) / 1000:.1f} s, p99 {_at(late, 99) / 1000:.1f} s;"
        f" {limits['refusals']} times 429; twice {found['twice']}, lost {found['lost']}; {_load()}"
    )
    waited_s = (at[small] - small_due) / 1000
    return [
        _most(
            "c2",
            f"{BURST} due in one second, limits on: drained, in N/30 s",
            round(drained_s / floor_s, 2),
            1.3,
            detail,
            "",
        ),
        _most("c2", "requests before a retry_after ended", limits["violations"], 0, "", ""),
        _most("c2", "a small workspace's post, due 2 s into the burst, waits", round(waited_s, 2), 5, "", "s"),
        informs(
            "c2",
            f"one workflow per post, {BURST} due in one second, no limits at all",
            "0",
            f"p99 {_at(twin, 99) / 1000:.1f} s",
        ),
    ]


def _small_workspace(stack: PublishingStack, due: datetime) -> tuple[int, str]:
    """One post of another workspace with a channel of its own."""
    made = stack.control("channels", count=1, owner_id=OWNER_ID)
    stack.add_channel(owner("Small", now=clock.utcnow()), made["chat_ids"][0], made["usernames"][0])
    others, stack.channels = stack.channels[:-1], stack.channels[-1:]
    wanted = stack.schedule(1, first=due, over_s=0, name="small")
    stack.channels = others
    return wanted[0]


def _publish_now() -> list[int]:
    """One post after the other on an idle lane: from the commit to Telegram's acceptance."""
    with _stack(10) as stack:
        committed: dict[tuple[int, str], int] = {}
        for number in range(ALONE):
            (key,) = stack.schedule(1, first=clock.utcnow(), over_s=0, name=f"now {number} ")
            committed[key] = int(time.time() * 1000)
            stack.channels.append(stack.channels.pop(0))
            _settled(stack, number + 1, 30)
            time.sleep(0.3)
        return _late(stack, committed)


def _twin(posts: Sequence[tuple[int, str, int]], stack: PublishingStack) -> list[int]:
    line = [sys.executable, "-m", "bench.post_twin", stack.temporal_address, stack.simulator_url]
    with subprocess.Popen(line, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin and process.stdout
        for chat, text, due_ms in posts:
            process.stdin.write(json.dumps({"chat": chat, "text": text, "due_ms": due_ms}) + "\n")
        process.stdin.close()
        process.stdout.readline()
        due = {(chat, text): due_ms for chat, text, due_ms in posts}
        wait_for("the twin's posts are out", lambda: len(taken(stack)) >= len(posts), timeout_s=180, every_s=2)
        process.terminate()
    return _late(stack, due)


def _twin_steady() -> list[int]:
    with _stack(CHANNELS) as stack:
        return _twin(_posts(stack, RATE * SECONDS, SECONDS, ahead_s=20), stack)


def _twin_burst() -> list[int]:
    with _stack(CHANNELS) as stack:
        return _twin(_posts(stack, BURST, 1, ahead_s=25), stack)


def _posts(stack: PublishingStack, count: int, over_s: int, *, ahead_s: int) -> list[tuple[int, str, int]]:
    first_ms = int((time.time() + ahead_s) * 1000)
    chats = [int(ref.telegram_chat_id or 0) for _, ref in stack.channels]
    return [(chats[n % len(chats)], f"twin {n}", first_ms + over_s * 1000 * n // count) for n in range(count)]


def _at(values: Sequence[int], percent: int) -> int:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


def _load() -> str:
    return f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
