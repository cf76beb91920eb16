"""An archive goes into a new channel while the processes that do it are killed: all of it, in order, each post once.

Somebody else's bot writes the old channel; our bot is told of it, as of any post. What the new channel holds is read
from the simulated Telegram. Small by default; the proof at full size is REBUILD_POSTS=1000 REBUILD_KILLS=20.
"""

from __future__ import annotations

import hashlib
import io
import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from app.core import clock, formats
from app.protection.archive.service import rebuilding, switching
from app.protection.archive.service.rebuilding import Wish
from app.telegram.outgoing import Outgoing, OutgoingMedia
from app.telegram.publisher import HttpPublisher
from e2e.stack import OWNER_ID, ROOT, wait_for
from tests.chaos.publishing import PublishingStack, full

POSTS, KILLS = full("REBUILD_POSTS", 60), full("REBUILD_KILLS", 3)
SEED = full("CHAOS_SEED", 20261128)
AUTHOR = "1000000002:SIMULATED-another-bot-token-not-real"
VICTIMS = ("jobs", "worker")
BEGAN = datetime(2026, 2, 1, 8, 0, tzinfo=UTC)
ZONE = "Asia/Tashkent"
pytestmark = pytest.mark.timeout(300 + 3 * POSTS)


@dataclass(frozen=True)
class Written:
    """A post of the old channel: its words, when it was published, the SHA-256 of its pictures."""

    words: str
    at: datetime
    files: tuple[str, ...]


class RebuildingStack(PublishingStack):
    """With an old and a new channel, and a second bot that writes the old one."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, worker=(sys.executable, str(ROOT / "tests" / "chaos" / "quick_chat.py")))
        self._commands["simulator"] += ["--bot-token", AUTHOR]

    def write(self, count: int) -> list[Written]:
        """Every third post has a picture, every tenth is an album; each an hour after the one before."""
        (_, old), _ = self.channels
        self.control("promote_bot", chat=old.username, bot_id=int(AUTHOR.split(":")[0]), user_id=OWNER_ID)
        line, dice = HttpPublisher(AUTHOR, self.simulator_url), random.Random(SEED)
        written = []
        for number in range(count):
            at = BEGAN + timedelta(hours=number)
            self.control("clock", now=at.isoformat())
            written.append(_write(line, int(old.telegram_chat_id or 0), number, at, self.folder, dice))
            if number % 10 == 9 or number == count - 1:
                self._wait_until_told(written)  # Telegram forgets updates that nobody fetched for a day
        self.control("clock", now=clock.utcnow().isoformat())
        return written

    def _wait_until_told(self, written: Sequence[Written]) -> None:
        messages = sum(max(len(one.files), 1) for one in written)
        told = "SELECT COUNT(*) FROM inbox WHERE kind = 'channel_post'"
        wait_for("the bot was told of every post", lambda: self.rows(told)[0][0] == messages, timeout_s=30)

    def archived(self) -> tuple[int, int]:
        """(posts that are whole, posts) in the archive."""
        found = self.rows("SELECT state, COUNT(*) FROM archived_post GROUP BY state")
        counts = {state: int(count) for state, count in found}
        return counts.get("whole", 0), sum(counts.values())

    def state(self) -> str:
        return str(self.rows("SELECT state FROM rebuild")[0][0])

    def has_come_to(self, count: int) -> bool:
        return int(self.rows("SELECT COUNT(*) FROM rebuild_post WHERE state = 'out'")[0][0]) >= count


def _write(line: HttpPublisher, chat_id: int, number: int, at: datetime, folder: Path, dice: random.Random) -> Written:
    words = f"Post {number} of the old channel"
    looks = ({"type": "bold", "offset": 0, "length": len(f"Post {number}")},)
    count = dice.choice((2, 3)) if number % 10 == 0 else 1 if number % 3 == 0 else 0
    pictures = [_picture(number, which) for which in range(count)]
    paths = [folder / f"picture-{which}.png" for which in range(count)]
    for path, content in zip(paths, pictures, strict=True):
        path.write_bytes(content)
    media = tuple(OutgoingMedia("photo", path=str(path), name=path.name) for path in paths)
    kind = "album" if count > 1 else "photo" if count else "message"
    line.send(chat_id, Outgoing(kind, words, looks, media=media))
    return Written(words, at, tuple(hashlib.sha256(content).hexdigest() for content in pictures))


def _picture(number: int, which: int) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (40, 30), (number % 256, number // 256, 50 * which)).save(out, "PNG")
    return out.getvalue()


def _as_posts(messages: Sequence[dict[str, Any]]) -> Iterator[tuple[str, tuple[str, ...], list[Any]]]:
    """(text, files, entities) of each post of a channel in the simulated Telegram, the messages of an album together."""
    for _, group in groupby(messages, key=lambda one: one["media_group_id"] or one["message_id"]):
        items = list(group)
        files = tuple(one["file_sha256"] for one in items if one["file_sha256"])
        yield items[0]["text"], files, items[0]["entities"]


def _strike(stack: RebuildingStack, dice: random.Random) -> None:
    """kill -9 at random moments, spread over the run, each victim as often as the other."""
    for number in range(KILLS):
        _until(partial(stack.has_come_to, round(POSTS * (number + 0.5) / KILLS * 0.95)), f"kill {number} is due")
        time.sleep(dice.uniform(0.0, 0.5))
        victim = VICTIMS[number % len(VICTIMS)]
        stack.kill(victim)
        stack.wait_until_up(victim)


def _until(ask: Callable[[], bool], what: str) -> None:
    wait_for(what, ask, timeout_s=100 + 2 * POSTS, every_s=0.2)


def test_an_archive_comes_out_whole_in_order_and_once_whatever_is_killed(tmp_path: Path) -> None:
    with RebuildingStack(tmp_path) as stack:
        stack.connect(2)
        (who, old), (_, new) = stack.channels
        written = stack.write(POSTS)
        time.sleep(5.5)  # what was told a moment ago is left for the next look
        archive = switching.switch_on(who.workspace.id, old.public_id, user_id=who.user.id, now=clock.utcnow())
        stack.kill("jobs")  # whoever starts looks at once, and not at the next full minute
        _until(lambda: stack.archived() == (POSTS, POSTS), "the archive is whole")
        wish = Wish(new.public_id, "en")
        rebuilding.start(who.workspace.id, archive.public_id, wish, user_id=who.user.id, now=clock.utcnow())
        stack.kill("jobs")
        _strike(stack, random.Random(SEED))
        _until(lambda: stack.state() == "done", "all is published")
        (channel,) = [one for one in stack.truth()["channels"] if one["chat_id"] == new.telegram_chat_id]
        found = list(_as_posts([one for one in channel["posts"] if not one["service"]]))
        asked = stack.asked()
    wanted = [_wanted(one) for one in written]
    print(
        f"{len(found)} of {POSTS} posts are out after {KILLS + 2} kills of {' and '.join(VICTIMS)}:"
        f" {len(found) - len({text for text, _, _ in found})} twice, {sum(bool(files) for _, files, _ in found)} with"
        f" pictures, {sum(len(files) > 1 for _, files, _ in found)} albums; {asked} asked of the owner"
    )
    assert [(text, files) for text, files, _ in found] == wanted
    for text, _, entities in found:
        looks = [(one["type"], text[one["offset"] : one["offset"] + one["length"]]) for one in entities]
        assert looks == [("bold", " ".join(text.split()[:2])), ("italic", text.rpartition("\n")[2])]


def _wanted(post: Written) -> tuple[str, tuple[str, ...]]:
    return f"{post.words}\n\nFirst published {formats.dt(post.at, 'en', ZONE)}", post.files
