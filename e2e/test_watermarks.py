"""A watermark is made, put on a channel, and seen in that channel's feed in the simulated Telegram."""

from __future__ import annotations

import io
import re
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from PIL import Image, ImageChops
from playwright.sync_api import Page, expect

from e2e import axe
from e2e.posting import make_due, said, stack, visit
from e2e.stack import Stack, wait_for
from e2e.test_journey import CHANNELS, Visit, browser

__all__ = ["browser", "stack", "visit"]
_ZONE = ZoneInfo("Asia/Tashkent")
_SIZE = (800, 600)


def _in_the_feed(stack: Stack, channel: str, words: str) -> Image.Image:
    """The picture of a post, as the channel's public page shows it."""
    (post,) = said(stack, channel, words)
    page = stack.http.get(f"{stack.simulator_url}/s/{channel}").text
    _, _, block = page.partition(f'data-post="{channel}/{post["message_id"]}"')
    address = re.findall(r"photo_wrap[^>]*background-image:url\('([^']+)'\)", block)[0]
    url = address if address.startswith("http") else f"{stack.simulator_url}{address}"
    return Image.open(io.BytesIO(stack.http.get(url).content)).convert("RGB")


def _schedule(page: Page, channel: str, words: str, picture: Path) -> None:
    at = datetime.now(_ZONE) + timedelta(hours=1)
    page.goto("/posts/new")
    page.locator("label.check", has_text=f"@{channel}").get_by_role("checkbox").check()
    page.locator("#composer_text").fill(words)
    page.locator("#composer_file").set_input_files(picture)
    expect(page.locator(".files li")).to_have_count(1)
    page.get_by_label("Day").fill(at.date().isoformat())
    page.get_by_label("Time", exact=True).fill(at.strftime("%H:%M"))
    page.get_by_role("button", name="Schedule").click()
    page.wait_for_url(re.compile(r"/posts/[\w-]{22}$"))


def test_a_watermark_from_its_form_to_the_feed(visit: Visit, tmp_path: Path) -> None:
    page, stack = visit.page, visit.stack
    plain = Image.new("RGB", _SIZE, (40, 90, 160))
    plain.save(tmp_path / "plain.jpg", quality=95)
    page.goto("/media")
    page.get_by_role("link", name="Watermarks").click()
    page.get_by_role("link", name="New watermark").click()
    page.get_by_label("Text", exact=True).fill("@the_channel")
    page.get_by_label("Place").select_option("top_left")
    page.get_by_label("Strength, in per cent").fill("90")
    title = stack.rows("SELECT h.title FROM chat h WHERE h.username = ?", CHANNELS[0])[0][0]
    page.get_by_label(title).check()
    page.get_by_role("button", name="Save").click()
    page.wait_for_url(re.compile(r"/watermarks/[\w-]{22}$"))
    for name, channel in (("With the mark", CHANNELS[0]), ("Without it", CHANNELS[1])):
        _schedule(page, channel, name, tmp_path / "plain.jpg")
    jobs = "SELECT state, runs FROM media_job"
    wait_for("the picture is marked", lambda: stack.rows(jobs) == [("done", 1)], timeout_s=30)
    for words in ("With the mark", "Without it"):
        make_due(stack, words)
    for words, channel in (("With the mark", CHANNELS[0]), ("Without it", CHANNELS[1])):
        wait_for(f"{words} is out", lambda c=channel, w=words: said(stack, c, w), timeout_s=30)  # type: ignore[misc]
    for words, channel, is_marked in (("With the mark", CHANNELS[0], True), ("Without it", CHANNELS[1], False)):
        seen = _in_the_feed(stack, channel, words)
        strong = ImageChops.difference(seen, plain.resize(seen.size)).convert("L").point(lambda v: 255 * (v > 40))
        box = strong.getbbox()
        assert (box is not None) is is_marked, words
        if box is not None:
            assert box[2] < seen.width / 2 and box[3] < seen.height / 4, "at the upper left, and nowhere else"


def test_it_is_tried_on_a_picture_while_its_maker_looks(visit: Visit, tmp_path: Path) -> None:
    axe.bring(visit.context)
    page = visit.page
    Image.effect_noise((1600, 1200), 60).convert("RGB").save(tmp_path / "noise.jpg", quality=92)
    page.goto("/media")
    page.locator("#library_file").set_input_files(tmp_path / "noise.jpg")
    expect(page.locator("#library_files")).to_contain_text("noise.jpg")
    page.goto("/watermarks/new")
    page.get_by_label("Text", exact=True).fill("© ours")
    page.get_by_role("button", name="Save").click()
    page.get_by_label("A picture or film of your files").select_option(label="noise.jpg")
    page.get_by_role("button", name="Put it on").click()
    expect(page.locator("img.trial-result")).to_be_visible(timeout=30_000)
    for width in (360, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
            assert axe.barriers(page) == []
        assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
