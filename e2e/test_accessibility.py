"""Nobody is kept out: axe finds nothing grave on any page, in both themes, three languages, on a phone and a wide screen.

`AXE=full` (make proof) looks at every page in all twelve looks; otherwise the pages share the looks among them.
"""

from __future__ import annotations

import os
import re
import time
from collections import Counter
from collections.abc import Iterator
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from e2e import axe
from e2e.stack import Stack
from e2e.test_journey import CHANNELS, NEW_CHANNEL, Visit, browser

__all__ = ["browser"]
_IS_FULL = os.environ.get("AXE") == "full"
_PASSWORD = "a long password"
_A4_PX = 794


class Places:
    """Addresses of all pages: of a person who signed in, and of a stranger."""

    def __init__(self, visit: Visit) -> None:
        page = visit.sign_in()
        visit.open(CHANNELS[0])
        channel = self.channel = page.url
        _add_campaign(page, channel)
        _watch(page)
        _make_key(page)
        shared, locked = (_share(page, channel, password) for password in ("", _PASSWORD))
        page.goto(f"{channel}/posts?show=top&days=365")
        post = page.locator("#posts_table a.post-link").first.get_attribute("href")
        chosen = "&".join(f"c={public_id}" for public_id in _public_ids(visit.stack))
        self.own = {
            "network": "/network",
            "channel": channel,
            "posts": f"{channel}/posts",
            "content": f"{channel}/content",
            "audience": f"{channel}/audience",
            "campaigns": f"{channel}/campaigns",
            "post": str(post),
            "channel settings": f"{channel}/settings",
            "network's links": "/network/share",
            "watch-list": "/watchlist",
            "compare": f"/compare?{chosen}",
            "connect": "/channels/connect",
            "own posts": "/posts",
            "new post": "/posts/new",
            "settings": "/settings",
            "API keys": "/settings/api-keys",
            "own account": "/settings/own-account",
            "help": "/help",
            "not found": "/nothing/here",
        }
        self.strange = {
            "login": "/login",
            "session over": "/login/expired",
            "shared channel": shared,
            "shared posts": f"{shared}/posts",
            "share password": locked,
            "Mini App": "/twa",
            "nothing for strangers": "/nothing/here",
        }


def _public_ids(stack: Stack) -> list[str]:
    sql = "SELECT public_id FROM channel WHERE deleted_at IS NULL ORDER BY id LIMIT 2"
    return [row[0] for row in stack.rows(sql)]


def _add_campaign(page: Page, channel: str) -> None:
    page.goto(f"{channel}/campaigns")
    for name, value in (("name", "Autumn"), ("source", "@elsewhere"), ("spend", "100"), ("first_day", "2026-01-05")):
        page.locator(f"#campaign_{name}").fill(value)
    page.get_by_role("button", name="Create the campaign").click()
    expect(page.get_by_text("Autumn").first).to_be_visible()


def _watch(page: Page) -> None:
    page.goto("/watchlist")
    page.locator("#watch_username").fill(f"@{NEW_CHANNEL}")
    page.locator("#watch_form button").click()
    expect(page.get_by_text(f"@{NEW_CHANNEL}").first).to_be_visible()


def _make_key(page: Page) -> None:
    page.goto("/settings/api-keys")
    page.get_by_role("textbox").first.fill("Our own report")
    page.get_by_role("button", name="Create").click()
    expect(page.locator(".secret code")).to_be_visible()


def _share(page: Page, channel: str, password: str) -> str:
    """The path of a new link to the channel's numbers."""
    page.goto(f"{channel}/settings")
    page.locator("#share_password").fill(password)
    page.get_by_role("button", name="Create a link").click()
    address = page.locator("#share_links .secret code")
    expect(address).to_be_visible()
    return "/" + address.inner_text().split("/", 3)[3]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("accessible"), scenario="demo", parts=("web", "bot")) as running:
        yield running


@pytest.fixture(scope="module")
def insider(browser: Browser, stack: Stack) -> Iterator[Visit]:
    visit = Visit(browser, stack)
    axe.bring(visit.context)
    visit.allowed = {404}
    yield visit
    visit.context.close()


@pytest.fixture(scope="module")
def places(insider: Visit) -> Places:
    return Places(insider)


@pytest.fixture
def stranger(browser: Browser, stack: Stack) -> Iterator[Visit]:
    visit = Visit(browser, stack)
    axe.bring(visit.context)
    visit.allowed = {401, 404}  # the page that asks for a password, and the one that is not there
    yield visit
    visit.context.close()
    assert not visit.problems


def _look_around(visit: Visit, addresses: dict[str, str], speak: str) -> tuple[list[str], int]:
    """(barriers, pages looked at) in the looks of one language; pages are loaded once and then shown differently."""
    found, seen = list[str](), 0
    for place, (name, address) in enumerate(addresses.items()):
        looks = axe.EVERY_LOOK if _IS_FULL else axe.some_looks(place)
        looks = [look for look in looks if look.language == speak]
        if looks:
            axe.wear(visit.page, looks[0])
            visit.page.goto(address)
            assert visit.page.evaluate("document.documentElement.lang") == speak
        for nth, look in enumerate(looks):
            axe.wear(visit.page, look)
            is_same_but_dark = not _IS_FULL and nth > 0 and look.width == looks[nth - 1].width
            told = axe.barriers(visit.page, only_colours=is_same_but_dark)
            found += [f"{name} ({look}) {barrier}" for barrier in told]
            seen += 1
    return found, seen


def _told(found: list[str]) -> str:
    sorts = Counter(re.sub(r"\([^)]*\)", "", one) for one in found)
    return "\n".join([f"{len(found)} barriers", *(f"{count}x {one}" for one, count in sorts.most_common(40))])


@pytest.mark.parametrize("speak", ["en", "ru", "uz"])
def test_nothing_grave_stands_in_the_way_of_somebody_who_signed_in(insider: Visit, places: Places, speak: str) -> None:
    began = time.monotonic()
    insider.stack.change('UPDATE "user" SET language = ?', speak)
    found, seen = _look_around(insider, places.own, speak)
    insider.stack.change('UPDATE "user" SET language = ?', "en")
    print(f"\naxe, signed in, {speak}: {seen} looks, {len(found)} grave findings, {time.monotonic() - began:.0f} s")
    assert not found, _told(found)
    assert not insider.problems


@pytest.mark.parametrize("speak", ["en", "ru", "uz"])
def test_nothing_grave_stands_in_the_way_of_a_stranger(stranger: Visit, places: Places, speak: str) -> None:
    began = time.monotonic()
    stranger.page.goto(f"/login?lang={speak}")
    found, seen = _look_around(stranger, places.strange, speak)
    print(f"\naxe, stranger, {speak}: {seen} looks, {len(found)} grave findings, {time.monotonic() - began:.0f} s")
    assert not found, _told(found)


def test_the_looks_that_the_pages_share_leave_no_pair_out() -> None:
    """Each language meets each theme and each width, and each theme each width, on some page of either person."""
    for pages in (19, 7):
        looks = {look for place in range(pages) for look in axe.some_looks(place)}
        pairs = {(look.language, look.theme) for look in looks} | {(look.language, look.width) for look in looks}
        assert len(pairs) == 12 and len({(look.theme, look.width) for look in looks}) == 4


def test_a_barrier_is_heard(stranger: Visit) -> None:
    """What the other tests assert not to happen: a nameless button and pale words are found."""
    stranger.page.goto("/login")
    stranger.page.evaluate(
        "document.querySelector('main').insertAdjacentHTML('beforeend', '<button></button><p class=pale>Pale</p>');"
        "document.querySelector('.pale').style.color = '#bbb'; document.querySelector('.pale').style.background = '#fff'"
    )
    rules = {barrier.partition(":")[0] for barrier in axe.barriers(stranger.page)}
    assert {"button-name", "color-contrast"} <= rules


def test_pages_print_whole_and_dark_on_white(insider: Visit, places: Places) -> None:
    """On A4: nothing is cut off at the side, no menus, and the night theme does not print light words on nothing."""
    page, faults = insider.page, list[str]()
    page.set_viewport_size({"width": _A4_PX, "height": 1123})
    for name, address in places.own.items():
        page.goto(address)
        page.emulate_media(media="print", color_scheme="dark", reduced_motion="reduce")
        told = page.evaluate(_PRINTED)
        faults += [f"{name}: {fault}" for fault in told]
        page.emulate_media(media="screen", color_scheme="light")
    assert not faults, "\n".join(faults)


_PRINTED = """() => {
  const faults = [], width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth > width) faults.push(`${document.documentElement.scrollWidth} px wide`);
  for (const box of document.querySelectorAll('main .scroll'))
    if (box.offsetParent && box.scrollWidth > box.clientWidth + 1)
      faults.push(`a table is cut by ${box.scrollWidth - box.clientWidth} px`);
  const channels = getComputedStyle(document.querySelector('h1')).color.match(/[\\d.]+/g).slice(0, 3).map(Number);
  if (Math.max(...channels) > 128) faults.push('light words: ' + channels);
  if (document.querySelector('.side')?.offsetParent) faults.push('the menu is printed');
  return faults;
}"""


def test_nothing_moves_for_who_asked_for_rest(insider: Visit, places: Places) -> None:
    """Not even the waiting pulse, which moves for everybody else."""
    page = insider.page

    def moving(name: str, wish: Literal["reduce", "no-preference"]) -> int:
        page.emulate_media(reduced_motion=wish)
        page.goto(places.own[name])
        page.locator("main a:visible, main button:visible").first.hover()
        page.locator("main").evaluate("main => main.insertAdjacentHTML('beforeend', '<span class=pulse></span>')")
        return int(page.evaluate("document.getAnimations().filter(a => a.playState === 'running').length"))

    assert not any(moving(name, "reduce") for name in ("connect", "network", "post", "settings"))
    assert moving("connect", "no-preference")
