"""A channel is archived, lost, and published anew in another one, by a person who presses a few buttons."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from e2e import axe
from e2e.posting import channel_of, said, stack, visit
from e2e.stack import OWNER_ID, Stack, wait_for
from e2e.test_journey import Visit, browser

__all__ = ["browser", "stack", "visit"]
pytestmark = pytest.mark.timeout(420)  # five pages are looked at in many ways, and the job begins anew twice
OLD, NEW = "the_old_channel", "the_new_channel"
_SHOTS = os.environ.get("ARCHIVE_SHOTS", "")  # a folder: the pages as they look


def _own(stack: Stack, name: str) -> None:
    """The owner makes a channel in Telegram and adds the bot."""
    stack.control("channels", username=name, title=name.replace("_", " ").title(), owner_id=OWNER_ID)
    stack.control("promote_bot", chat=name, user_id=OWNER_ID)
    owned = "SELECT 1 FROM channel c JOIN chat h ON h.id = c.chat_id WHERE h.username = ? AND c.relation = 'owned'"
    wait_for(f"{name} is connected", lambda: stack.rows(owned, name), timeout_s=20)


def _now(stack: Stack) -> None:
    """The minute's jobs are done at once: they are when the process starts."""
    stack.kill("jobs")
    stack.start("jobs")
    stack.wait_until_up("jobs")


def _looked_at(page: Page, name: str) -> None:
    """Without a barrier at the narrow and the wide, in the light and the dark."""
    for width in (360, 768, 1280) if _SHOTS else (360, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
            assert axe.barriers(page) == [], name
            if _SHOTS:
                page.screenshot(path=Path(_SHOTS) / f"{name}-{width}-{scheme}.png", full_page=True)
        assert not page.evaluate("document.documentElement.scrollWidth > innerWidth"), name
    page.set_viewport_size({"width": 1280, "height": 800})
    page.emulate_media(color_scheme="light")


def test_a_lost_channel_comes_back_in_a_new_one(visit: Visit) -> None:
    axe.bring(visit.context)
    page, stack = visit.page, visit.stack
    for name in (OLD, NEW):
        _own(stack, name)
    for number in range(3):
        stack.control("post", chat=OLD, text=f"News {number} of the old channel")
    stack.control("post", chat=OLD, text="Pictures that nobody keeps", media="photo", album=2)
    stack.control("post", chat=OLD, media="sticker")
    told = "SELECT COUNT(*) FROM inbox WHERE kind = 'channel_post' AND processed_at IS NOT NULL"
    wait_for("the bot was told", lambda: stack.rows(told)[0][0] >= 6, timeout_s=20)

    page.goto("/settings")
    page.get_by_role("link", name="Archives").click()
    _looked_at(page, "none")
    page.get_by_label("Channel", exact=True).select_option(label="The Old Channel")
    page.get_by_role("button", name="Keep its posts").click()
    page.wait_for_url(re.compile(r"/protection/archives/[\w-]{22}$"))
    expect(page.locator("#archive_whole")).to_contain_text("being filled")
    page.wait_for_timeout(5_500)  # what was told a moment ago is left for the next look
    _now(stack)
    wait_for("it is filled", lambda: stack.rows("SELECT 1 FROM archive WHERE looked_at IS NOT NULL"), timeout_s=30)
    wait_for("files are looked for", lambda: not stack.rows("SELECT 1 FROM archived_file WHERE state = 'wanted'"))
    page.reload()
    expect(page.locator("#archive_whole")).to_contain_text("Is it whole?")
    expect(page.locator("#archive_lacking")).to_contain_text("Pictures that nobody keeps")
    _looked_at(page, "archive")
    stack.control("remove_bot", chat=OLD)

    page.get_by_role("link", name="Look at what would happen").click()
    page.get_by_label("Into the channel").select_option(label="The New Channel")
    page.get_by_role("button", name="Look again").click()
    expect(page.locator("#archive_preview")).to_contain_text("First published")
    _looked_at(page, "form")
    page.get_by_role("button", name="Start").click()
    page.wait_for_url(re.compile(r"/protection/rebuilds/[\w-]{22}$"))
    expect(page.locator("#rebuild_state")).to_contain_text("Under way")
    page.get_by_role("button", name="Pause").click()
    expect(page.locator("#rebuild_state")).to_contain_text("Paused")
    page.get_by_role("button", name="Go on").click()
    stack.control("rights", chat=NEW, rights={"can_post_messages": False})
    rights = "SELECT r.rights FROM bot_rights r JOIN chat h ON h.id = r.chat_id WHERE h.username = ?"
    wait_for("the right is gone", lambda: '"can_post_messages":false' in stack.rows(rights, NEW)[0][0].replace(" ", ""))
    _now(stack)
    expect(page.locator("#rebuild_state")).to_contain_text("lacks the right to post", timeout=30_000)
    _looked_at(page, "stuck")
    stack.control("rights", chat=NEW, rights={"can_post_messages": True})
    expect(page.locator("#rebuild_state")).to_contain_text("All is published", timeout=60_000)
    _looked_at(page, "done")
    posts = [post["text"] for post in channel_of(stack, NEW)["posts"] if not post["service"]]
    assert [text.split("\n")[0] for text in posts] == [
        *(f"News {number} of the old channel" for number in range(3)),
        "Pictures that nobody keeps",
    ]
    assert all("First published" in text for text in posts)
    assert len(said(stack, NEW, "News 0")) == 1
