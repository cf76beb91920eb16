"""A person whose own account is connected, without the page."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from app.channels.models import Channel
from app.core import db
from app.core.crypto import Sealer
from app.core.settings import DEV_MASTER_KEY
from app.readings.collectors.base import bot_api_chat_id
from app.readings.collectors.owner_session.models import OwnerSession
from app.readings.owner_jobs import OpenLines
from app.readings.service.owner_session import accounts, states, work
from tests.readings.owner_session.generated import CHANNEL, PERSON, GeneratedTelegram, opens
from tests.world import Owner, owned_channel

SEALER = Sealer(DEV_MASTER_KEY)


def connected(who: Owner, *, now: datetime) -> OwnerSession:
    """The person's account as it stands after signing in."""
    row = accounts.start(SEALER, workspace_id=who.workspace.id, user_id=who.user.id, now=now)
    row.state, row.telegram_user_id, row.connected_at = states.CONNECTED, PERSON, now
    row.session_sealed = states.seal(SEALER, row, "session_sealed", "")
    row.save()
    states.source_of(who.workspace.id, now=now)
    return row


def news(who: Owner, *, now: datetime) -> Channel:
    """The channel that the generated account runs."""
    return owned_channel(who, "News24", telegram_chat_id=bot_api_chat_id(CHANNEL), now=now)


def work_until_idle(telegram: GeneratedTelegram, *, clock: Callable[[], datetime], most: int = 1000) -> int:
    """What the jobs process does, until nothing is left; returns the units of work."""
    lines, done = OpenLines(SEALER, opens(telegram)), 0
    try:
        while done < most:
            rows = work.sessions_at_work(clock())
            did = sum([work.work_on(row, lines, SEALER, clock=clock) for row in rows])
            if not did:
                break
            done += did
    finally:
        lines.close()
    return done


def own_source(workspace_id: int) -> int:
    found = db.row("SELECT id FROM source WHERE kind = 'owner_session' AND workspace_id = ?", workspace_id)
    assert found is not None
    return int(found[0])
