"""Every source off and Telegram gone: over HTTP, no page shows a number that nobody read, and none changes."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping
from pathlib import Path

import httpx
from selectolax.lexbor import LexborHTMLParser

from e2e.stack import OWNER_ID, Stack, wait_for
from tests.web.claims import WORKSPACE
from tests.web.crawler import Answer, Crawler, Report
from tests.web.evidence import gather

CHANNEL, POSTS, ONE_PAGE = "truthful", 30, 15
Told = dict[str, list[tuple[object, ...]]]


def _sign_in(stack: Stack) -> httpx.Client:
    """A visitor without a browser: through the door of the printed link, as its form does it."""
    client = httpx.Client(base_url=stack.base_url, timeout=30, trust_env=False)
    link = stack.link()
    token = LexborHTMLParser(client.get(link).text).css_first("input[name=csrf_token]")
    assert token is not None
    entered = client.post(link, data={"csrf_token": token.attributes["value"] or ""}, headers={"Referer": link})
    assert entered.status_code == 303 and entered.headers["Location"] == "/network"
    return client


ISSUER_IS_GONE = "/login/oidc: 503"  # the simulator was the issuer too, and the login says so


def _crawl(stack: Stack, client: httpx.Client, workspace_id: int) -> Report:
    strangers = httpx.Client(base_url=stack.base_url, timeout=30, trust_env=False)

    def get(url: str, headers: Mapping[str, str]) -> Answer:
        visitor = strangers if url.startswith(("/login", "/twa", "/api/")) else client
        found = visitor.get(url, headers=headers)
        media = found.headers.get("Content-Type", "").partition(";")[0]
        return Answer(found.status_code, media, found.text, found.headers.get("Location"))

    try:
        return Crawler(get, gather(lambda sql: stack.rows(sql), workspace_id)).run()
    finally:
        strangers.close()


def _told(report: Report) -> Told:
    """What the pages say was read, without the age, which alone may grow."""
    return {
        name: [
            (c.value, c.unit, c.sources, c.precision, c.observed_at, c.readings)
            for c in page.claims
            if c.sources != (WORKSPACE,)
        ]
        for name, page in report.pages.items()
    }


def _oldest(report: Report) -> dict[str, int]:
    return {name: max((c.age_s or 0 for c in page.claims), default=0) for name, page in report.pages.items()}


def _switch_every_source_off(stack: Stack) -> None:
    with sqlite3.connect(stack.folder / "analyticbot.sqlite3", timeout=30) as database:
        database.execute("UPDATE source SET is_on = 0")
    database.close()


def _told_by_telegram(stack: Stack) -> int:
    """A person with a channel of 30 posts, connected and read the way Telegram and the collectors do it."""
    stack.control("users", id=OWNER_ID, first_name="Owner")
    stack.control("channels", username=CHANNEL, title="Truth", owner_id=OWNER_ID, subscribers=12_345)
    ids = stack.control("post", chat=CHANNEL, count=POSTS)["message_ids"]
    for n, message_id in enumerate(ids):
        stack.control("view", chat=CHANNEL, message_id=message_id, views=50 * n**3)
    stack.control(
        "react", chat=CHANNEL, message_id=ids[-1], reactions=[{"emoji": "👍", "count": 5}, {"paid": True, "count": 2}]
    )
    stack.control("message", user_id=OWNER_ID, text="/start")
    mine = 'SELECT m.workspace_id FROM membership m JOIN "user" u ON u.id = m.user_id WHERE u.telegram_user_id = ?'
    workspace_id = int(str(wait_for("the owner has a workspace", lambda: stack.rows(mine, OWNER_ID))[0][0]))
    stack.control("promote_bot", chat=CHANNEL, user_id=OWNER_ID)
    return workspace_id


def test_with_every_source_off_and_the_simulator_stopped_nothing_is_invented(tmp_path: Path) -> None:
    with Stack(tmp_path) as stack:
        workspace_id = _told_by_telegram(stack)
        read = "SELECT COUNT(DISTINCT post_id) FROM reading"
        wait_for("the posts are read", lambda: stack.rows(read)[0][0] >= ONE_PAGE)
        kinds = "SELECT DISTINCT s.kind FROM source s JOIN subscriber_reading r ON r.source_id = s.id"
        wait_for("bot and page told the subscribers", lambda: len(stack.rows(kinds)) == 2)
        _switch_every_source_off(stack)
        stack.kill("simulator")
        client = _sign_in(stack)
        first = _crawl(stack, client, workspace_id)
        assert set(first.problems) <= {ISSUER_IS_GONE}, first.told()
        assert first.readings_claimed > 500
        second = _crawl(stack, client, workspace_id)
        assert set(second.problems) <= {ISSUER_IS_GONE}, second.told()
        assert _told(second) == _told(first)
        before, after = _oldest(first), _oldest(second)
        assert all(after[name] >= age for name, age in before.items())
        channel = next(
            name
            for name, status in first.visited.items()
            if status == 200 and re.fullmatch(r"/channels/[\w-]{22}", name)
        )
        assert client.get(channel).text.count("switched off") == 2
        client.close()
