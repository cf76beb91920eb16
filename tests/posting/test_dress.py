"""A channel's signature and frame stand around its posts, as they were when the post was written."""

from __future__ import annotations

import pytest

from app.channels.models import Channel
from app.channels.queries import channel_of
from app.core import clock
from app.core.errors import Invalid
from app.posting.planning import settings
from app.posting.planning.settings import Typed
from tests.posting.authored import ScriptedLine, may_post, run_lane, scheduled, text
from tests.world import Owner, owned_channel


def _rules(
    who: Owner, channel: Channel, *, signature: str = "", template: str = "", is_protected: bool = False
) -> None:
    ref = channel_of(who.workspace.id, channel.public_id)
    assert ref is not None
    typed = Typed([""] * 7, [], [], "0", signature, template, is_protected)
    settings.save(who.workspace.id, ref, typed, user_id=who.user.id, now=clock.utcnow())


def test_each_channel_puts_its_own_around_the_same_words(who: Owner, news: Channel, line: ScriptedLine) -> None:
    other = owned_channel(who, "Other", telegram_chat_id=-1002, now=clock.utcnow())
    may_post(other)
    _rules(who, news, signature="**@news**", is_protected=True)
    scheduled(who, text("Hello"), news, other)
    run_lane(line)
    said = {chat: what for _, chat, what in line.sent}
    assert (said[-1001].text, said[-1001].is_protected) == ("Hello\n\n@news", True)
    assert (said[-1002].text, said[-1002].is_protected) == ("Hello", False)
    assert said[-1001].entities == ({"type": "bold", "offset": 7, "length": 5},)


def test_a_post_keeps_the_signature_that_it_was_written_with(who: Owner, news: Channel, line: ScriptedLine) -> None:
    _rules(who, news, signature="old", template="Before\n{text}")
    scheduled(who, text("Hello"), news)
    _rules(who, news, signature="new")
    run_lane(line)
    assert line.texts == ["Before\nHello\n\nold"]


def test_a_text_that_its_signature_makes_too_long_is_refused_beforehand(who: Owner, news: Channel) -> None:
    _rules(who, news, signature="@news")
    with pytest.raises(Invalid):
        scheduled(who, text("x" * 4094), news)
