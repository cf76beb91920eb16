"""Bots that workspaces bring: handed in as a token, proven by Telegram, kept sealed, taken out again.

web keeps the token as a wish and calls nobody; the bot process asks Telegram whose token it is. Until then no bot's
row changes: whoever only claims a token must not get at a bot.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.core import db, ids
from app.core.crypto import Sealer
from app.core.errors import Conflict, Invalid, NotFound
from app.core.i18n import N_
from app.telegram import service
from app.telegram.models import Bot, OwnBotWish
from app.telegram.port import BotIdentity

WANTED, DONE, REFUSED = "wanted", "done", "refused"
UNKNOWN_TOKEN, OTHER_BOT, TAKEN = "unknown_token", "other_bot", "taken"
MOST_OWN, MOST_HEARD = 10, 50
_TOKEN = re.compile(r"[1-9]\d{4,17}:[\w-]{30,64}", re.ASCII)
_AT_ONCE = 10


@dataclass(frozen=True, slots=True)
class Wish:
    """A token that waits for Telegram's word, or what that word was. `token` is sealed, None once it is answered."""

    id: int
    public_id: str
    workspace_id: int
    bot_id: int
    token: str | None
    state: str
    reason: str | None
    asked_by: int
    asked_at: datetime


_WISH = "SELECT id, public_id, workspace_id, bot_id, token_sealed, state, reason, asked_by, asked_at FROM own_bot_wish WHERE "


def hand_in(sealer: Sealer, workspace_id: int, token: str, *, user_id: int, now: datetime) -> int:
    """Keep a token until Telegram was asked, in place of one that waits for the same bot. Returns the bot's id.

    Raises Invalid for what is no token, Conflict when the workspace has MOST_OWN bots.
    """
    token = token.strip()
    if not _TOKEN.fullmatch(token):
        raise Invalid(
            N_("This is no bot token. @BotFather gives one, such as 1234567890:AA…"), fields={"token": "form"}
        )
    bot_id, public_id = int(token.split(":")[0]), ids.public_id()
    if len(bots_of(workspace_id)) >= MOST_OWN and bot_id not in {bot.bot_id for bot in bots_of(workspace_id)}:
        raise Conflict(N_("A workspace has at most %(most)s bots. Revoke one first."), code="many", most=MOST_OWN)
    with db.write():
        db.execute("DELETE FROM own_bot_wish WHERE workspace_id = ? AND bot_id = ?", workspace_id, bot_id)
        OwnBotWish.create(
            public_id=public_id,
            workspace_id=workspace_id,
            bot_id=bot_id,
            token_sealed=sealer.seal(token, bound_to=_place(public_id)),
            state=WANTED,
            asked_by=user_id,
            asked_at=now,
        )
    return bot_id


def _place(public_id: str) -> str:
    return f"own_bot_wish.token:{public_id}"


def token_of(sealer: Sealer, wish: Wish) -> str:
    """The token of a wish that is not answered yet."""
    assert wish.token is not None
    return sealer.open(wish.token, bound_to=_place(wish.public_id))


def waiting(now: datetime) -> list[Wish]:
    """Tokens to ask Telegram about now, the oldest first."""
    rows = db.rows(
        f"{_WISH} state = ? AND (not_before IS NULL OR not_before <= ?) ORDER BY id LIMIT ?",
        *(WANTED, db.stamp(now), _AT_ONCE),
    )
    return [_wish(row) for row in rows]


def wishes_of(workspace_id: int) -> list[Wish]:
    """The workspace's tokens that wait, and those that were refused, the newest first."""
    rows = db.rows(f"{_WISH} workspace_id = ? AND state <> ? ORDER BY id DESC LIMIT ?", workspace_id, DONE, _AT_ONCE)
    return [_wish(row) for row in rows]


def _wish(row: tuple[object, ...]) -> Wish:
    values = list(row)
    values[8] = db.moment(values[8])
    return Wish(*values)  # type: ignore[arg-type]


def accept(sealer: Sealer, wish: Wish, who: BotIdentity, *, updates: str, now: datetime) -> str | None:
    """Keep a bot whose token Telegram knows, or its new token. Returns why it is refused, None when it is kept."""
    known = Bot.get_or_none(Bot.bot_id == wish.bot_id)
    is_free = known is None or (known.deleted_at is not None and known.workspace_id is not None)
    if who.bot_id != wish.bot_id:
        return refuse(wish, OTHER_BOT)
    if not is_free and (known is None or known.workspace_id != wish.workspace_id):
        return refuse(wish, TAKEN)
    with db.write():
        token = token_of(sealer, wish)
        service.register(
            sealer, token=token, username=who.username, updates=updates, workspace_id=wish.workspace_id, now=now
        )
        Bot.update(workspace_id=wish.workspace_id, trouble=None).where(Bot.bot_id == wish.bot_id).execute()
        _answer(wish, DONE, None)
    return None


def refuse(wish: Wish, reason: str) -> str:
    """Answer a wish with no, and forget its token."""
    with db.write():
        _answer(wish, REFUSED, reason)
    return reason


def _answer(wish: Wish, state: str, reason: str | None) -> None:
    db.execute(
        "UPDATE own_bot_wish SET state = ?, reason = ?, token_sealed = NULL WHERE id = ? AND state = ?",
        *(state, reason and reason[:300], wish.id, WANTED),
    )


def put_off(wish: Wish, wait_s: float, *, now: datetime) -> None:
    """Telegram does not answer: ask again later."""
    with db.write():
        until = db.stamp(now + timedelta(seconds=wait_s))
        db.execute("UPDATE own_bot_wish SET not_before = ? WHERE id = ?", until, wish.id)


def dismiss(workspace_id: int, public_id: str) -> None:
    """Take a token back that waits, or no longer show why it was refused."""
    with db.write():
        db.execute("DELETE FROM own_bot_wish WHERE workspace_id = ? AND public_id = ?", workspace_id, public_id)


def bots_of(workspace_id: int) -> list[Bot]:
    """The bots that a workspace brought, the oldest first."""
    found = Bot.select().where(Bot.workspace_id == workspace_id, Bot.deleted_at.is_null())
    return list(found.order_by(Bot.created_at, Bot.bot_id))


def bot_of(workspace_id: int, bot_id: int) -> Bot:
    """One of them. Raises NotFound."""
    found = next((bot for bot in bots_of(workspace_id) if bot.bot_id == bot_id), None)
    if found is None:
        raise NotFound(N_("There is no such bot."))
    return found


def to_hear() -> list[Bot]:
    """All workspaces' bots whose updates are to be taken in, the oldest first, at most MOST_HEARD."""
    found = Bot.select().where(Bot.workspace_id.is_null(False), Bot.deleted_at.is_null())
    return list(found.order_by(Bot.created_at, Bot.bot_id).limit(MOST_HEARD))


def note_trouble(bot_id: int, words: str | None) -> None:
    """Keep why Telegram does not let us hear a bot, None once it does."""
    with db.write():
        Bot.update(trouble=words and words[:300]).where(Bot.bot_id == bot_id).execute()


def end(workspace_id: int, bot_id: int, *, now: datetime) -> Bot:
    """Take a bot out, inside the running transaction: its token is forgotten, nobody is heard. Raises NotFound."""
    bot = bot_of(workspace_id, bot_id)
    Bot.update(deleted_at=now, token_sealed="", trouble=None).where(Bot.bot_id == bot_id).execute()
    return bot


def keep_copies_in(bot_id: int, telegram_chat_id: int | None) -> None:
    """The chat where a bot keeps copies of files, None for none."""
    with db.write():
        Bot.update(storage_chat_id=telegram_chat_id).where(Bot.bot_id == bot_id).execute()
