"""Twenty channels with fifty thousand posts in a browser: pages open, sort, stay inside a phone, and load little."""

from __future__ import annotations

import csv
import gzip
import random
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Response, expect

from e2e.stack import OWNER_ID, Stack
from e2e.test_journey import Visit, browser

__all__ = ["browser"]
CHANNELS, POSTS = 20, 50_000
_NAME = "Big network"
_LIGHT = 60 * 1024


def _write_csv(folder: Path) -> tuple[Path, Path]:
    """Posts of 400 days, each read at an hour and at a day; a subscriber count a day."""
    views, subscribers = folder / "views.csv", folder / "subscribers.csv"
    dice, now = random.Random(20), datetime.now(UTC).replace(microsecond=0)
    each, began = POSTS // CHANNELS, now - timedelta(days=402)
    with views.open("w", newline="") as told:
        rows = csv.writer(told)
        rows.writerow(["channel", "post_uid", "message_id", "posted_at", "snapshot_at", "views", "reactions"])
        for channel in range(CHANNELS):
            for n in range(1, each + 1):
                at, count = began + timedelta(minutes=n * 230 + channel), dice.randrange(200, 9000)
                for hours, read in ((1, count // 3), (25, count)):
                    taken = (at + timedelta(hours=hours)).isoformat()
                    rows.writerow([_channel(channel), "", n, at.isoformat(), taken, read, read // 40])
    with subscribers.open("w", newline="") as told:
        rows = csv.writer(told)
        rows.writerow(["channel", "observed_at", "subscribers"])
        for channel in range(CHANNELS):
            for day in range(400):
                at = began + timedelta(days=day)
                rows.writerow([_channel(channel), at.isoformat(), 5000 + 137 * channel + day * (channel - 4)])
    return views, subscribers


def _channel(n: int) -> str:
    return f"big_channel_{n:02d}"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("big")
    with Stack(folder, parts=("web",)) as running:
        views, subscribers = _write_csv(folder)
        began = time.monotonic()
        load = ("import", "view-readings", str(views), "--subscribers", str(subscribers), "--workspace", _NAME)
        told = running.cli(*load, "--create")
        print(f"\n{told} in {time.monotonic() - began:.0f} s")
        running.change('UPDATE "user" SET telegram_user_id = ?', OWNER_ID)  # `demo link` lets this person in
        yield running


class Watch:
    """How long the server took for each page that a visit opened, as the browser saw it."""

    def __init__(self, visit: Visit) -> None:
        self.slow = dict[str, float]()
        visit.page.on("requestfinished", lambda request: self._note(request.response()))

    def _note(self, response: Response | None) -> None:
        if response is not None and response.request.resource_type in ("document", "fetch", "xhr"):
            took = response.request.timing["responseEnd"] / 1000
            path = "/".join(
                part for part in response.url.split("/", 3)[3].split("?")[0].split("/") if len(part) < 20
            )  # ids and secrets
            self.slow[path] = max(took, self.slow.get(path, 0))

    def told(self) -> str:
        return ", ".join(f"/{path} {took * 1000:.0f} ms" for path, took in self.slow.items())


def _views(page: Page) -> list[int]:
    """The column of views as the table shows it, from top to bottom."""
    cells = page.locator("#posts_table tbody tr td:nth-child(2) data.fig")
    return [int(float(str(cell.get_attribute("value")))) for cell in cells.all()]


def _overflow(page: Page) -> int:
    page.wait_for_load_state("networkidle")
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


@pytest.mark.parametrize("width", [360, 1280])
def test_fifty_thousand_posts_of_twenty_channels_open_sort_and_fit(browser: Browser, stack: Stack, width: int) -> None:
    assert stack.rows("SELECT COUNT(*) FROM post")[0][0] == POSTS
    visit = Visit(browser, stack, width=width)
    watch, wide = Watch(visit), dict[str, int]()
    page = visit.sign_in()
    expect(page.locator("#channels_table tbody tr")).to_have_count(CHANNELS)
    wide["network"] = _overflow(page)
    page.goto("/network?days=365")
    wide["network of a year"] = _overflow(page)
    page.locator("#channels_table tbody tr").get_by_role("link").first.click()
    expect(page.locator("#tiles data.fig").first).to_be_visible()
    channel = page.url.split("?")[0]
    wide["channel"] = _overflow(page)

    page.goto(f"{channel}/posts?days=365")
    header = page.locator("#posts_table th", has_text="Views")
    for order in ("descending", "ascending"):
        header.get_by_role("link").click()
        expect(header).to_have_attribute("aria-sort", order)
        shown = _views(page)
        assert len(shown) > 10 and shown == sorted(shown, reverse=order == "descending")
    wide["posts"] = _overflow(page)

    page.goto("/compare")
    for box in page.get_by_role("checkbox").all()[:3]:
        box.check()
    page.get_by_role("button", name="Compare").click()
    expect(page.locator("#compare_table tbody tr")).to_have_count(3)
    wide["compare"] = _overflow(page)
    print(f"\n{width} px, {CHANNELS} channels, {POSTS} posts: {watch.told()}")
    visit.context.close()
    assert not any(wide.values()), wide
    assert not visit.problems


def test_network_and_channel_load_at_most_sixty_kilobytes_of_script_and_style(browser: Browser, stack: Stack) -> None:
    """Each as `gzip -9` would send it, before a chart is touched."""
    visit, sizes = Visit(browser, stack), dict[str, int]()

    def weigh(response: Response) -> None:
        if response.request.resource_type in ("script", "stylesheet"):
            sizes[response.url.rsplit("/", 1)[1].split("?")[0]] = len(gzip.compress(response.body(), 9))

    visit.page.on("response", weigh)  # from the login on: what the browser then keeps counts too
    page = visit.sign_in()
    page.locator("#channels_table tbody tr").get_by_role("link").first.click()
    expect(page.locator("#tiles")).to_be_visible()
    page.wait_for_load_state("networkidle")
    print(f"\nscript and style: {sum(sizes.values()):,} bytes in {len(sizes)} files {sizes}")
    visit.context.close()
    assert {name.rpartition(".")[2] for name in sizes} == {"js", "css"} and len(sizes) > 4
    assert sum(sizes.values()) <= _LIGHT
    assert not visit.problems
