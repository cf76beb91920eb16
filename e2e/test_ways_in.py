"""How persons come to the numbers: over Telegram's login, by a shared link with a password, and each in the own language."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from e2e.stack import OWNER_ID, Stack
from e2e.test_journey import CHANNELS, Visit, browser

__all__ = ["browser"]
_PASSWORD = "open sesame 42"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("ways"), scenario="demo") as running:
        yield running


@pytest.fixture
def visit(browser: Browser, stack: Stack) -> Iterator[Visit]:
    visit = Visit(browser, stack)
    yield visit
    visit.context.close()
    assert not visit.problems


def test_a_browser_that_never_saw_the_mini_app_logs_in_with_telegram(visit: Visit) -> None:
    page = visit.page
    page.goto("/watchlist")
    assert page.url.endswith("/login") or "/login?" in page.url
    page.get_by_role("link", name="Log in with Telegram").click()
    page.wait_for_url(f"{visit.stack.simulator_url}/oidc/auth?**")
    page.locator(f'button[name="user"][value="{OWNER_ID}"]').click()
    page.wait_for_url(re.compile(f"^{re.escape(visit.stack.base_url)}/"))
    page.goto("/network")
    for name in CHANNELS:
        expect(page.locator("#channels_table tbody tr").filter(has_text=f"@{name}")).to_have_count(1)


def test_who_says_no_at_telegram_stays_outside_and_is_told_so(visit: Visit) -> None:
    page, visit.allowed = visit.page, {401, 403}
    page.goto("/login")
    page.get_by_role("link", name="Log in with Telegram").click()
    page.get_by_role("button", name="Cancel").click()
    page.wait_for_url(f"{visit.stack.base_url}/login**")
    expect(page.locator(".field-error")).to_be_visible()
    page.goto("/network")
    assert "/login" in page.url


def test_the_pages_speak_the_language_that_is_chosen_in_settings(visit: Visit) -> None:
    page = visit.sign_in()
    spoken = (("ru", "Настройки"), ("uz", "Sozlamalar"), ("en", "Settings"))
    for code, heading in spoken:
        page.goto("/settings")
        page.locator("#my_language").select_option(code)
        page.locator("#my_settings button[type=submit]").click()
        expect(page.locator("html")).to_have_attribute("lang", code)
        expect(page.get_by_role("heading", level=1)).to_have_text(heading)
    page.goto("/network")
    expect(page.locator("html")).to_have_attribute("lang", "en")


def test_a_stranger_opens_a_shared_link_with_its_password_and_nothing_else(browser: Browser, visit: Visit) -> None:
    visit.sign_in()
    page = visit.open(CHANNELS[0])
    channel = page.url
    page.goto(f"{channel}/settings")
    page.locator("#share_password").fill(_PASSWORD)
    page.get_by_role("button", name="Create a link").click()
    address = page.locator("#share_links .secret code").inner_text()

    stranger = Visit(browser, visit.stack)
    theirs, stranger.allowed = stranger.page, {401, 403, 422}
    theirs.goto(address)
    expect(theirs.locator("data.fig")).to_have_count(0)
    theirs.get_by_label("Password").fill("not the password")
    theirs.get_by_role("button", name="Open").click()
    expect(theirs.locator("#password_error")).to_be_visible()
    theirs.get_by_label("Password").fill(_PASSWORD)
    theirs.get_by_role("button", name="Open").click()
    expect(theirs.locator("#tiles data.fig").first).to_be_visible()
    theirs.goto(f"{address}/posts")
    expect(theirs.locator("#posts_table a.post-link").first).to_be_visible()
    stranger.allowed |= {404}
    for path in (channel, "/network"):
        theirs.goto(path)
        assert "/login" in theirs.url
    stranger.context.close()
    assert not stranger.problems
