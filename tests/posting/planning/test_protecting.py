"""Two who change a channel's rules at once: nothing of either is lost in silence, and the first rules are written once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask.testing import FlaskClient
from selectolax.lexbor import LexborHTMLParser

from app.boot import Runtime
from app.channels.models import Channel
from app.channels.queries import ChannelRef, channels_of
from app.core import clock, db
from app.core.errors import Conflict
from app.posting.planning import protecting, settings
from app.posting.planning.models import PostingSettings
from app.posting.planning.settings import Typed
from tests.web.conftest import app, sign_in
from tests.world import Owner, owned_channel, owner

__all__ = ["app", "sign_in"]
SignIn = Callable[[Owner], FlaskClient]
_AT_ONCE = 8


@pytest.fixture
def who(runtime: Runtime) -> Owner:
    return owner("Aziza", telegram_user_id=42, now=clock.utcnow())


@pytest.fixture
def news(who: Owner) -> Channel:
    return owned_channel(who, "News", telegram_chat_id=-1001, now=clock.utcnow())


def _ref(who: Owner) -> ChannelRef:
    (ref,) = channels_of(who.workspace.id)
    return ref


def _protect(who: Owner) -> None:
    protecting.protect(who.workspace.id, _ref(who), is_protected=True, user_id=who.user.id, now=clock.utcnow())


def _typed(signature: str) -> Typed:
    return Typed([""] * 7, [], [], "0", signature, "", is_protected=False)


def _rows() -> list[tuple[str, bool]]:
    return [
        (str(signature), bool(on)) for signature, on in db.rows("SELECT signature, is_protected FROM posting_settings")
    ]


def _form(html: str) -> dict[str, str]:
    page = LexborHTMLParser(html).css_first("#posting_settings")
    assert page is not None
    return {str(one.attributes["name"]): one.attributes.get("value") or "" for one in page.css("input[type=hidden]")}


@pytest.mark.parametrize("is_first", [True, False], ids=["the first rules", "rules that were there"])
def test_an_old_form_does_not_take_protection_away(who: Owner, news: Channel, sign_in: SignIn, is_first: bool) -> None:
    client, url = sign_in(who), f"/channels/{news.public_id}/posting"
    if not is_first:
        settings.save(who.workspace.id, _ref(who), _typed("old"), user_id=who.user.id, now=clock.utcnow())
    old = _form(client.get(url).text)
    _protect(who)
    mine = {"signature": "@mine", "slots_2": "09:30", "quiet": ["5"]}
    answer = client.post(url, data=old | mine)
    assert answer.status_code == 409 and "Somebody changed these rules" in answer.text
    assert "@mine" in answer.text and 'value="09:30"' in answer.text, "what was typed is still there"
    assert "Kept now: switched on" in answer.text and ("Kept now: old" in answer.text) is not is_first
    assert _rows() == [("" if is_first else "old", True)]
    again = client.post(url, data=_form(answer.text) | mine | {"protected": "1"})
    assert again.status_code == 303 and _rows() == [("@mine", True)]


def test_a_form_that_is_saved_in_place_is_no_old_one(who: Owner, news: Channel, sign_in: SignIn) -> None:
    client, url = sign_in(who), f"/channels/{news.public_id}/posting"
    headers = {"HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": "form#posting_settings"}
    form = _form(client.get(url).text)
    for words in ("one", "two"):
        answer = client.post(url, data=form | {"signature": words}, headers=headers)
        assert answer.status_code == 200 and _rows() == [(words, False)]
        form = _form(answer.text)


def test_without_the_version_the_old_form_wins(who: Owner, news: Channel) -> None:
    """The harm: whoever has the rules open switches off what somebody else switched on."""
    rules = settings.rules_of(who.workspace.id, [_ref(who)])[news.id]
    _protect(who)
    with pytest.raises(Conflict):
        settings.save(
            who.workspace.id, _ref(who), _typed("x"), version=rules.version, user_id=who.user.id, now=clock.utcnow()
        )
    settings.save(who.workspace.id, _ref(who), _typed("x"), user_id=who.user.id, now=clock.utcnow())
    assert _rows() == [("x", False)]


def test_the_first_rules_of_a_channel_are_written_once(who: Owner, news: Channel) -> None:
    ref, barrier = _ref(who), threading.Barrier(_AT_ONCE)

    def act(n: int) -> None:
        barrier.wait(10)
        try:
            if n % 2:
                _protect(who)
            else:
                settings.save(who.workspace.id, ref, _typed(f"{n}"), user_id=who.user.id, now=clock.utcnow())
        finally:
            db.database.close()

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        assert list(pool.map(act, range(_AT_ONCE))) == [None] * _AT_ONCE
    assert PostingSettings.select().where(PostingSettings.workspace == who.workspace.id).count() == 1
