"""Posts from the browser to the simulated Telegram and back: an album with buttons, the calendar, approval, doubt."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from PIL import Image
from playwright.sync_api import Browser, Frame, Locator, Page, expect

from e2e import telegram
from e2e.posting import (
    channel_of,
    drag,
    make_due,
    phone_of,
    press,
    read_now,
    said,
    stack,
    visit,
    wait_until_the_bot_is_silent,
)
from e2e.stack import OWNER_ID, Stack, wait_for
from e2e.test_journey import CHANNELS, Visit, browser

__all__ = ["browser", "stack", "visit"]
_ZONE = ZoneInfo("Asia/Tashkent")
_EDITOR_ID = 777_000_555


@pytest.fixture
def pictures(tmp_path: Path) -> list[Path]:
    files = [tmp_path / f"{colour}.png" for colour in ("red", "green")]
    for file in files:
        Image.new("RGB", (320, 240), file.stem).save(file)
    return files


def _compose_album(page: Page | Frame, channel: str, words: str, files: list[Path]) -> None:
    page.locator("label.check", has_text=f"@{channel}").get_by_role("checkbox").check()
    page.locator("#composer_text").fill(words)
    page.locator("#composer_file").set_input_files(files)
    expect(page.locator(".files li")).to_have_count(len(files))
    page.get_by_text("Buttons with links").click()
    page.locator("[name=button-0-text]").fill("Buy")
    page.locator("[name=button-0-url]").fill("https://shop.example/offer")
    page.locator("[name=button-0-tracked]").check()
    expect(page.locator("#composer_preview .tg-button")).to_have_text("Buy")


def _schedule(page: Page | Frame, at: datetime) -> None:
    page.get_by_label("Day").fill(at.date().isoformat())
    page.get_by_label("Time", exact=True).fill(at.strftime("%H:%M"))
    page.get_by_role("button", name="Schedule", exact=True).click()
    expect(page.locator("#post_state")).to_contain_text(at.strftime("%H:%M"))


def _check_album(stack: Stack, channel: str, words: str) -> int:
    """Two pictures as one album, then the words with the button: Telegram's albums carry none. Returns its id."""
    (text,) = wait_for("Telegram has it", lambda: said(stack, channel, words), timeout_s=30)
    album = [post for post in channel_of(stack, channel)["posts"] if post["media_group_id"]]
    assert [post["media"] for post in album[-2:]] == ["photo", "photo"]
    assert [post["message_id"] for post in album[-2:]] == [text["message_id"] - 2, text["message_id"] - 1]
    ((button,),) = text["reply_markup"]["inline_keyboard"]
    assert button["text"] == "Buy" and button["url"].startswith(f"{stack.base_url}/r/")
    feed = stack.http.get(f"{stack.simulator_url}/s/{channel}").text
    assert words in feed and f'data-post="{channel}/{text["message_id"]}"' in feed
    return int(text["message_id"])


def test_an_album_with_a_button_is_scheduled_appears_and_its_curve_grows(visit: Visit, pictures: list[Path]) -> None:
    page, stack, channel = visit.page, visit.stack, CHANNELS[0]
    page.goto("/posts/new")
    _compose_album(page, channel, "Two offers of today", pictures)
    _schedule(page, datetime.now(_ZONE) + timedelta(hours=5))
    assert said(stack, channel, "Two offers of today") == []
    make_due(stack, "Two offers of today")
    message_id = _check_album(stack, channel, "Two offers of today")
    for views in (40, 90):
        read_now(stack, channel, message_id, views)
    visit.open(channel)
    page.goto(f"{page.url}/posts/{message_id}")
    rows = page.locator("#chart_curve_card .numbers tbody tr")
    assert rows.count() >= 2
    counts = [int((row.locator("td").nth(1).text_content() or "0").replace(",", "")) for row in rows.all()]
    assert counts == sorted(counts) and counts[-1] == 90 and counts[0] < 90
    ((button,),) = said(stack, channel, "Two offers of today")[0]["reply_markup"]["inline_keyboard"]
    stack.http.get(button["url"], headers={"User-Agent": "Mozilla/5.0"})
    page.reload()
    expect(page.locator(".tile", has=page.locator("a[href='/help#ctr']"))).to_contain_text("1 click")


def test_in_the_mini_app_an_album_with_a_button_is_scheduled_and_appears(
    browser: Browser, stack: Stack, pictures: list[Path]
) -> None:
    phone = Visit(browser, stack, width=390)
    telegram.stand_in(phone.context)
    phone.page.goto(f"{stack.other_site}/?user={OWNER_ID}&tab=app")
    app = telegram.mini_app(phone.page)
    app.get_by_role("navigation", name="Main").get_by_role("link", name="Posts").click()
    app.get_by_role("link", name="New post").first.click()
    _compose_album(app, CHANNELS[1], "An offer from the phone", pictures)
    _schedule(app, datetime.now(_ZONE) + timedelta(hours=5))
    make_due(stack, "An offer from the phone")
    _check_album(stack, CHANNELS[1], "An offer from the phone")
    phone.context.close()
    assert not phone.problems


def test_a_post_is_moved_by_drag_and_by_key_and_not_into_the_past(visit: Visit) -> None:
    page, stack = visit.page, visit.stack
    today = datetime.now(_ZONE).date()
    day = date(today.year + (today.month == 12), today.month % 12 + 1, 10)  # of next month: none of its days has passed
    page.goto("/posts/new")
    page.locator("label.check", has_text=f"@{CHANNELS[0]}").get_by_role("checkbox").check()
    page.locator("#composer_text").fill("To be moved")
    _schedule(page, datetime(day.year, day.month, day.day, 10, 30, tzinfo=_ZONE))

    def due() -> datetime:
        ((at,),) = stack.rows(
            "SELECT a.due_at FROM due_action a JOIN post_revision r ON r.post_id = a.post_id WHERE r.content LIKE '%To be moved%'"
        )
        return datetime.fromtimestamp(at / 1000, _ZONE)

    def chip() -> Locator:
        return page.locator("#calendar [data-chip]", has_text="To be moved")

    page.goto(f"/posts/calendar?view=month&at={day}")
    drag(page, chip(), page.locator(f'#calendar [data-cell][data-day="{day + timedelta(days=1)}"]'))
    wait_for("it is dropped on the next day", lambda: due().date() == day + timedelta(days=1), timeout_s=10)
    assert due().strftime("%H:%M") == "10:30"
    expect(page.locator(f'#calendar [data-cell][data-day="{day + timedelta(days=1)}"]')).to_contain_text("To be moved")
    chip().focus()
    for key in (" ", "ArrowRight", "ArrowRight", "Enter"):
        page.keyboard.press(key)
    wait_for("the keys moved it by two days", lambda: due().date() == day + timedelta(days=3), timeout_s=10)
    page.goto(f"/posts/calendar?view=month&at={today}")
    expect(chip()).to_have_count(0)
    visit.allowed = {422}
    ((public_id, version),) = stack.rows(
        "SELECT p.public_id, p.version FROM authored_post p JOIN post_revision r ON r.post_id = p.id"
        " WHERE r.content LIKE '%To be moved%'"
    )
    past = {"day": str(today - timedelta(days=2)), "time": "10:30", "version": str(version), "channels": ""}
    page.evaluate(
        "([url, values]) => htmx.ajax('POST', url, {target: '#calendar', values})",
        [f"/posts/calendar/{public_id}/move", past],
    )
    expect(page.locator(".toast")).to_contain_text("This moment has passed")
    assert due().date() == day + timedelta(days=3)


def test_an_editor_asks_and_the_owner_approves_in_telegram(browser: Browser, stack: Stack) -> None:
    stack.control("users", id=_EDITOR_ID, first_name="Bek", language_code="en")
    chat = phone_of(browser, stack, _EDITOR_ID)
    stack.control("message", user_id=_EDITOR_ID, text="/start")
    known = 'SELECT id FROM "user" WHERE telegram_user_id = ?'
    ((editor,),) = wait_for("the bot knows the editor", lambda: stack.rows(known, _EDITOR_ID))
    stack.change(
        "INSERT INTO membership (workspace_id, user_id, role, created_at, chosen_at) VALUES (1, ?, 'editor', 1, 9999999999999)",
        editor,
    )
    link = chat.page.locator('.bubble a[href*="/login/link/"]').last
    wait_for("the bot sends a link", lambda: (chat.page.reload(), link.count())[1], timeout_s=20, every_s=0.5)
    desk = Visit(browser, stack)
    desk.page.goto(link.get_attribute("href") or "")
    desk.page.get_by_role("button", name="Open my numbers").click()
    desk.page.wait_for_url("**/network")
    desk.page.goto("/posts/new")
    desk.page.locator("label.check", has_text=f"@{CHANNELS[2]}").get_by_role("checkbox").check()
    desk.page.locator("#composer_text").fill("May this go out?")
    desk.page.get_by_role("button", name="Ask to publish at once").click()
    desk.page.wait_for_url(re.compile(r"/posts/[\w-]{22}$"))
    expect(desk.page.locator("#post_state")).to_contain_text("waits for approval")
    assert said(stack, CHANNELS[2], "May this go out?") == []
    owner = phone_of(browser, stack, OWNER_ID)
    press(owner, "approve:")
    wait_for("it is out", lambda: said(stack, CHANNELS[2], "May this go out?"), timeout_s=30)
    desk.page.reload()
    expect(desk.page.locator("#post_state .badge-good").first).to_have_text("sent", timeout=20_000)
    for one in (chat, desk, owner):
        one.context.close()
    assert not desk.problems


def test_what_nobody_can_confirm_is_asked_in_the_app_and_in_telegram(browser: Browser, visit: Visit) -> None:
    """A private channel that nothing reads: the connection breaks after Telegram took one post, and before another."""
    page, stack = visit.page, visit.stack
    stack.control("channels", title="Quiet room", owner_id=OWNER_ID, subscribers=9)
    chat = channel_of(stack, "Quiet room")["chat_id"]
    stack.control("promote_bot", chat=chat, user_id=OWNER_ID)
    owned = (
        "SELECT 1 FROM channel c JOIN chat h ON h.id = c.chat_id WHERE h.title = 'Quiet room' AND c.relation = 'owned'"
    )
    wait_for("it is connected", lambda: stack.rows(owned))
    for kind, words in (("reset_after_accept", "It arrived"), ("reset_before_accept", "It did not")):
        page.goto("/posts/new")
        page.locator("label.check", has_text="Quiet room").get_by_role("checkbox").check()
        page.locator("#composer_text").fill(words)
        wait_until_the_bot_is_silent(stack)  # the fault is for the post
        stack.control("faults", kind=kind, method="sendMessage", times=1)
        page.get_by_role("button", name="Publish now").click()
        expect(page.get_by_role("heading", name="Telegram did not say whether it took this post")).to_be_visible(
            timeout=30_000
        )
        if words == "It arrived":
            page.get_by_role("button", name="It is there").click()
        else:
            assert said(stack, "Quiet room", words) == []
            owner = phone_of(browser, stack, OWNER_ID)
            press(owner, "again:")
            owner.context.close()
        expect(page.locator("#post_state .badge-good").first).to_have_text("sent", timeout=20_000)
    assert [len(said(stack, "Quiet room", words)) for words in ("It arrived", "It did not")] == [1, 1]
    page.goto("/posts?show=attention")
    expect(page.get_by_text("Telegram did not say")).to_have_count(0)
