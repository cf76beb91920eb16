"""A workspace's palette: the sets that it chooses from, and the custom emoji that its people have at hand.

What counts against the plan is an emoji's first way into the palette: `custom_emoji` a month (design/product.md,
"Plans": "per plan and month"). One that is taken out and comes back counts once. One that comes into a post by another
way, typed or by a message to the bot, counts when it is scheduled, as if it had been in the palette and was taken out.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from app.audit import service as audit
from app.billing.service import limits
from app.channels.queries import channels_of
from app.core import db
from app.core.errors import Conflict, Invalid, NotFound
from app.core.i18n import N_
from app.posting.content.blocks import Code, Content
from app.posting.content.tidy import tidy
from app.telegram import service as telegram

LIMIT = "custom_emoji"
ASKED, READ, REFUSED = "asked", "read", "refused"
MOST_SETS = 50
MOST_AT_ONCE = 200
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)  # when Telegram told of an emoji that it was never asked about
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
        db.serialise("workspace", workspace_id)
        _require_room(workspace_id, name.lower())
        db.execute(
            "INSERT INTO emoji_set (key, name, title, bot_id, state, attempts, asked_at) VALUES (?, ?, '', ?, ?, 0, ?)"
            " ON CONFLICT (key) DO UPDATE SET bot_id = excluded.bot_id, state = excluded.state, attempts = 0,"
            " error = NULL, not_before = NULL, asked_at = excluded.asked_at"
            " WHERE emoji_set.state <> ? AND (emoji_set.read_at IS NULL OR emoji_set.read_at < ?)",
            *(name.lower(), name, bot_of(workspace_id), ASKED, db.stamp(now), ASKED, db.stamp(now - REST)),
        )
        db.execute(
            "INSERT INTO palette_set (workspace_id, emoji_set_id, asked_at) SELECT ?, id, ? FROM emoji_set WHERE key = ?"
            " ON CONFLICT (workspace_id, emoji_set_id) DO NOTHING",
            *(workspace_id, db.stamp(now), name.lower()),
        )
    return name.lower()


def _require_room(workspace_id: int, key: str) -> None:
    """Before anything is written: whoever catches the refusal goes on with the same transaction."""
    found = db.row(
        "SELECT COUNT(*) FROM palette_set p JOIN emoji_set s ON s.id = p.emoji_set_id"
        " WHERE p.workspace_id = ? AND s.key <> ?",
        *(workspace_id, key),
    )
    if found and found[0] >= MOST_SETS:
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
    found = db.row(
        f"SELECT COUNT(*) FROM custom_emoji WHERE emoji_id IN ({db.marks(wanted)}) AND known_at > ?",
        *(*wanted, db.stamp(_NEVER)),
    )
    if not wanted or found is None or found[0] != len(wanted):
        raise NotFound(N_("There is no such emoji."))


def _insert(workspace_id: int, emoji_id: str, *, removed_at: datetime | None = None, now: datetime) -> bool:
    return bool(
        db.execute(
            "INSERT INTO palette_emoji (workspace_id, emoji_id, added_at, removed_at) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (workspace_id, emoji_id) DO NOTHING",
            *(workspace_id, emoji_id, db.stamp(now), db.stamp(removed_at) if removed_at else None),
        )
    )


def use(workspace_id: int, contents: Iterable[Content], *, now: datetime) -> int:
    """Count the custom emoji of what goes on the clock that were never in the palette, all or none, as `add` does, in
    the running transaction; returns how many. They are not at hand by that. Raises LimitReached as `add`."""
    used: dict[str, str] = {}
    for content in contents:
        used |= emoji_in(content)
    if not used:
        return 0
    with db.write(), db.database.atomic():
        for emoji_id, plain in sorted(used.items()):
            db.execute(
                "INSERT INTO custom_emoji (emoji_id, number, plain, known_at) VALUES (?, 0, ?, ?)"
                " ON CONFLICT (emoji_id) DO NOTHING",
                *(emoji_id, plain[:64], db.stamp(_NEVER)),
            )
        new = [emoji_id for emoji_id in sorted(used) if _insert(workspace_id, emoji_id, removed_at=now, now=now)]
        if new:
            limits.consume(workspace_id, {LIMIT: len(new)}, now=now)
    return len(new)


def is_beyond_a_month(workspace_id: int, content: Content, *, now: datetime) -> bool:
    """Whether no month of the plan has room for the new custom emoji of a text."""
    limit, used = limits.limit_of(workspace_id, LIMIT, now=now), sorted(emoji_in(content))
    if limit is None or len(used) <= limit:
        return False
    known = db.row(
        f"SELECT COUNT(*) FROM palette_emoji WHERE workspace_id = ? AND emoji_id IN ({db.marks(used)})",
        *(workspace_id, *used),
    )
    return len(used) - (known[0] if known else 0) > limit


def without_custom(content: Content) -> Content:
    """The same with the plain emoji that stand for the custom ones."""
    blocks = [
        block
        if isinstance(block, Code)
        else replace(block, spans=tuple(replace(one, emoji=None) for one in block.spans))
        for block in content.blocks
    ]
    return replace(content, blocks=tuple(blocks))


def emoji_in(content: Content) -> dict[str, str]:
    """The custom emoji of a text by their ids, with the plain ones that stand for them."""
    blocks = [block for block in tidy(content.blocks) if not isinstance(block, Code)]
    return {span.emoji: span.text for block in blocks for span in block.spans if span.emoji}


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
