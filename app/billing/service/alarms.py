"""What those who run the service are told of its money."""

from __future__ import annotations

from datetime import datetime

from app.accounts.service import people
from app.notices import service as notices
from app.telegram import service as telegram


def books_differ(gateway: str, *, now: datetime) -> None:
    """Our books and a gateway's differ: a message to each SuperAdmin, one for a gateway and an hour, however many differ."""
    bot = telegram.service_bot()
    if bot is None:
        return
    for person in people.superadmins():
        notices.queue(
            "books_differ",
            user=person,
            bot_id=bot.bot_id,
            params={"gateway": gateway.capitalize()},
            dedupe_key=f"books_differ:{gateway}:{now:%Y%m%d%H}:{person.id}",
            now=now,
        )
