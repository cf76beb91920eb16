"""The pages of experiments: the design before the start, turns, and who may do what."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from selectolax.lexbor import LexborHTMLParser

from app.boot import Runtime
from app.channels.models import Channel
from app.core import clock
from app.core.policy import Role
from app.posting.experiments import service as experiments
from app.readings import service as readings
from app.readings.service import PostFacts
from tests.posting.approvals.proposals import member
from tests.posting.authored import may_post, scheduled, text
from tests.world import Owner, owned_channel, owner

SignIn = Callable[[Owner], FlaskClient]


@pytest.fixture
def who(runtime: Runtime) -> Owner:
    return owner("Aziza", telegram_user_id=42, now=clock.utcnow())


@pytest.fixture
def news(who: Owner) -> Channel:
    """A channel that is read alike every day."""
    now = clock.utcnow()
    channel = owned_channel(who, "News", telegram_chat_id=-1001, now=now)
    may_post(channel)
    source = readings.ensure_source(readings.PREVIEW_PAGE, now=now)
    at = {n: now - timedelta(days=2, hours=12 * n) for n in range(1, 41)}
    ids = readings.record_posts(channel.chat, [PostFacts(n, moment) for n, moment in at.items()])
    rows = [
        (ids[n], int((at[n] + timedelta(hours=h)).timestamp() * 1000), source, 1000 + 13 * (n % 7), 0, 0)
        for n in at
        for h in (1, 24)
    ]
    readings.record_readings(channel.chat, rows, now=now)
    return channel


def _form(channel: Channel, smallest: int = 20) -> dict[str, str]:
    return {
        "channel": channel.public_id,
        "question": "Do <b>pictures</b> help?",
        "arm_a": "with",
        "arm_b": "without",
        "smallest": str(smallest),
    }


def _words(html: str) -> str:
    node = LexborHTMLParser(html).css_first("main")
    return " ".join(node.text().split()) if node else ""


def test_the_design_is_told_before_the_start_and_the_turns_after_it(who: Owner, news: Channel, sign_in: SignIn) -> None:
    client = sign_in(who)
    told = _words(client.get("/posts/experiments", query_string=_form(news)).text)
    assert "4 posts each way, 8 in all" in told and "differ by 20 %" in told and "not before" in told
    started = client.post("/posts/experiments", data=_form(news))
    url = started.headers["Location"]
    page = client.get(url).text
    assert "Do &lt;b&gt;pictures&lt;/b&gt; help?" in page and "Not yet: each way needs 4" in _words(page)
    assert client.post("/posts/experiments", data=_form(news)).status_code == 409
    post = scheduled(who, text("Next"), news, at=clock.utcnow() + timedelta(hours=3))
    page = client.get(url).text
    node = LexborHTMLParser(page).css_first("input[name=arm]")
    arm = node.attributes["value"] if node else ""
    assert client.post(f"{url}/count-in", data={"post": post.public_id, "arm": arm}).status_code == 303
    assert "0 of 4 measured, 1 counted in" in _words(client.get(url).text)
    assert client.post(f"{url}/end").status_code == 303 and "ended" in _words(client.get(url).text)


@pytest.mark.parametrize(
    ("wrong", "status", "why"),
    [({"arm_b": ""}, 422, "Fill in"), ({"smallest": "3"}, 422, "Fill in"), ({"channel": "x"}, 404, "")],
)
def test_what_cannot_be_is_refused(
    who: Owner, news: Channel, sign_in: SignIn, wrong: dict[str, str], status: int, why: str
) -> None:
    client = sign_in(who)
    for answer in (
        client.get("/posts/experiments", query_string=_form(news) | wrong),
        client.post("/posts/experiments", data=_form(news) | wrong),
    ):
        assert answer.status_code == status and why in answer.text
    assert experiments.listed(who.workspace.id) == []


def test_an_editor_looks_and_does_not_start(who: Owner, news: Channel, sign_in: SignIn) -> None:
    client = sign_in(member(who, Role.EDITOR))
    page = client.get("/posts/experiments", query_string=_form(news)).text
    assert "Somebody who may publish can start it" in page
    assert client.post("/posts/experiments", data=_form(news)).status_code == 403
    assert sign_in(member(who, Role.ANALYST)).get("/posts/experiments").status_code == 403
