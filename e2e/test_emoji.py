"""A set is added, an emoji is picked by the keyboard, the fallback is told, and the feed shows what was told."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from urllib.parse import quote
from zoneinfo import ZoneInfo

from playwright.sync_api import Browser, Page, expect

from e2e import axe, telegram
from e2e.posting import channel_of, make_due, said, stack, visit
from e2e.stack import OWNER_ID, Stack, wait_for
from e2e.test_journey import CHANNELS, Visit, browser

__all__ = ["browser", "stack", "visit"]
_ZONE = ZoneInfo("Asia/Tashkent")
_FIRST = 5_368_324_170_671_202_286
FAMILY = "👨\u200d👩\u200d👧"
_PLAIN = ("👍", FAMILY, "🇺🇿", "❤️", "1️⃣")
_NEWS, _OTHER, _STORAGE = CHANNELS[0], CHANNELS[1], CHANNELS[2]


def _title(stack: Stack, channel: str) -> str:
    return str(stack.rows("SELECT title FROM chat WHERE username = ?", channel)[0][0])


def _put_at_hand(page: Page, stack: Stack) -> None:
    listed = [{"id": str(_FIRST + n), "emoji": plain} for n, plain in enumerate(_PLAIN)]
    stack.control("emoji_set", name="CatsOfTashkent", title="Cats of Tashkent", emoji=listed)
    page.goto("/posts")
    page.get_by_role("link", name="Custom emoji").click()
    page.get_by_label("Name or link of a set").fill("https://t.me/addemoji/CatsOfTashkent")
    page.get_by_role("button", name="Read it").click()
    boxes = page.locator("#emoji_set").get_by_role("checkbox")
    expect(boxes).to_have_count(len(_PLAIN), timeout=20_000)
    wait_for(
        "their pictures came", lambda: stack.rows("SELECT COUNT(*) FROM emoji_picture WHERE state = 'ready'") == [(5,)]
    )
    page.reload()
    face = page.locator("#emoji_set img.emoji-face").first
    expect(face).to_be_visible()
    assert face.evaluate("image => image.complete && image.naturalWidth") == 32
    for n in (0, 1, 3):
        boxes.nth(n).check()
    page.get_by_role("button", name="Put at hand").click()
    expect(page.locator("#emoji_set").get_by_role("checkbox", disabled=True)).to_have_count(3)


def _compose(page: Page, channel: str, words: str) -> None:
    """The second emoji goes into bold words, in front of a letter of several code units, by the keyboard alone."""
    page.goto("/posts/new")
    page.locator("label.check", has_text=f"@{channel}").get_by_role("checkbox").check()
    text = page.locator("#composer_text")
    text.fill(f"🔥 **{words} n\u0303**")
    text.evaluate("(box, at) => box.setSelectionRange(at, at)", len("🔥") + 1 + len(f" **{words} "))
    page.get_by_role("button", name="Custom emoji").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#composer_emoji .emoji-key").first).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("button", name=f"{FAMILY}, Cats of Tashkent, number 2")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#composer_emoji")).to_be_hidden()
    expect(text).to_be_focused()
    expect(text).to_have_value(f"🔥 **{words} [{FAMILY}](emoji:{_FIRST + 1})n\u0303**")
    page.keyboard.type("!")
    expect(text).to_have_value(re.compile(r"\(emoji:\d+\)!n"))


def _schedule(page: Page) -> None:
    at = datetime.now(_ZONE) + timedelta(hours=1)
    page.get_by_label("Day").fill(at.date().isoformat())
    page.get_by_label("Time", exact=True).fill(at.strftime("%H:%M"))
    page.get_by_role("button", name="Schedule").click()
    page.wait_for_url(re.compile(r"/posts/[\w-]{22}$"))


def _arrived(stack: Stack, channel: str, words: str) -> list[tuple[str, str]]:
    """The entities of the message in Telegram, with what they stand over by the wire's own units."""
    make_due(stack, words)
    (post,) = wait_for(f"{words} is out", lambda: said(stack, channel, words), timeout_s=30)
    units = post["text"].encode("utf-16-le")
    return [
        (e["type"], units[2 * e["offset"] : 2 * (e["offset"] + e["length"])].decode("utf-16-le"))
        for e in post["entities"]
    ]


def _feed(stack: Stack, channel: str, words: str) -> str:
    (post,) = said(stack, channel, words)
    page = stack.http.get(f"{stack.simulator_url}/s/{channel}").text
    return page.partition(f'data-post="{channel}/{post["message_id"]}"')[2].partition("tgme_widget_message_wrap")[0]


def _try_in(stack: Stack, channel: str) -> None:
    """The bot gets a storage chat, or its time to try there comes again."""
    stack.change("DELETE FROM emoji_standing")
    stack.change("DELETE FROM emoji_trial")
    stack.change("UPDATE bot SET storage_chat_id = ?", channel_of(stack, channel)["chat_id"])
    wait_for("it was tried", lambda: stack.rows("SELECT 1 FROM emoji_trial WHERE outcome <> 'failed'"), timeout_s=20)


def test_from_a_set_to_the_feed_as_it_was_told(visit: Visit) -> None:
    page, stack = visit.page, visit.stack
    _put_at_hand(page, stack)
    _compose(page, _NEWS, "Nobody knows")
    expect(page.locator("#problem_text")).to_contain_text(
        f"not known yet whether Telegram keeps custom emoji in {_title(stack, _NEWS)}"
    )

    _try_in(stack, _STORAGE)
    left = [post for post in channel_of(stack, _STORAGE)["posts"] if post["text"] in _PLAIN]
    assert left == [], "nothing of the trial is left"
    _compose(page, _NEWS, "Told as plain")
    expect(page.locator("#problem_text")).to_contain_text(
        f"In {_title(stack, _NEWS)} these go out as plain emoji: {FAMILY}"
    )
    _schedule(page)
    expect(page.locator("#post_state")).to_contain_text(f"These go out as plain emoji here: {FAMILY}")
    assert _arrived(stack, _NEWS, "Told as plain") == [("bold", f"Told as plain {FAMILY}!n\u0303")]
    assert "tg-emoji" not in _feed(stack, _NEWS, "Told as plain") and FAMILY in _feed(stack, _NEWS, "Told as plain")
    page.reload()
    expect(page.locator("#post_state")).to_contain_text("as was told")

    stack.control("bot", has_fragment_username=True)
    _try_in(stack, _STORAGE)
    _compose(page, _OTHER, "Told as custom")
    expect(page.locator("#problem_text")).to_contain_text(
        f"In {_title(stack, _OTHER)} these go out as custom emoji: {FAMILY}"
    )
    _schedule(page)
    expect(page.locator("#post_state")).to_contain_text(f"Custom emoji stay custom here: {FAMILY}")
    arrived = _arrived(stack, _OTHER, "Told as custom")
    assert [words for kind, words in arrived if kind == "custom_emoji"] == [FAMILY]
    assert "".join(words for kind, words in arrived if kind == "bold") == f"Told as custom {FAMILY}!n\u0303"
    assert f'<tg-emoji emoji-id="{_FIRST + 1}">' in _feed(stack, _OTHER, "Told as custom")


def test_it_goes_behind_a_link_and_not_into_it(visit: Visit) -> None:
    page = visit.page
    page.goto("/posts/new")
    text = page.locator("#composer_text")
    text.fill("See [here](https://a.uz/) now")
    text.evaluate("box => box.setSelectionRange(7, 7)")
    page.get_by_role("button", name="Custom emoji").click()
    page.get_by_role("button", name="👍, Cats of Tashkent, number 1").click()
    expect(text).to_have_value(f"See [here](https://a.uz/)[👍](emoji:{_FIRST}) now")
    page.keyboard.press("Control+z")
    expect(text).to_have_value("See [here](https://a.uz/) now")
    page.get_by_role("button", name="Custom emoji").click()
    page.keyboard.press("Escape")
    expect(page.locator("#composer_emoji")).to_be_hidden()


def test_all_of_it_fits_and_has_no_barrier(visit: Visit) -> None:
    axe.bring(visit.context)
    page, stack = visit.page, visit.stack
    for width in (360, 768, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
            for name, path in (("palette", "/emoji"), ("set", "/emoji/sets/catsoftashkent"), ("picker", "/posts/new")):
                page.goto(path)
                if name == "picker":
                    page.get_by_role("button", name="Custom emoji").click()
                    expect(page.locator("#composer_emoji .emoji-key").first).to_be_visible()
                assert axe.barriers(page) == [], (name, width, scheme)
                assert not page.evaluate("document.documentElement.scrollWidth > innerWidth"), (name, width)
                page.screenshot(path=stack.folder / f"emoji-{name}-{width}-{scheme}.png")


def test_a_button_of_the_bots_opens_its_page_in_the_mini_app_once(browser: Browser, stack: Stack) -> None:
    phone = Visit(browser, stack, width=390)
    telegram.stand_in(phone.context)
    data = stack.control("init_data", user_id=OWNER_ID)["init_data"]
    phone.page.goto(f"/twa?open=/watermarks#tgWebAppData={quote(data)}")
    expect(phone.page.locator("#page_body h1")).to_have_text("Watermarks")
    phone.page.locator("#twa_menu").get_by_role("link", name="Help").click()
    expect(phone.page.locator("#page_body h1")).not_to_have_text("Watermarks")
    phone.page.reload()
    expect(phone.page.locator("#page_body h1")).to_be_visible()
    expect(phone.page.locator("#page_body h1")).not_to_have_text("Watermarks")
    phone.context.close()
    assert not phone.problems


def test_a_long_title_makes_no_page_too_wide(visit: Visit) -> None:
    """A channel may have a title of one long word; the smallest screen still shows the form."""
    page, stack, title = visit.page, visit.stack, _title(visit.stack, _OTHER)
    stack.change("UPDATE chat SET title = ? WHERE username = ?", "Ж" * 120, _OTHER)
    page.set_viewport_size({"width": 360, "height": 800})
    try:
        page.goto("/posts/new")
        expect(page.locator("label.check", has_text=f"@{_OTHER}")).to_be_visible()
        page.screenshot(path=stack.folder / "emoji-long-title.png")
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
    finally:
        stack.change("UPDATE chat SET title = ? WHERE username = ?", title, _OTHER)
        page.set_viewport_size({"width": 1280, "height": 800})
