"""A workspace's palette: the sets that it chooses from, and the custom emoji that its people have at hand.

What counts against the plan is an emoji's first way into the palette: `custom_emoji` a month (design/product.md,
"Plans": "per plan and month"). One that is taken out and comes back counts once.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import datetime, timedelta

from app.audit import service as audit
from app.billing.service import limits
from app.channels.queries import channels_of
from app.core import db
from app.core.errors import Conflict, Invalid, NotFound
from app.core.i18n import N_
from app.telegram import service as telegram

LIMIT = "custom_emoji"
ASKED, READ, REFUSED = "asked", "read", "refused"
MOST_SETS = 50
MOST_AT_ONCE = 200
REST = timedelta(minutes=1)  # so long a set that was read is not asked for again
# core.telegram.org/bots/api#createnewstickerset: letters, digits and underscores, 1-64, a letter first (2026-11-28)
_NAME = re.compile(
    r"(?:(?:https?://)?(?:t|telegram)\.me/addemoji/|tg://addemoji\?set=)?([A-Za-z][A-Za-z0-9_]{0,63})/?", re.ASCII
)


def set_name(words: str) -> str:
    """The name of a set, given as such or as a link. Raises Invalid (field `name`)."""
    found = _NAME.fullmatch(words.strip())
    if found is None:
        sentence = N_("Write the name of a set of custom emoji, or its link: t.me/addemoji/name")
        raise Invalid(sentence, fields={"name": sentence}, code="no_set_name")
    return found[1]


def ask_for(workspace_id: int, words: str, *, now: datetime) -> str:
    """Have a set read, by the workspace's bot in a moment; returns its name in small letters.

    Raises Invalid (field `name`), also when the workspace chooses from as many as it may.
    """
    name = set_name(words)
    with db.write():
        db.execute(
            "INSERT INTO emoji_set (key, name, title, bot_id, state, attempts, asked_at) VALUES (?, ?, '', ?, ?, 0, ?)"
            " ON CONFLICT (key) DO UPDATE SET bot_id = excluded.bot_id, state = excluded.state, attempts = 0,"
            " error = NULL, not_before = NULL, asked_at = excluded.asked_at"
            " WHERE emoji_set.state <> ? AND (emoji_set.read_at IS NULL OR emoji_set.read_at < ?)",
            *(name.lower(), name, bot_of(workspace_id), ASKED, db.stamp(now), ASKED, db.stamp(now - REST)),
        )
        _choose_from(workspace_id, name.lower(), now=now)
    return name.lower()


def _choose_from(workspace_id: int, key: str, *, now: datetime) -> None:
    (count,) = db.row("SELECT COUNT(*) FROM palette_set WHERE workspace_id = ?", workspace_id) or (0,)
    is_new = db.execute(
        "INSERT INTO palette_set (workspace_id, emoji_set_id, asked_at) SELECT ?, id, ? FROM emoji_set WHERE key = ?"
        " ON CONFLICT (workspace_id, emoji_set_id) DO NOTHING",
        *(workspace_id, db.stamp(now), key),
    )
    if is_new and count >= MOST_SETS:
        sentence = N_("You choose from as many sets as there is room for. Take one off the list first.")
        raise Invalid(sentence, fields={"name": sentence}, code="too_many_sets")


def bot_of(workspace_id: int) -> int:
    """The bot that asks Telegram for a workspace: that of its first own channel, else the service's. Raises Conflict."""
    mine = [ref.bot_id for ref in channels_of(workspace_id) if ref.relation == "owned" and ref.bot_id is not None]
    service = telegram.service_bot()
    if mine:
        return mine[0]
    if service is None:
        raise Conflict(N_("The bot is not set up yet."), code="no_bot")
    return int(service.bot_id)


def forget_set(workspace_id: int, key: str) -> None:
    """Take a set off the list; the emoji that were chosen of it stay. Raises NotFound."""
    with db.write():
        gone = db.execute(
            "DELETE FROM palette_set WHERE workspace_id = ? AND emoji_set_id = (SELECT id FROM emoji_set WHERE key = ?)",
            *(workspace_id, key),
        )
    if not gone:
        raise NotFound(N_("There is no such set."))


def add(workspace_id: int, emoji_ids: Collection[str], *, user_id: int, now: datetime) -> int:
    """Take custom emoji into the palette, all or none; returns how many were never in it.

    Raises LimitReached (`limit_custom_emoji`) when the month has no room for all that are new, NotFound for one that
    Telegram never told us of. Two who add the same at once count it once.
    """
    wanted = sorted(set(emoji_ids))[:MOST_AT_ONCE]
    with db.write(), db.database.atomic():
        _require_known(wanted)
        new = [emoji_id for emoji_id in wanted if _insert(workspace_id, emoji_id, now=now)]
        if new:
            limits.consume(workspace_id, {LIMIT: len(new)}, now=now)
        back = db.execute(
            "UPDATE palette_emoji SET removed_at = NULL WHERE workspace_id = ? AND removed_at IS NOT NULL"
            f" AND emoji_id IN ({db.marks(wanted)})",
            *(workspace_id, *wanted),
        )
        if new or back:
            _record("palette.added", workspace_id, user_id, {"emoji": wanted}, now=now)
    return len(new)


def _require_known(wanted: Collection[str]) -> None:
    found = db.row(f"SELECT COUNT(*) FROM custom_emoji WHERE emoji_id IN ({db.marks(wanted)})", *wanted)
    if not wanted or found is None or found[0] != len(wanted):
        raise NotFound(N_("There is no such emoji."))


def _insert(workspace_id: int, emoji_id: str, *, now: datetime) -> bool:
    return bool(
        db.execute(
            "INSERT INTO palette_emoji (workspace_id, emoji_id, added_at) VALUES (?, ?, ?)"
            " ON CONFLICT (workspace_id, emoji_id) DO NOTHING",
            *(workspace_id, emoji_id, db.stamp(now)),
        )
    )


def remove(workspace_id: int, emoji_id: str, *, user_id: int, now: datetime) -> None:
    """Take an emoji out of the palette; posts that hold it keep it. Raises NotFound."""
    with db.write():
        gone = db.execute(
            "UPDATE palette_emoji SET removed_at = ? WHERE workspace_id = ? AND emoji_id = ? AND removed_at IS NULL",
            *(db.stamp(now), workspace_id, emoji_id),
        )
        if not gone:
            raise NotFound(N_("There is no such emoji."))
        _record("palette.removed", workspace_id, user_id, {"emoji": [emoji_id]}, now=now)


def _record(what: str, workspace_id: int, user_id: int, after: dict[str, object], *, now: datetime) -> None:
    audit.record(
        what,
        actor=f"user:{user_id}",
        subject=f"workspace:{workspace_id}",
        workspace_id=workspace_id,
        after=after,
        now=now,
    )
