"""What tests of posts do beside the page: look into the simulated Telegram, let a time come, press the bot's buttons."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page

from e2e.stack import Stack, wait_for
from e2e.test_journey import CHANNELS, Visit


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The whole product with Temporal, its bot in all the demo's channels; each file of tests has its own."""
    with Stack(tmp_path_factory.mktemp("posting"), scenario="demo", has_temporal=True) as running:
        owned = "SELECT COUNT(*) FROM channel WHERE relation = 'owned'"
        wait_for("the bot is in all channels", lambda: running.rows(owned)[0][0] == len(CHANNELS))
        yield running


@pytest.fixture
def visit(browser: Browser, stack: Stack) -> Iterator[Visit]:
    """A signed-in browser; no page that a test saw may have broken a rule."""
    visit = Visit(browser, stack)
    visit.sign_in()
    yield visit
    visit.context.close()
    assert not visit.problems


def channel_of(stack: Stack, name: str) -> dict[str, Any]:
    (found,) = [one for one in stack.truth()["channels"] if name in (one["username"], one["title"])]
    return dict(found)


def said(stack: Stack, name: str, words: str) -> list[dict[str, Any]]:
    """The messages of a channel with these words."""
    return [post for post in channel_of(stack, name)["posts"] if words in (post["text"] or "")]


def make_due(stack: Stack, words: str) -> None:
    """The time of a scheduled post comes: the lane is woken as at a move."""
    ((public_id,),) = stack.rows(
        "SELECT p.public_id FROM authored_post p JOIN post_revision r ON r.post_id = p.id WHERE r.content LIKE ?",
        f"%{words}%",
    )
    stack.change(
        "UPDATE due_action SET due_at = 1, ready_at = 1 WHERE state = 'waiting'"
        " AND post_id = (SELECT id FROM authored_post WHERE public_id = ?)",
        public_id,
    )
    stack.cli("posting", "reconcile")


def read_now(stack: Stack, channel: str, message_id: int, views: int) -> None:
    """So many people see a message, and the time to read the channel's page comes."""
    stack.control("view", chat=channel, message_id=message_id, views=views)
    stack.change(
        "UPDATE preview_watch SET next_due_at = 1 WHERE chat_id = (SELECT id FROM chat WHERE username = ?)", channel
    )
    newest = "SELECT MAX(r.views) FROM reading r JOIN post p ON p.id = r.post_id WHERE p.message_id = ?"
    wait_for(f"{views} views are read", lambda: (stack.rows(newest, message_id)[0][0] or 0) >= views, timeout_s=20)


def drag(page: Page, chip: Locator, cell: Locator) -> None:
    """By the mouse, in steps as a hand makes them."""
    source, target = chip.bounding_box(), cell.bounding_box()
    assert source and target
    x, y = source["x"] + source["width"] / 2, source["y"] + source["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 8, y + 4, steps=3)
    page.mouse.move(target["x"] + target["width"] / 2, target["y"] + target["height"] - 12, steps=12)
    page.mouse.up()


def phone_of(browser: Browser, stack: Stack, user_id: int) -> Visit:
    phone = Visit(browser, stack, width=390)
    phone.page.goto(f"{stack.simulator_url}/?user={user_id}&tab=bot")
    return phone


def press(phone: Visit, data: str) -> None:
    """The newest button in the chat with the bot that sends this."""
    key = phone.page.locator("form", has=phone.page.locator(f'input[name=data][value^="{data}"]')).last

    def is_there() -> int:
        phone.page.reload()
        return key.count()

    wait_for(f"the bot shows {data}", is_there, timeout_s=20, every_s=0.5)
    key.get_by_role("button").click()


def wait_until_the_bot_is_silent(stack: Stack) -> None:
    """Nothing that the bot was to tell somebody waits any more."""
    waiting = "SELECT 1 FROM notice WHERE sent_at IS NULL AND error IS NULL"
    wait_for("the bot has told everything", lambda: not stack.rows(waiting), timeout_s=20)
