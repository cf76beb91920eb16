"""The composer, the lists and the post's page with approvals: who may not publish asks, and clients are asked first."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from selectolax.lexbor import LexborHTMLParser

from app.channels.models import Channel
from app.core import clock
from app.core.errors import Conflict
from app.core.policy import Role
from app.posting.content.draft import Draft
from app.posting.service import composing
from tests.posting.approvals.proposals import linked, member, service_bot, state, submitted, told
from tests.posting.authored import may_post
from tests.web.test_posting import Composer
from tests.world import Owner, owned_channel, owner

SignIn = Callable[[Owner], FlaskClient]


@pytest.fixture
def who(app: Flask) -> Owner:
    service_bot()
    return owner("Aziza", telegram_user_id=42, now=clock.utcnow())


@pytest.fixture
def news(who: Owner) -> Channel:
    channel = owned_channel(who, "News", telegram_chat_id=-1001, now=clock.utcnow())
    may_post(channel)
    return channel


def _words(html: str, selector: str = "main") -> str:
    node = LexborHTMLParser(html).css_first(selector)
    return " ".join(node.text().split()) if node else ""


def test_what_an_editor_sends_off_in_the_composer_asks_the_owner(who: Owner, news: Channel, sign_in: SignIn) -> None:
    composer = Composer(sign_in(member(who, Role.EDITOR)))
    assert composer.press("publish", news, text="By an editor").status_code == 303
    assert told() == [(42, "approval_asked")]
    client = sign_in(who)
    attention = client.get("/posts?show=attention").text
    assert (
        "By an editor" in attention and f"{composer.url}/approval" in attention and "Nothing needs you" not in attention
    )
    assert f'href="{composer.url}/approval"' in client.get(composer.url).text
    assert _words(client.get("/network").text, "nav .count") == "1"
    assert _words(sign_in(member(who, Role.ANALYST)).get("/network").text, "nav .count") == ""


def test_an_owners_post_waits_for_the_client_and_the_record_names_all(
    who: Owner, news: Channel, app: Flask, sign_in: SignIn
) -> None:
    token = linked(who, news, is_required=True)
    composer = Composer(client := sign_in(who))
    assert composer.press("publish", news, text="By the owner").status_code == 303
    page = app.test_client().get(f"/client/{token}").text
    node = LexborHTMLParser(page).css_first("input[name=seen]")
    data = {"answer": "no", "comment": "Not this week", "seen": str(node.attributes["value"]) if node else ""}
    assert app.test_client().post(f"/client/{token}{composer.url}", data=data).status_code == 303
    history = _words(client.get(composer.url).text, "#post_history")
    assert "Acme returned it as the client Not this week" in history


def test_no_other_way_puts_a_post_out_without_the_clients_yes(who: Owner, news: Channel) -> None:
    linked(who, news, is_required=True)
    post = submitted(who, news, may_publish=True)
    draft = Draft("Hello", channels=(news.public_id,))
    at = clock.utcnow() + timedelta(hours=1)
    with pytest.raises(Conflict, match="Acme"):
        composing.schedule(
            *(who.workspace.id, post.public_id, post.version, draft), due_at=at, user_id=who.user.id, now=clock.utcnow()
        )
    assert state(post) == "proposed"
