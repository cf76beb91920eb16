"""An owner with a channel in which the bot may post."""

from __future__ import annotations

import pytest

from app.boot import Runtime
from app.channels.models import Channel
from app.core import clock
from tests.posting.authored import ScriptedLine, may_post
from tests.world import Owner, owned_channel, owner


@pytest.fixture
def who(runtime: Runtime) -> Owner:
    return owner("Aziza", telegram_user_id=42, now=clock.utcnow())


@pytest.fixture
def news(who: Owner) -> Channel:
    channel = owned_channel(who, "News", telegram_chat_id=-1001, now=clock.utcnow())
    may_post(channel)
    return channel


@pytest.fixture
def line() -> ScriptedLine:
    return ScriptedLine()
