"""Posts written in a browser, sent through Temporal, and seen in the simulated Telegram."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from PIL import Image
from playwright.sync_api import Browser, Frame, Page, expect

from e2e import axe, telegram
from e2e.posting import said, stack, visit
from e2e.stack import OWNER_ID, Stack, wait_for
from e2e.test_journey import CHANNELS, Visit, browser

__all__ = ["browser", "stack", "visit"]
_ZONE = ZoneInfo("Asia/Tashkent")


def _begin(page: Page | Frame, channel: str, words: str) -> None:
    page.locator("label.check", has_text=f"@{channel}").get_by_role("checkbox").check()
    page.locator("#composer_text").fill(words)


def _sent(page: Page | Frame) -> None:
    expect(page.locator("#post_state .badge-good").first).to_have_text("sent", timeout=20_000)


def test_a_post_with_a_counted_button_is_published_and_its_click_counted(visit: Visit) -> None:
    page, stack = visit.page, visit.stack
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Posts").click()
    page.get_by_role("link", name="New post").first.click()
    _begin(page, CHANNELS[0], "Opening today")
    page.locator("#composer_text").select_text()
    page.keyboard.press("Control+B")
    page.get_by_text("Buttons with links").click()
    page.locator("[name=button-0-text]").fill("Read more")
    page.locator("[name=button-0-url]").fill("https://example.com/today")
    page.locator("[name=button-0-tracked]").check()
    expect(page.locator("#composer_preview b")).to_have_text("Opening today")
    expect(page.locator("#composer_preview .tg-button")).to_have_text("Read more")
    page.get_by_role("button", name="Publish now").click()
    _sent(page)
    (post,) = said(stack, CHANNELS[0], "Opening today")
    assert [entity["type"] for entity in post["entities"]] == ["bold"]
    ((button,),) = post["reply_markup"]["inline_keyboard"]
    assert button["url"].startswith(f"{stack.base_url}/r/")
    path = button["url"].removeprefix(stack.base_url)
    clicked = stack.http.get(f"{stack.base_url}{path}", headers={"User-Agent": "Mozilla/5.0"})
    assert clicked.headers["Location"] == "https://example.com/today"
    page.reload()
    expect(page.locator("#post_state")).to_contain_text("1 click")


def test_a_post_is_scheduled_moved_and_called_off(visit: Visit) -> None:
    page = visit.page
    at = (datetime.now(_ZONE) + timedelta(hours=1)).replace(second=0, microsecond=0)
    page.goto("/posts/new")
    _begin(page, CHANNELS[1], "Perhaps later")
    page.get_by_label("Day").fill(at.date().isoformat())
    page.get_by_label("Time", exact=True).fill(at.strftime("%H:%M"))
    page.get_by_role("button", name="Schedule").click()
    page.wait_for_url(re.compile(r"/posts/[\w-]{22}$"))
    expect(page.locator("#post_state")).to_contain_text(at.strftime("%H:%M"))
    later = at + timedelta(hours=2)
    page.get_by_label("Day").fill(later.date().isoformat())
    page.get_by_label("Time", exact=True).fill(later.strftime("%H:%M"))
    page.get_by_role("button", name="Move to this time").click()
    expect(page.locator("#post_state .key-row")).to_contain_text("in 3 hours")
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Call it off").click()
    expect(page.locator("#post_state .key-row .badge")).to_have_text("called off")
    page.goto("/posts?show=drafts")
    expect(page.locator(".post-rows")).to_contain_text("Perhaps later")
    assert said(visit.stack, CHANNELS[1], "Perhaps later") == []


def test_what_is_typed_is_kept_by_itself_and_found_again(visit: Visit) -> None:
    page = visit.page
    page.goto("/posts/new")
    page.locator("#composer_text").fill("Half a thought")
    expect(page.locator("#composer_state")).to_contain_text("Draft kept")
    page.wait_for_url("**/edit")
    page.reload()
    expect(page.locator("#composer_text")).to_have_value("Half a thought")


def test_an_album_is_dropped_in_and_goes_out(visit: Visit, tmp_path: Path) -> None:
    page, files = visit.page, []
    for number, colour in enumerate(((200, 80, 40), (40, 120, 200))):
        Image.new("RGB", (320, 240), colour).save(tmp_path / f"{number}.png")
        files.append(tmp_path / f"{number}.png")
    page.goto("/posts/new")
    _begin(page, CHANNELS[2], "Two pictures")
    page.locator("#composer_file").set_input_files(files)
    expect(page.locator(".files li")).to_have_count(2)
    expect(page.locator("#composer_text")).to_have_value("Two pictures")
    expect(page.locator("#composer_count")).to_contain_text("1,024")
    page.get_by_role("button", name="Publish now").click()
    _sent(page)
    (post,) = said(visit.stack, CHANNELS[2], "Two pictures")
    assert post["media_group_id"]


def test_without_a_script_the_same_form_publishes(browser: Browser, stack: Stack) -> None:
    context = browser.new_context(base_url=stack.base_url, java_script_enabled=False)
    page = context.new_page()
    page.goto(stack.link())
    page.get_by_role("button", name="Enter").click()
    page.goto("/posts/new")
    _begin(page, CHANNELS[0], "Without a script")
    page.get_by_role("button", name="Publish now").click()
    page.wait_for_url(re.compile(r"/posts/[\w-]{22}$"))
    wait_for("Telegram has it", lambda: said(stack, CHANNELS[0], "Without a script"), timeout_s=20)
    page.reload()
    expect(page.locator("#post_state .badge-good").first).to_have_text("sent")
    context.close()


def test_in_the_mini_app_a_picture_is_posted(browser: Browser, stack: Stack, tmp_path: Path) -> None:
    phone = Visit(browser, stack, width=390)
    telegram.stand_in(phone.context)
    phone.page.goto(f"{stack.other_site}/?user={OWNER_ID}&tab=app")
    app = telegram.mini_app(phone.page)
    app.get_by_role("navigation", name="Main").get_by_role("link", name="Posts").click()
    app.get_by_role("link", name="New post").first.click()
    _begin(app, CHANNELS[1], "From the phone")
    Image.new("RGB", (320, 240), (30, 160, 90)).save(tmp_path / "phone.png")
    app.locator("#composer_file").set_input_files(tmp_path / "phone.png")
    expect(app.locator(".files li")).to_have_count(1)
    shown = "document.querySelector('.files img').naturalWidth"
    wait_for("the frame shows the picture", lambda: app.evaluate(shown), timeout_s=10)
    app.get_by_role("button", name="Publish now").click()
    _sent(app)
    (post,) = said(stack, CHANNELS[1], "From the phone")
    assert post["media"] == "photo"
    phone.context.close()
    assert not phone.problems


def test_two_people_do_not_overwrite_each_other(visit: Visit) -> None:
    page = visit.page
    visit.allowed = {409}
    page.goto("/posts/new")
    page.locator("#composer_text").fill("Mine")
    page.wait_for_url("**/edit")
    other = visit.tab()
    other.goto(page.url)
    other.locator("#composer_text").fill("Theirs")
    expect(other.locator("#composer_state")).to_contain_text("Draft kept")
    wait_for(
        "theirs is kept",
        lambda: visit.stack.rows("SELECT 1 FROM authored_post WHERE draft LIKE '%Theirs%'"),
        timeout_s=10,
    )
    page.locator("#composer_text").fill("Mine still")
    expect(page.locator("#composer_state")).to_contain_text("Somebody changed this post")
    expect(page.locator("#composer_text")).to_have_value("Mine still")


def test_nothing_grave_stands_in_the_way_of_composing(browser: Browser, stack: Stack) -> None:
    visit = Visit(browser, stack)
    axe.bring(visit.context)
    page, found = visit.sign_in(), list[str]()
    page.goto("/posts/new")
    _begin(page, CHANNELS[0], "Looked at by axe")
    page.get_by_role("button", name="Publish now").click()
    _sent(page)
    page.goto("/posts?show=sent")
    sent = page.locator(".post-name").first.get_attribute("href")
    for address in ("/posts", "/posts?show=drafts", "/posts/new", str(sent), f"{sent}/edit"):
        page.goto(address)
        page.evaluate("for (const part of document.querySelectorAll('details')) part.open = true")
        for look in axe.some_looks(1):
            axe.wear(page, look)
            found += [f"{address} ({look}) {barrier}" for barrier in axe.barriers(page)]
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{address} {look}"
    visit.context.close()
    assert not found and not visit.problems
