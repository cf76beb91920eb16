"""Joins and leaves. Of the member only a keyed hash is kept."""

from __future__ import annotations

from datetime import UTC
from functools import partial

from app.readings.service import updates
from bot.dispatcher import Effect, Incoming, nothing


def chat_member(incoming: Incoming) -> Effect:
    change = incoming.update.chat_member
    if change is None:
        return nothing
    return partial(
        updates.note_member,
        change.chat.id,
        bot_id=incoming.stored.bot_id,
        update_id=incoming.stored.update_id,
        member_hash=incoming.runtime.pseudonym("member", str(change.new_chat_member.user.id)),
        was=str(change.old_chat_member.status),
        now_is=str(change.new_chat_member.status),
        invite_link=change.invite_link.invite_link if change.invite_link else None,
        at=change.date.astimezone(UTC),
        via_request=change.via_join_request,
    )
