"""The Mini App in Telegram's frame: a site of its own around it, no cookies, one page in which everything happens."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Frame, expect

from e2e import telegram
from e2e.stack import OWNER_ID, Stack, wait_for
from e2e.test_journey import CHANNELS, Visit, browser, stack

__all__ = ["browser", "stack"]  # the journey's fixtures


@pytest.fixture
def phone(browser: object, stack: Stack) -> Iterator[Visit]:
    """A phone-sized browser that never was here before, once the demo's channels are connected."""
    owned = "SELECT COUNT(*) FROM channel WHERE relation = 'owned'"
    wait_for("the bot is in all channels", lambda: stack.rows(owned)[0][0] >= len(CHANNELS))
    visit = Visit(browser, stack, width=390)  # type: ignore[arg-type]
    telegram.stand_in(visit.context)
    yield visit
    visit.context.close()
    assert not visit.problems


def _launch(phone: Visit) -> Frame:
    phone.page.goto(f"{phone.stack.other_site}/?user={OWNER_ID}&tab=app")
    frame = telegram.mini_app(phone.page)
    expect(frame.locator("#channels_table tbody tr").first).to_be_visible()
    return frame


def test_it_works_in_a_frame_of_another_site_that_keeps_no_cookies(phone: Visit) -> None:
    app = _launch(phone)
    app.locator("#channels_table tr", has_text=f"@{CHANNELS[0]}").get_by_role("link").first.click()
    expect(app.locator("#tiles data.fig").first).to_be_visible()
    app.locator(".tabs").get_by_role("link", name="Posts").click()
    expect(app.locator("#posts_table a.post-link").first).to_be_visible()
    app.get_by_role("navigation", name="Which posts").get_by_role("link", name="Top").click()
    expect(app.locator('#posts_table .choices a[aria-current="true"]')).to_have_text(re.compile("Top"))
    kept = [cookie for cookie in phone.context.cookies(phone.stack.base_url) if cookie["name"] == "session"]
    assert kept == [], "the browser kept no cookie for the frame, and nobody missed it"
    assert app.url.partition("#")[0].partition("?")[0].endswith("/twa"), "one page stays"


def test_telegrams_back_button_goes_the_way_back(phone: Visit) -> None:
    app = _launch(phone)
    assert app.evaluate("Telegram.WebApp.BackButton.shown") is False
    app.locator("#channels_table a.channel-title").first.click()
    expect(app.locator(".tabs")).to_be_visible()
    app.locator(".tabs").get_by_role("link", name="Posts").click()
    expect(app.locator("#posts_table")).to_be_visible()
    wait_for("the button is shown", lambda: app.evaluate("Telegram.WebApp.BackButton.shown"))
    assert app.evaluate("Telegram.WebApp.BackButton.presses.length") == 1, "swaps pile no handlers up"
    telegram.press_back(app)
    expect(app.locator('.tabs a[aria-current="page"]')).to_have_text("Overview")
    telegram.press_back(app)
    expect(app.locator("#channels_table")).to_be_visible()
    wait_for("the button is hidden", lambda: not app.evaluate("Telegram.WebApp.BackButton.shown"))


def test_telegrams_main_button_sends_the_pages_form(phone: Visit) -> None:
    app = _launch(phone)
    assert app.evaluate("Telegram.WebApp.MainButton.shown") is False
    app.get_by_role("link", name="Compare", exact=True).click()
    wait_for("the button is offered", lambda: app.evaluate("Telegram.WebApp.MainButton.text") == "Compare")
    app.locator("input[type=checkbox][name=c]").nth(1).uncheck()
    app.evaluate("for (const call of Telegram.WebApp.MainButton.presses) call()")
    expect(app.locator("#compare_table tbody tr")).to_have_count(1)
    assert app.evaluate("Telegram.WebApp.MainButton.presses.length") == 1


def test_a_reload_comes_back_to_the_same_page(phone: Visit) -> None:
    app = _launch(phone)
    app.locator("#channels_table a.channel-title").first.click()
    expect(app.locator(".tabs")).to_be_visible()
    title = app.locator("h1").inner_text()
    app.evaluate("location.reload()")
    app = telegram.mini_app(phone.page)
    expect(app.locator(".tabs")).to_be_visible()
    assert app.locator("h1").inner_text() == title


def test_the_colours_follow_telegram_while_it_is_open(phone: Visit) -> None:
    app = _launch(phone)
    background = "getComputedStyle(document.body).backgroundColor"
    before = app.evaluate(background)
    telegram.change_theme(app, bg_color="#101820", secondary_bg_color="#0a0f14", text_color="#f0f0f0")
    assert before != app.evaluate(background) == "rgb(10, 15, 20)"
    assert app.evaluate("document.documentElement.dataset.theme") == "dark"


def test_a_session_that_ended_is_opened_again_by_the_same_launch(phone: Visit) -> None:
    app = _launch(phone)
    phone.allowed = {401}  # once; the launch then opens another session, and the page is asked for again
    phone.stack.change("UPDATE session SET revoked_at = created_at WHERE kind = 'twa'")
    app.locator("#channels_table a.channel-title").first.click()
    expect(app.locator(".tabs")).to_be_visible()


def test_a_file_is_downloaded_outside_of_the_frame_by_an_address_of_its_own(phone: Visit) -> None:
    app = _launch(phone)
    app.locator("#channels_table header a[download]").click()
    said = wait_for(
        "Telegram is asked to open it", lambda: [s for s in app.evaluate("Telegram.WebApp.said") if "open " in s]
    )
    stranger = phone.stack.http.get(str(said[0]).removeprefix("open "))
    assert stranger.status_code == 200 and stranger.text.startswith("channel,username,subscribers")


OTHER = "Other workspace"


@pytest.fixture
def two_workspaces(stack: Stack) -> Iterator[str]:
    """The owner has another workspace; gives its public id, and leaves it at the end."""
    public_id, now = secrets.token_urlsafe(16), int(time.time() * 1000)
    stack.change(
        "INSERT INTO workspace (public_id, name, timezone, created_at) VALUES (?, ?, 'UTC', ?)", public_id, OTHER, now
    )
    stack.change(
        "INSERT INTO membership (workspace_id, user_id, role, created_at) SELECT w.id, u.id, 'owner', ?"
        ' FROM workspace w, "user" u WHERE w.public_id = ? AND u.telegram_user_id = ?',
        *(now, public_id, OWNER_ID),
    )
    yield public_id
    _leave(stack, public_id)


def _leave(stack: Stack, public_id: str) -> None:
    """The person is taken out of the workspace."""
    stack.change(
        "DELETE FROM membership WHERE workspace_id = (SELECT id FROM workspace WHERE public_id = ?)", public_id
    )


def _idle(stack: Stack) -> None:
    """A quarter of an hour passes without a request."""
    stack.change("UPDATE session SET expires_at = 1 WHERE kind = 'twa'")


def _names(stack: Stack, public_id: str) -> tuple[str, str]:
    """The name of this workspace and of the first."""
    ((first,),) = stack.rows("SELECT name FROM workspace ORDER BY id LIMIT 1")
    ((this,),) = stack.rows("SELECT name FROM workspace WHERE public_id = ?", public_id)
    return str(this), str(first)


def _enter_other(app: Frame) -> None:
    app.locator(".twa-head summary").click()
    app.locator("form[data-moves]").get_by_role("button", name=OTHER).click()
    expect(app.locator(".twa-head summary")).to_have_text(OTHER)


def _rename(app: Frame, name: str, *, before: Callable[[], None]) -> None:
    """Fill the workspace's form in, and send it after `before` happened."""
    app.locator(".twa-menu").get_by_role("link", name="Settings").click()
    field = app.locator("input[name=name]").first
    expect(field).to_have_value(OTHER)
    field.fill(name)
    before()
    field.press("Enter")


def test_an_idle_session_is_renewed_in_the_workspace_of_its_page(phone: Visit, two_workspaces: str) -> None:
    app, stack = _launch(phone), phone.stack
    _enter_other(app)
    first = _names(stack, two_workspaces)[1]
    phone.allowed = {401}
    _rename(app, "Renamed after a pause", before=lambda: _idle(stack))
    wait_for("it is saved", lambda: _names(stack, two_workspaces) == ("Renamed after a pause", first))
    expect(app.locator(".twa-head summary")).to_have_text(OTHER)


def test_a_renewed_session_elsewhere_sends_nothing_and_says_so(phone: Visit, two_workspaces: str) -> None:
    app, stack = _launch(phone), phone.stack
    _enter_other(app)
    before = _names(stack, two_workspaces)
    phone.allowed = {401}
    _rename(app, "Renamed by one who left", before=lambda: _leave(stack, two_workspaces))
    expect(app.get_by_role("alert")).to_contain_text("The session began anew")
    expect(app.locator(".twa-head .workspace")).to_contain_text(before[1])
    expect(app.locator("#channels_table")).to_be_visible()
    assert _names(stack, two_workspaces) == before


def test_a_reload_stays_in_the_workspace_and_a_page_that_is_gone_gives_way_to_the_first(
    phone: Visit, two_workspaces: str
) -> None:
    app = _launch(phone)
    _enter_other(app)
    app.locator(".twa-menu").get_by_role("link", name="Compare").click()
    expect(app.locator('.twa-menu a[aria-current="page"]')).to_have_text("Compare")
    app.evaluate("location.reload()")
    app = telegram.mini_app(phone.page)
    expect(app.locator(".twa-head summary")).to_have_text(OTHER)
    expect(app.locator('.twa-menu a[aria-current="page"]')).to_have_text("Compare")
    phone.allowed = {404}
    app.evaluate(
        "path => { const kept = `${document.body.dataset.workspace} ${path}`;"
        " try { sessionStorage.setItem('ab-page', kept); }"
        " catch { history.replaceState({ ...history.state, kept: { ...history.state.kept, 'ab-page': kept } }, ''); } }",
        "/channels/" + "x" * 22,
    )
    app.evaluate("location.reload()")
    app = telegram.mini_app(phone.page)
    expect(app.locator('.twa-menu a[aria-current="page"]')).to_have_text("Network")
    expect(app.locator(".twa-head summary")).to_have_text(OTHER)


@pytest.mark.parametrize("width", [360, 390])
def test_the_menu_is_one_row_at_the_bottom(phone: Visit, width: int) -> None:
    phone.page.set_viewport_size({"width": width, "height": 800})
    box = _launch(phone).locator(".twa-menu").bounding_box()
    assert box is not None and box["height"] < 80 and box["width"] > 0.8 * width
