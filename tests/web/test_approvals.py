"""The pages of approvals: those of the workspace by role, and the client's door."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from selectolax.lexbor import LexborHTMLParser

from app.channels.models import Channel
from app.core import clock, db
from app.core.policy import Role
from app.posting.approvals import links
from app.posting.content.blocks import Content, Media
from app.posting.models import AuthoredPost
from tests.media.files import kept, picture
from tests.posting.approvals.proposals import acts, linked, member, service_bot, state, submitted
from tests.posting.authored import may_post
from tests.world import Owner, owned_channel, owner

SignIn = Callable[[Owner], FlaskClient]
READERS = (Role.ANALYST, Role.CLIENT)


@pytest.fixture
def who(app: Flask) -> Owner:
    service_bot()
    return owner("Aziza", telegram_user_id=42, now=clock.utcnow())


@pytest.fixture
def news(who: Owner) -> Channel:
    return _channel(who, "News", -1001)


@pytest.fixture
def editor(who: Owner) -> Owner:
    return member(who, Role.EDITOR)


def _channel(who: Owner, title: str, chat_id: int) -> Channel:
    channel = owned_channel(who, title, telegram_chat_id=chat_id, now=clock.utcnow())
    may_post(channel)
    return channel


def _words(html: str, selector: str = "main") -> str:
    node = LexborHTMLParser(html).css_first(selector)
    return " ".join(node.text().split()) if node else ""


def _form(html: str, action: str) -> dict[str, str]:
    """The hidden fields of a form as it came."""
    node = LexborHTMLParser(html).css_first(f'form[action="{action}"]')
    assert node is not None, action
    fields = [one.attributes for one in node.css("input[type=hidden]")]
    return {str(f["name"]): str(f["value"]) for f in fields if f["name"] != "csrf_token"}


def test_what_waits_is_listed_and_approved_on_its_page(
    who: Owner, news: Channel, editor: Owner, sign_in: SignIn
) -> None:
    post = submitted(editor, news, text="**Big** news")
    client, url = sign_in(who), f"/posts/{post.public_id}/approval"
    listed = client.get("/posts/approvals").text
    assert url in listed and "Big news" in listed and "Editor" in listed and "News" in listed
    shown = client.get(url).text
    assert "<b>Big</b> news" in shown and "asks to publish it on" in shown
    answer = client.post(f"{url}/approve", data=_form(shown, f"{url}/approve"))
    assert answer.status_code == 303 and state(post) == "scheduled"
    assert "Big news" not in client.get("/posts/approvals").text
    assert client.post(f"{url}/approve", data=_form(shown, f"{url}/approve")).status_code == 409


def test_a_page_that_is_older_than_the_post_approves_nothing(
    who: Owner, news: Channel, editor: Owner, sign_in: SignIn
) -> None:
    post = submitted(editor, news, text="One")
    client, url = sign_in(who), f"/posts/{post.public_id}/approval"
    seen = _form(client.get(url).text, f"{url}/approve")
    submitted(editor, news, text="Two", public_id=post.public_id)
    assert client.post(f"{url}/approve", data=seen).status_code == 409
    assert state(post) == "proposed"


def test_returned_with_a_comment_the_page_keeps_it(who: Owner, news: Channel, editor: Owner, sign_in: SignIn) -> None:
    post = submitted(editor, news)
    client, url = sign_in(who), f"/posts/{post.public_id}/approval"
    fields = _form(client.get(url).text, f"{url}/return")
    refused = client.post(f"{url}/return", data=fields | {"comment": "x" * 1001})
    assert refused.status_code == 422 and "at most 1000 characters" in _words(refused.text)
    assert client.post(f"{url}/return", data=fields | {"comment": "Shorter, <b>please</b>"}).status_code == 303
    assert client.get(f"/posts/{post.public_id}").status_code == 200, "its history shows it"
    page = sign_in(editor).get(url).text
    assert state(post) == "draft" and "Shorter, &lt;b&gt;please" in page and "does not wait" in page


def test_an_editor_sees_and_may_not_decide(who: Owner, news: Channel, editor: Owner, sign_in: SignIn) -> None:
    post = submitted(editor, news)
    client, url = sign_in(editor), f"/posts/{post.public_id}/approval"
    page = client.get(url).text
    assert "asks to publish" in page and "/approve" not in page and "/return" not in page
    for verb in ("approve", "return"):
        assert client.post(f"{url}/{verb}", data={"version": post.version}).status_code == 403
    assert (
        client.get("/posts/clients").status_code == 403 and "/posts/clients" not in client.get("/posts/approvals").text
    )
    assert state(post) == "proposed"


@pytest.mark.parametrize("role", READERS)
def test_readers_do_not_see_what_is_not_out(
    who: Owner, news: Channel, editor: Owner, sign_in: SignIn, role: Role
) -> None:
    post, client = submitted(editor, news), sign_in(member(who, role))
    for path in ("/posts/approvals", f"/posts/{post.public_id}/approval", "/posts/clients"):
        assert client.get(path).status_code == 403


def test_another_workspace_finds_no_such_post(who: Owner, news: Channel, editor: Owner, sign_in: SignIn) -> None:
    post = submitted(editor, news)
    stranger = sign_in(owner("Bek", now=clock.utcnow()))
    url = f"/posts/{post.public_id}/approval"
    assert stranger.get(url).status_code == 404
    for verb in ("approve", "return"):
        assert stranger.post(f"{url}/{verb}", data={"version": post.version}).status_code == 404
    assert state(post) == "proposed"


def test_overriding_a_client_takes_a_tick_of_its_own(who: Owner, news: Channel, sign_in: SignIn) -> None:
    linked(who, news, is_required=True)
    post = submitted(who, news, may_publish=True)
    client, url = sign_in(who), f"/posts/{post.public_id}/approval"
    shown = client.get(url).text
    assert "Override and approve" in shown and "has to approve" in shown
    fields = _form(shown, f"{url}/approve")
    assert client.post(f"{url}/approve", data=fields).status_code == 409 and state(post) == "proposed"
    assert client.post(f"{url}/approve", data=fields | {"override": "on"}).status_code == 303
    assert state(post) == "scheduled" and "in the client’s place" in client.get(url).text


def _make_link(client: FlaskClient, *where: Channel, **more: str) -> str:
    """The address of a new link, as it is shown this one time."""
    data = {"name": "Acme", "channel": [one.public_id for one in where], **more}
    html = client.post("/posts/clients", data=data).text
    found = re.search(r"/client/([\w-]{43})<", html)
    assert found is not None, html
    return found[1]


def test_a_link_is_made_shown_once_and_revoked(who: Owner, news: Channel, app: Flask, sign_in: SignIn) -> None:
    client, stranger = sign_in(who), app.test_client()
    token = _make_link(client, news, required="on")
    listed = client.get("/posts/clients").text
    assert token not in listed and "Acme" in listed and "has to approve" in listed and "never opened" in listed
    assert stranger.get(f"/client/{token}").status_code == 200
    assert "opened 1 time" in client.get("/posts/clients").text
    (link,) = links.listed(who.workspace.id)
    assert client.post(f"/posts/clients/{link.public_id}/revoke").status_code == 303
    assert stranger.get(f"/client/{token}").status_code == 404
    assert "Acme" not in client.get("/posts/clients").text


def test_a_link_needs_a_name_and_a_channel_and_keeps_what_was_typed(who: Owner, news: Channel, sign_in: SignIn) -> None:
    client = sign_in(who)
    for data, why in (
        ({"name": " ", "channel": news.public_id}, "1 to 48 characters"),
        ({"name": "Acme", "channel": "x"}, "at least one channel"),
    ):
        answer = client.post("/posts/clients", data=data)
        assert answer.status_code == 422 and why in answer.text
    assert 'value="Acme"' in answer.text and links.listed(who.workspace.id) == []


def test_a_client_sees_the_exact_posts_and_approves(who: Owner, news: Channel, app: Flask, sign_in: SignIn) -> None:
    token = _make_link(sign_in(who), news, required="on")
    post = submitted(who, news, text="**Big** news", may_publish=True)
    client, url = app.test_client(), f"/client/{token}"
    page = client.get(url)
    assert "<b>Big</b> news" in page.text and "Aziza's channels" in _words(page.text) and "waits for you" in page.text
    assert page.headers["X-Robots-Tag"] == "noindex, nofollow" and page.headers["Cache-Control"] == "private, no-store"
    fields = _form(page.text, f"{url}/posts/{post.public_id}")
    assert client.post(f"{url}/posts/{post.public_id}", data=fields | {"answer": "yes"}).status_code == 303
    assert state(post) == "scheduled" and ("client:Acme", "client_approved") in acts(post)
    assert "you approved it" in client.get(url).text


def test_a_client_returns_with_a_comment(who: Owner, news: Channel, app: Flask, sign_in: SignIn) -> None:
    token, post = _make_link(sign_in(who), news, required="on"), submitted(who, news, may_publish=True)
    client, url = app.test_client(), f"/client/{token}"
    action = f"{url}/posts/{post.public_id}"
    fields = _form(client.get(url).text, action)
    refused = client.post(action, data=fields | {"answer": "no", "comment": "x" * 1001})
    assert refused.status_code == 422 and "at most 1000" in _words(refused.text)
    assert client.post(action, data=fields | {"answer": "maybe"}).status_code == 422
    assert client.post(action, data=fields | {"answer": "no", "comment": "Wrong price"}).status_code == 303
    assert state(post) == "draft" and "Nothing is planned" in client.get(url).text
    assert "Wrong price" in sign_in(who).get(f"/posts/{post.public_id}/approval").text


def test_words_that_changed_under_the_clients_eyes_are_not_approved(
    who: Owner, news: Channel, app: Flask, sign_in: SignIn
) -> None:
    token, post = _make_link(sign_in(who), news, required="on"), submitted(who, news, text="One", may_publish=True)
    client, url = app.test_client(), f"/client/{token}"
    action = f"{url}/posts/{post.public_id}"
    fields = _form(client.get(url).text, action)
    submitted(who, news, text="Two", public_id=post.public_id, may_publish=True)
    assert client.post(action, data=fields | {"answer": "yes"}).status_code == 409
    assert state(post) == "proposed" and "you approved it" not in client.get(url).text


def test_a_client_reaches_nothing_but_their_channels_posts(
    who: Owner, news: Channel, app: Flask, sign_in: SignIn
) -> None:
    fun, client = _channel(who, "Fun", -1002), app.test_client()
    token = _make_link(sign_in(who), news)
    hidden = submitted(who, fun, text="Secret", may_publish=True)
    both = submitted(who, news, fun, text="Shared", variants={fun.public_id: "Only for Fun"}, may_publish=True)
    page = client.get(f"/client/{token}").text
    assert "Shared" in page and "Secret" not in page and "Only for Fun" not in page
    assert client.post(f"/client/{token}/posts/{hidden.public_id}", data={"answer": "no"}).status_code == 404
    assert client.post(f"/client/{token}/posts/{'x' * 22}", data={"answer": "no"}).status_code == 404
    other = _make_link(sign_in(who), fun)
    assert client.post(f"/client/{other}/posts/{both.public_id}", data={"answer": "no"}).status_code == 409
    for path in ("/posts", f"/posts/{both.public_id}", f"/posts/{both.public_id}/approval", "/network"):
        assert client.get(path).headers["Location"] == "/login"
    addresses = re.findall(r'(?:href|action|hx-get|hx-post)="([^"]*)"', page)
    assert all(a.startswith((f"/client/{token}", "/static/", "#", "?lang=")) or a == "/" for a in addresses), addresses


def test_what_is_out_cannot_be_answered_any_more(who: Owner, news: Channel, app: Flask, sign_in: SignIn) -> None:
    token, post = _make_link(sign_in(who), news), submitted(who, news, may_publish=True)
    db.execute("UPDATE due_action SET state = 'done'")
    assert (
        post.public_id not in (page := app.test_client().get(f"/client/{token}").text) and "Nothing is planned" in page
    )
    answer = app.test_client().post(f"/client/{token}/posts/{post.public_id}", data={"answer": "no"})
    assert answer.status_code == 404


def test_unknown_expired_and_revoked_links_answer_alike(who: Owner, news: Channel, app: Flask, sign_in: SignIn) -> None:
    client = sign_in(who)
    expired, revoked = _make_link(client, news), _make_link(client, news)
    newest, oldest = links.listed(who.workspace.id)
    client.post(f"/posts/clients/{newest.public_id}/revoke")
    late = db.stamp(clock.utcnow() - timedelta(days=1))
    db.execute("UPDATE client_link SET expires_at = ? WHERE public_id = ?", late, oldest.public_id)
    answers = [app.test_client().get(f"/client/{token}") for token in ("x" * 43, expired, revoked)]
    assert [a.status_code for a in answers] == [404] * 3
    assert len({re.sub(r'content="[^"]{40,}"|value="[^"]{40,}"', "", a.text) for a in answers}) == 1


def test_guessing_is_slowed_down(who: Owner, app: Flask) -> None:
    codes = [app.test_client().get(f"/client/{'x' * 42}{n % 10}").status_code for n in range(61)]
    assert codes[0] == 404 and codes[-1] == 429


def test_a_clients_link_shows_the_files_of_its_posts_and_no_others(
    who: Owner, news: Channel, app: Flask, sign_in: SignIn, tmp_path: Path
) -> None:
    token, client = _make_link(sign_in(who), news), app.test_client()
    shown, hidden = (kept(who, picture("PNG", shade=n), f"{n}.png", tmp_path) for n in (1, 2))
    rest = Content(media=(Media("photo", shown.public_id),))
    post: AuthoredPost = submitted(who, news, text="A picture", rest=rest, may_publish=True)
    page = client.get(f"/client/{token}").text
    assert f'src="/client/{token}/media/{shown.public_id}"' in page
    answer = client.get(f"/client/{token}/media/{shown.public_id}")
    assert answer.status_code == 200 and answer.mimetype == "image/png"
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert client.get(f"/client/{token}/media/{hidden.public_id}").status_code == 404
    assert client.get(f"/client/{'x' * 43}/media/{shown.public_id}").status_code == 404
    assert state(post) == "scheduled"
