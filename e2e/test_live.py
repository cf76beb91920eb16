"""A number changes on an open page after the update, by a stream or, where none can be held, by asking again."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from e2e.stack import PRODUCT, Stack, wait_for
from e2e.test_journey import CHANNELS, Visit, browser

__all__ = ["browser"]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("live"), scenario="demo", parts=(*PRODUCT, "live")) as running:
        yield running


def _react(stack: Stack, channel: str, count: int) -> None:
    """Readers react to the channel's newest post; Telegram tells the bot."""
    posts = next(c["posts"] for c in stack.truth()["channels"] if c["username"] == channel)
    newest = max(post["message_id"] for post in posts if not post["service"])
    stack.control("react", chat=channel, message_id=newest, reactions=[{"emoji": "👍", "count": count}])


def test_a_tile_changes_on_the_open_page_after_the_update(browser: Browser, stack: Stack) -> None:
    visit = Visit(browser, stack)
    visit.sign_in()
    page = visit.open(CHANNELS[1])
    expect(page.locator("#live_state")).to_have_text("Live")
    page.evaluate("window.isSamePage = true")
    tile = page.locator("#tiles .tile", has_text="Reactions").locator("data.fig").first
    before = tile.get_attribute("value")
    _react(stack, CHANNELS[1], 4321)
    wait_for("the tile changed by itself", lambda: tile.get_attribute("value") != before, timeout_s=15)
    assert page.evaluate("window.isSamePage") is True
    visit.context.close()
    assert not visit.problems


def test_a_stream_that_broke_is_opened_again_and_misses_nothing(browser: Browser, stack: Stack) -> None:
    visit = Visit(browser, stack)
    visit.sign_in()
    page = visit.open(CHANNELS[1])
    expect(page.locator("#live_state")).to_have_text("Live")
    tile = page.locator("#tiles .tile", has_text="Reactions").locator("data.fig").first
    before = tile.get_attribute("value")
    stack.kill("live")
    _react(stack, CHANNELS[1], 8765)
    stack.start("live")
    stack.wait_until_up("live")
    wait_for("the tile caught up", lambda: tile.get_attribute("value") != before, timeout_s=30)
    expect(page.locator("#live_state")).to_have_text(re.compile("Live"))
    visit.context.close()
