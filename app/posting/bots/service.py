"""A workspace's own bots in publishing: brought, chosen for channels, taken out; each with a record."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from app.audit import service as audit
from app.channels.models import Channel
from app.channels.queries import ChannelRef, channel_of, why_not_post
from app.channels.service import presence
from app.channels.service.connect import BOT_REMOVED
from app.channels.service.rights import state_now
from app.core import db
from app.core.crypto import Sealer
from app.core.errors import Conflict, Invalid, NotFound, Upstream
from app.core.i18n import N_
from app.posting.service import senders
from app.posting.states import AFTER, BLOCKED, CLAIMED, PUBLISH, RESERVED, SENDS, TELEGRAM, WAITING
from app.telegram import own_bots
from app.telegram import service as telegram
from app.telegram.own_bots import Wish
from app.telegram.service import Bots

REVOKED = "bot_revoked"
_ASK_AGAIN_S = 15.0
_WHY_NOT = {
    "bot_removed": N_("This bot is not an administrator of the channel yet."),
    "no_right": N_("This bot lacks the right to post messages there."),
    "not_connected": N_("The channel is no longer connected."),
    "over_plan": N_("Your plan has no room for this channel."),
    "payment_late": N_("Your payment is late: until it is paid, nothing goes out."),
}


def hand_in(sealer: Sealer, workspace_id: int, token: str, *, user_id: int, now: datetime) -> None:
    """Keep a token until the bot process has asked Telegram about it. Raises Invalid, Conflict."""
    with db.write():
        bot_id = own_bots.hand_in(sealer, workspace_id, token, user_id=user_id, now=now)
        _record("bot.handed_in", workspace_id, bot_id, user_id, now=now)


def check(bots: Bots, wish: Wish, *, updates: str, now: datetime) -> None:
    """Ask Telegram whose a token is, and keep the bot or say why not. Called by the bot process, outside transactions."""
    try:
        who = bots.publishing_line(own_bots.token_of(bots.sealer, wish)).me()
    except Upstream as error:
        if error.permanent:
            own_bots.refuse(wish, own_bots.UNKNOWN_TOKEN)
        else:
            own_bots.put_off(wish, error.retry_after_s or _ASK_AGAIN_S, now=now)
        return
    with db.write():
        if own_bots.accept(bots.sealer, wish, who, updates=updates, now=now) is None:
            _record(
                "bot.kept", wish.workspace_id, wish.bot_id, wish.asked_by, after={"username": who.username}, now=now
            )


def choose(workspace_id: int, channel: str, bot_id: int, *, user_id: int, now: datetime) -> None:
    """Let another bot post in a channel: the service's, or one of the workspace's own; what waits goes by it too.

    Raises NotFound, Conflict while that bot may not post there.
    """
    ref, service = channel_of(workspace_id, channel), telegram.service_bot()
    if ref is None or ref.relation != "owned":
        raise NotFound(N_("There is no such channel."))
    if service is None or bot_id != service.bot_id:
        own_bots.bot_of(workspace_id, bot_id)
    reason = why_not_post([ref.id], bot_id, now=now).get(ref.id)
    if reason:
        raise Conflict(_WHY_NOT[reason], code=reason)
    with db.write():
        state = state_now(bot_id, ref.chat_id)
        Channel.update(bot_id=bot_id, state=state).where(
            Channel.workspace == workspace_id, Channel.id == ref.id
        ).execute()
        _hand_over(ref, bot_id, now=now)
        audit.record(
            "channel.bot_chosen",
            actor=f"user:{user_id}",
            subject=f"channel:{ref.public_id}",
            workspace_id=workspace_id,
            before={"bot_id": ref.bot_id},
            after={"bot_id": bot_id},
            now=now,
        )


def _hand_over(ref: ChannelRef, bot_id: int, *, now: datetime) -> None:
    """What has not begun to go out moves to the other bot's lane; what has stays with the bot that began it.

    Of a bot that was revoked, the deletions, edits and pins of what it sent move too: Telegram lets any administrator
    with these rights do them.
    """
    sender_id = senders.ensure_sender(bot_id, now=now)
    rows = db.rows(
        "SELECT t.id FROM post_target t JOIN due_action a ON a.target_id = t.id WHERE t.channel_id = ? AND a.kind = ?"
        " AND a.slot = 0 AND a.state IN (?, ?) AND t.sender_id <> ? AND NOT EXISTS (SELECT 1 FROM delivery d"
        " WHERE d.target_id = t.id AND d.state <> ?)",
        *(ref.id, PUBLISH, WAITING, BLOCKED, sender_id, RESERVED),
    )
    for (target_id,) in rows:
        db.execute("UPDATE post_target SET sender_id = ? WHERE id = ?", sender_id, target_id)
        db.execute("UPDATE delivery SET sender_id = ? WHERE target_id = ?", sender_id, target_id)
        db.execute(
            "UPDATE due_action SET sender_id = ? WHERE target_id = ? AND state IN (?, ?, ?)",
            *(sender_id, target_id, WAITING, BLOCKED, AFTER),
        )
    orphans = db.execute(
        f"UPDATE due_action SET sender_id = ? WHERE state IN (?, ?, ?) AND kind NOT IN ({db.marks(SENDS)})"
        " AND target_id IN (SELECT id FROM post_target WHERE channel_id = ?) AND sender_id IN (SELECT s.id FROM sender s"
        " JOIN bot b ON CAST(b.bot_id AS TEXT) = s.account WHERE s.kind = ? AND b.deleted_at IS NOT NULL)",
        *(sender_id, WAITING, BLOCKED, AFTER, *SENDS, ref.id, TELEGRAM),
    )
    if rows or orphans:
        senders.wake(sender_id, now=now)


def revoke(workspace_id: int, bot_id: int, *, user_id: int, now: datetime) -> int:
    """Take an own bot out: its token is forgotten and what waits for it is on hold. Returns how many. Raises NotFound."""
    with db.write():
        bot = own_bots.end(workspace_id, bot_id, now=now)
        for (chat_id,) in db.rows("SELECT chat_id FROM bot_rights WHERE bot_id = ?", bot_id):
            presence.note(bot_id, chat_id, is_admin=False, at=now)
        db.execute("UPDATE bot_rights SET status = 'left', checked_at = ? WHERE bot_id = ?", db.stamp(now), bot_id)
        Channel.update(state=BOT_REMOVED).where(Channel.workspace == workspace_id, Channel.bot_id == bot_id).execute()
        held = db.execute(
            "UPDATE due_action SET state = ?, reason = ?, epoch = 0 WHERE state IN (?, ?)"
            " AND sender_id IN (SELECT id FROM sender WHERE kind = ? AND account = ?)",
            *(BLOCKED, REVOKED, WAITING, CLAIMED, TELEGRAM, str(bot_id)),
        )
        _record("bot.revoked", workspace_id, bot_id, user_id, before={"username": bot.username}, now=now)
    return held


def keep_copies_in(
    workspace_id: int, bot_id: int, telegram_chat_id: int | None, *, user_id: int, now: datetime
) -> None:
    """Choose the private channel in which an own bot keeps copies of files (None: none). Raises NotFound, Invalid."""
    bot = own_bots.bot_of(workspace_id, bot_id)
    if telegram_chat_id is not None and telegram_chat_id not in {chat for chat, _ in storage_chats(bot_id)}:
        raise Invalid(N_("The bot is not an administrator of this channel."), fields={"storage": "unknown"})
    with db.write():
        own_bots.keep_copies_in(bot_id, telegram_chat_id)
        _record(
            *("bot.storage_chosen", workspace_id, bot_id, user_id),
            before={"chat": bot.storage_chat_id},
            after={"chat": telegram_chat_id},
            now=now,
        )


def storage_chats(bot_id: int) -> list[tuple[int, str]]:
    """(Telegram's id, title) of the private channels where a bot is administrator, by title."""
    return [
        (int(row[0]), str(row[1]))
        for row in db.rows(
            "SELECT h.telegram_chat_id, h.title FROM bot_rights r JOIN chat h ON h.id = r.chat_id WHERE r.bot_id = ?"
            " AND r.status = 'administrator' AND h.username IS NULL AND h.telegram_chat_id IS NOT NULL"
            " ORDER BY h.title, h.id",
            bot_id,
        )
    ]


def _record(action: str, workspace_id: int, bot_id: int, user_id: int, **what: Any) -> None:
    audit.record(action, actor=f"user:{user_id}", subject=f"bot:{bot_id}", workspace_id=workspace_id, **what)
