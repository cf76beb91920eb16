"""A person's way through the product in a real browser, from the login link to a stranger's channel."""

from __future__ import annotations

import re
import secrets
import shutil
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, Response, expect, sync_playwright

from e2e.stack import BOT_ID, OWNER_ID, Stack, wait_for

CHANNELS = ("simulated_uz_news", "simulated_ru_it", "simulated_en_startup")
NEW_CHANNEL = "simulated_new_channel"
STRANGER_ID = 777000900
_REPORT = (
    "document.addEventListener('securitypolicyviolation',"
    " e => window.reportViolation(`${e.violatedDirective} ${e.blockedURI} ${e.sourceFile}:${e.lineNumber}`))"
)


class Visit:
    """A person's browser. What goes wrong on any page is gathered; `allowed` are the refusals that a test provokes."""

    def __init__(self, browser: Browser, stack: Stack, *, width: int = 1280) -> None:
        self.stack, self.problems, self.allowed = stack, list[str](), set[int]()
        self.context = browser.new_context(base_url=stack.base_url, viewport={"width": width, "height": 800})
        self.context.set_default_timeout(10_000)
        self.context.expose_function("reportViolation", lambda words: self.problems.append(f"CSP: {words}"))
        self.context.add_init_script(_REPORT)
        self.page = self.tab()

    def tab(self) -> Page:
        page = self.context.new_page()
        page.on("pageerror", lambda error: self.problems.append(f"page error: {error}"))
        page.on("console", lambda said: self._hear(said.type, said.text))
        page.on("response", self._check)
        return page

    def _hear(self, kind: str, text: str) -> None:
        if kind == "error" and not text.startswith("Failed to load resource"):  # refusals are judged by their status
            self.problems.append(f"console: {text}")

    def _check(self, response: Response) -> None:
        if response.status >= 400 and response.status not in self.allowed:
            self.problems.append(f"{response.status}: {response.url}")

    def sign_in(self) -> Page:
        self.page.goto(self.stack.link())
        self.page.get_by_role("button", name="Enter").click()
        self.page.wait_for_url("**/network")
        return self.page

    def open_posts(self, channel: str) -> Page:
        self.open(channel)
        self.page.locator(".tabs").get_by_role("link", name="Posts").click()
        self.page.wait_for_url("**/posts?**")
        return self.page

    def open(self, channel: str) -> Page:
        self.page.goto("/network")
        self.page.locator("#channels_table tr", has_text=f"@{channel}").get_by_role("link").first.click()
        self.page.wait_for_url(re.compile(r"/channels/[\w-]{22}$"))
        return self.page


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("journey"), scenario="demo", is_living=True) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium")
    assert chromium, "chromium is missing: run deploy/system-packages test. The journey is NOT skipped."
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        started = playwright.chromium.launch(executable_path=chromium, args=arguments)
        yield started
        started.close()


@pytest.fixture
def visit(browser: Browser, stack: Stack) -> Iterator[Visit]:
    """A fresh browser; no page that a test saw may have broken a rule."""
    visit = Visit(browser, stack)
    yield visit
    visit.context.close()
    assert not visit.problems


def test_the_login_link_opens_the_network_with_three_simulated_channels_and_sourced_numbers(visit: Visit) -> None:
    page = visit.sign_in()
    rows = page.locator("#channels_table tbody tr")
    for name in CHANNELS:
        expect(rows.filter(has_text=f"@{name}").filter(has_text="simulated")).to_have_count(1)
    numbers = page.locator("data.fig")
    assert numbers.count() >= 3 * len(CHANNELS)
    read = page.locator('#channels_table data.fig:not([data-source="none"])')
    assert read.count() >= 2 * len(CHANNELS)
    for number in numbers.all():
        assert number.get_attribute("data-source") and number.get_attribute("data-precision")


def test_the_login_link_works_once(browser: Browser, visit: Visit) -> None:
    link, other = visit.stack.link(), Visit(browser, visit.stack)
    visit.page.goto(link)
    visit.page.get_by_role("button", name="Enter").click()
    visit.page.wait_for_url("**/network")
    other.allowed = {401}
    other.page.goto(link)
    other.page.get_by_role("button", name="Enter").click()
    expect(other.page.get_by_role("heading", level=1)).to_have_text("This link is used up")
    assert other.page.goto("/network") and other.page.url.endswith("/login")
    other.context.close()
    assert not other.problems


def test_the_bot_answers_dashboard_with_a_link_into_a_browser_that_never_saw_it(browser: Browser, visit: Visit) -> None:
    phone = visit.page
    phone.goto(f"{visit.stack.simulator_url}/?user={OWNER_ID}&tab=bot")
    phone.get_by_label("Message").fill("/dashboard")
    phone.get_by_role("button", name="Send").click()
    link = phone.locator('.bubble a[href*="/login/link/"]').last
    expect(link).to_be_visible()
    fresh = Visit(browser, visit.stack)
    fresh.page.goto(link.get_attribute("href") or "")
    expect(fresh.page.get_by_role("heading", level=1)).to_contain_text("Sign in as")
    fresh.page.get_by_role("button", name="Open my numbers").click()
    fresh.page.wait_for_url("**/network")
    expect(fresh.page.locator("#channels_table tbody tr").first).to_be_visible()
    fresh.context.close()
    assert not fresh.problems


def test_the_top_filter_swaps_the_table_without_loading_the_page_again(visit: Visit) -> None:
    visit.sign_in()
    page = visit.open_posts(CHANNELS[0])
    page.evaluate("window.isSamePage = true")
    with page.expect_response(lambda answer: "show=top" in answer.url) as swap:
        page.get_by_role("navigation", name="Which posts").get_by_role("link", name="Top").click()
    assert swap.value.request.headers.get("hx-request") == "true"
    assert "<html" not in swap.value.text()
    current = page.locator('#posts_table .choices a[aria-current="true"]')
    expect(current).to_have_text(re.compile("Top"))
    page.wait_for_url("**show=top**")
    assert page.evaluate("window.isSamePage") is True
    assert page.locator("#posts_table tbody tr").count() > 0


def test_a_post_page_draws_its_curve(visit: Visit) -> None:
    visit.sign_in()
    page = visit.open_posts(CHANNELS[0])
    page.get_by_role("navigation", name="Which posts").get_by_role("link", name="Top").click()
    page.wait_for_url("**show=top**")
    page.locator("#posts_table a.post-link").first.click()
    page.wait_for_url(re.compile(r"/posts/\d+"))
    curve = page.locator("#chart_curve_card")
    expect(curve.locator("svg").first).to_be_visible()
    curve.get_by_text("Show the numbers").click()
    assert curve.locator("table tbody tr").count() >= 2


def test_a_channel_shows_up_on_the_open_page_within_five_seconds_of_adding_the_bot(visit: Visit) -> None:
    page = visit.sign_in()
    page.goto("/channels/connect")
    found = page.locator("#connect_status .found-connected", has_text=f"@{NEW_CHANNEL}")
    expect(found).to_have_count(0)
    visit.stack.control("promote_bot", chat=NEW_CHANNEL, user_id=OWNER_ID)
    added = time.monotonic()
    expect(found).to_be_visible(timeout=5000)
    assert time.monotonic() - added <= 5
    found.get_by_role("link", name="Open").click()
    page.wait_for_url(re.compile(r"/channels/[\w-]{22}$"))
    expect(page.locator("ul.rights li.granted").first).to_be_visible()


def test_an_ended_session_leads_an_open_page_to_sign_in(visit: Visit) -> None:
    visit.sign_in()
    page, elsewhere = visit.open_posts(CHANNELS[0]), visit.tab()
    elsewhere.goto("/network")
    elsewhere.get_by_role("button", name="Sign out").click()
    elsewhere.wait_for_url("**/login")
    visit.allowed = {401}
    page.get_by_role("navigation", name="Which posts").get_by_role("link", name="Top").click()
    page.wait_for_url("**/login/expired")
    page.get_by_role("link", name="Sign in again").click()
    page.wait_for_url("**/login")


def test_the_mini_app_signs_its_owner_in_inside_the_phone(visit: Visit) -> None:
    """Telegram's signed launch data through the frame of the simulated phone: pages and links live in there."""
    page = visit.page
    page.goto(f"{visit.stack.simulator_url}/?user={OWNER_ID}&tab=app")
    app = page.frame_locator('iframe[title="Mini App"]')
    rows = app.locator("#channels_table tbody tr")
    for name in CHANNELS:
        expect(rows.filter(has_text=f"@{name}")).to_have_count(1)
    rows.filter(has_text=f"@{CHANNELS[0]}").get_by_role("link").first.click()
    expect(app.locator("#tiles data.fig").first).to_be_visible()
    app.locator(".tabs").get_by_role("link", name="Posts").click()
    app.get_by_role("navigation", name="Which posts").get_by_role("link", name="Top").click()
    expect(app.locator('#posts_table .choices a[aria-current="true"]')).to_have_text(re.compile("Top"))
    session = next(cookie for cookie in visit.context.cookies(visit.stack.base_url) if cookie["name"] == "session")
    assert session["httpOnly"] and session["sameSite"] == "Lax"  # on http; on https another site's frame needs None


def test_the_mini_apps_door_stays_shut_without_launch_data(visit: Visit) -> None:
    visit.page.goto("/twa")
    expect(visit.page.locator("#twa_status")).to_have_text(re.compile("Open this page from Telegram"))
    visit.page.goto("/network")
    assert visit.page.url.endswith("/login")


def test_a_page_that_a_browser_signed_in_to_cannot_be_framed(browser: Browser, stack: Stack) -> None:
    """And a broken rule is heard: what every other journey asserts not to happen happens here."""
    framed = Visit(browser, stack)
    framed.sign_in()
    page = framed.page
    page.goto(f"{stack.simulator_url}/?user={OWNER_ID}&tab=chats")
    page.evaluate("address => document.body.append(Object.assign(document.createElement('iframe'), {src: address}))",
                  f"{stack.base_url}/network")  # fmt: skip
    wait_for("the browser refuses the frame", lambda: _heard(page, framed, "frame-ancestors"))
    page.goto("/network")
    page.evaluate(
        "document.body.append(Object.assign(document.createElement('script'), {textContent: 'window.ran = 1'}))"
    )
    wait_for("the violation is heard", lambda: _heard(page, framed, "CSP: script-src"))
    assert page.evaluate("window.ran") is None
    framed.context.close()


def _heard(page: Page, visit: Visit, words: str) -> bool:
    page.wait_for_timeout(50)  # lets the browser's events in
    return any(words in problem for problem in visit.problems)


def test_a_strangers_channel_answers_like_a_missing_one(visit: Visit) -> None:
    theirs = _strangers_channel(visit.stack)
    page = visit.sign_in()
    visit.allowed = {404}
    for tail in ("", "/posts/1", "/posts.csv"):
        answers = []
        for public_id in (theirs, secrets.token_urlsafe(16)):
            answer = page.goto(f"/channels/{public_id}{tail}")
            assert answer is not None
            answers.append((answer.status, page.title(), page.locator("body").inner_text()))
        assert answers[0] == answers[1]
        assert answers[0][0] == 404


def _strangers_channel(stack: Stack) -> str:
    """The public id of a channel in somebody else's workspace, made the way Telegram makes it."""
    stack.control("users", id=STRANGER_ID, first_name="Stranger")
    stack.control("channels", username="strangers_own", title="Stranger's own", owner_id=STRANGER_ID, subscribers=5)
    stack.control("message", user_id=STRANGER_ID, text="/start", bot_id=BOT_ID)
    known = 'SELECT 1 FROM "user" WHERE telegram_user_id = ?'
    wait_for("the stranger has a workspace", lambda: stack.rows(known, STRANGER_ID))
    stack.control("promote_bot", chat="strangers_own", user_id=STRANGER_ID)
    sql = "SELECT c.public_id FROM channel c JOIN chat t ON t.id = c.chat_id WHERE t.username = 'strangers_own'"
    return str(wait_for("the stranger's channel is connected", lambda: stack.rows(sql))[0][0])


def test_nothing_is_wider_than_a_phone_of_360_pixels(browser: Browser, stack: Stack) -> None:
    phone = Visit(browser, stack, width=360)
    page, wide = phone.sign_in(), dict[str, int]()

    def measure(name: str) -> None:
        page.wait_for_load_state("networkidle")
        over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        wide.update({name: over} if over > 0 else {})

    measure("network")
    phone.open(CHANNELS[0])
    measure("channel")
    for tab in ("Content", "Posts"):
        page.locator(".tabs").get_by_role("link", name=tab).click()
        page.wait_for_url(f"**/{tab.lower()}?**")
        measure(tab)
    page.locator("#posts_table a.post-link").first.click()
    page.wait_for_url(re.compile(r"/posts/"))
    measure("post")
    page.goto("/channels/connect", wait_until="load")
    page.wait_for_selector("#connect_status")
    measure("connect")
    for path in ("/watchlist", "/compare", "/help", "/settings"):
        page.goto(path)
        measure(path)
    phone.context.close()
    assert not wide
    assert not phone.problems
