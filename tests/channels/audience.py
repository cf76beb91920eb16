"""A channel whose bot is told of joins and leaves, for tests."""

from __future__ import annotations

from datetime import datetime
from itertools import count

from app.channels.models import Channel
from app.channels.service import members, rights
from tests.world import chat_of

ALL = {key: True for key in rights.WANTED}
_update_ids = count(1)


def bot_in(channel: Channel, *, at: datetime) -> None:
    """Telegram tells that the bot is administrator there."""
    stand(channel, "administrator", at=at)


def stand(channel: Channel, status: str, *, at: datetime) -> None:
    rights.note(chat_of(channel), bot_id=channel.bot_id, status=status, rights=ALL, granted_by=1, said_at=at, now=at)


def move(
    channel: Channel, who: str, kind: str, *, at: datetime, link: str | None = None, request: bool = False
) -> None:
    """Somebody joins or leaves."""
    was, now_is = ("left", "member") if kind == "join" else ("member", "left")
    members.note_change(
        chat_of(channel),
        bot_id=channel.bot_id,
        update_id=next(_update_ids),
        member_hash=who,
        was=was,
        now_is=now_is,
        invite_link=link,
        at=at,
        via_request=request,
    )
