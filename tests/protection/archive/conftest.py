"""An owner with an archived channel and an empty one beside it, and the updates by which the bot is told of posts."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any

import pytest

from app.boot import Runtime
from app.channels.models import Channel
from app.core import clock, inbox
from app.core.errors import Upstream
from app.protection.archive.models import Archive
from app.protection.archive.service import fetching, filling, switching
from tests.media.files import picture
from tests.posting.authored import BOT_ID, ScriptedLine, may_post
from tests.web.conftest import app, sign_in
from tests.world import Owner, owned_channel, owner

__all__ = ["app", "sign_in"]
OLD_ID, NEW_ID = -1001, -1002
FIRST_AT = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)
_numbers = itertools.count(1)


@dataclass
class ScriptedFiles:
    """Telegram's files by their ids; one that is not there is refused, `before` may raise something else."""

    bytes_of: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    before: Callable[[str], None] = lambda _id: None

    def fetch(self, file_id: str, into: IO[bytes], *, most_bytes: int) -> str:
        self.asked.append(file_id)
        self.before(file_id)
        if file_id not in self.bytes_of:
            raise Upstream("wrong file_id or the file is temporarily unavailable", permanent=True)
        into.write(self.bytes_of[file_id])
        return f"photos/{file_id}.png"


@dataclass
class Scene:
    """Aziza's old channel, archived, and her new one; `files` are the bot's at Telegram."""

    runtime: Runtime
    who: Owner
    old: Channel
    new: Channel
    archive: Archive
    files: ScriptedFiles
    line: ScriptedLine
    folder: Path

    def told(self, **message: Any) -> int:
        """The bot is told of a message of the old channel; returns its id. `edited`: told again."""
        kind = "edited_channel_post" if message.pop("edited", False) else "channel_post"
        number = next(_numbers)
        body = {"message_id": number, "date": int(FIRST_AT.timestamp()) + number, "chat": {"id": OLD_ID}} | message
        update = {"update_id": 10_000 + number, kind: body}
        inbox.store(BOT_ID, [update], now=clock.utcnow() - timedelta(minutes=1))
        return int(body["message_id"])

    def photo(self, name: str, *, shade: int = 0) -> dict[str, Any]:
        """A photo as an update tells it; Telegram hands out its bytes."""
        self.files.bytes_of[name] = picture("PNG", shade=shade)
        return {"photo": [{"file_id": name, "file_unique_id": f"u{name}", "file_size": 900, "width": 8, "height": 8}]}

    def fill(self) -> int:
        """A turn of the jobs process; returns how many files came."""
        row = self.kept()
        now = clock.utcnow()
        filling.fill(row, is_over=lambda: False, now=now)
        return fetching.fetch(row, fetching.Desk(lambda _bot: self.files, self.folder, lambda: False), now=now)

    def kept(self) -> Archive:
        return switching.archive_of(self.who.workspace.id, self.archive.public_id)


@pytest.fixture
def scene(runtime: Runtime) -> Scene:
    now = clock.utcnow()
    who = owner("Aziza", telegram_user_id=42, now=now)
    old, new = (
        owned_channel(who, title, telegram_chat_id=chat_id, now=now)
        for title, chat_id in (("Old", OLD_ID), ("New", NEW_ID))
    )
    may_post(old, new)
    archive = switching.switch_on(who.workspace.id, old.public_id, user_id=who.user.id, now=now)
    return Scene(runtime, who, old, new, archive, ScriptedFiles(), ScriptedLine(), runtime.settings.data_dir)
