"""Files in a real browser: sent in pieces over a connection that breaks, found in the library, taken into a post."""

from __future__ import annotations

import hashlib
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Frame, Page, Route, expect

from e2e import axe, telegram
from e2e.stack import OWNER_ID, Stack, wait_for
from e2e.test_journey import Visit, browser

__all__ = ["browser"]  # the journey's fixture
MB = 1_000_000


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("media"), scenario="demo", parts=("web", "bot")) as running:
        yield running


@pytest.fixture
def visit(browser: Browser, stack: Stack) -> Iterator[Visit]:
    visit = Visit(browser, stack)
    visit.sign_in()
    yield visit
    visit.context.close()
    assert not visit.problems


@pytest.fixture
def phone(browser: Browser, stack: Stack) -> Iterator[Visit]:
    phone = Visit(browser, stack, width=390)
    telegram.stand_in(phone.context)
    yield phone
    phone.context.close()
    assert not phone.problems


def _large(path: Path, size: int = 50 * MB) -> str:
    """A file of so many bytes, no two of its pieces alike; returns its SHA-256."""
    block = hashlib.sha512()
    digest, left = hashlib.sha256(), size
    with path.open("wb") as file:
        while left:
            block.update(b"x")
            piece = (block.digest() * 1024)[:left]
            file.write(piece)
            digest.update(piece)
            left -= len(piece)
    return digest.hexdigest()


def _library(phone: Visit) -> Frame:
    phone.page.goto(f"{phone.stack.other_site}/?user={OWNER_ID}&tab=app")
    app = telegram.mini_app(phone.page)
    app.get_by_role("navigation", name="Main").get_by_role("link", name="Posts").click()
    app.get_by_role("link", name="Files", exact=True).click()
    expect(app.locator("#library_file")).to_be_visible()
    return app


class _Traffic:
    """The requests of uploads: how many were announced, and at which offsets pieces began."""

    def __init__(self, page: Page) -> None:
        self.begun, self.offsets, self.taken = 0, list[int](), 0
        page.on("request", lambda request: self._note(request.method, request.url, request.headers))
        page.on("response", lambda answer: self._count(answer.request.method, answer.status))

    def _note(self, method: str, url: str, headers: dict[str, str]) -> None:
        self.begun += method == "POST" and url.endswith("/media/uploads")
        if method == "PATCH":
            self.offsets.append(int(headers["upload-offset"]))

    def _count(self, method: str, status: int) -> None:
        self.taken += method == "PATCH" and status == 204


def test_in_the_mini_app_50_mb_come_over_a_connection_that_breaks_in_the_middle(phone: Visit, tmp_path: Path) -> None:
    wanted = _large(tmp_path / "film.bin")
    app, traffic = _library(phone), _Traffic(phone.page)
    app.locator("#library_file").set_input_files(tmp_path / "film.bin")
    row = app.locator(".upload-row", has_text="film.bin")
    expect(row.get_by_role("progressbar")).to_have_attribute("aria-label", "How much of “film.bin” is sent")
    wait_for("some of it is there", lambda: phone.page.wait_for_timeout(20) or traffic.taken >= 8)
    phone.context.set_offline(True)
    expect(row.locator(".upload-state")).to_have_text("the connection broke, tries again")
    (received,) = phone.stack.rows("SELECT received FROM media_upload")[0]
    assert 8 * 2 * 1024 * 1024 <= received < 50 * MB
    before = len(traffic.offsets)
    phone.page.wait_for_timeout(1500)
    phone.context.set_offline(False)
    expect(row.locator(".upload-state")).to_have_text("is here", timeout=60_000)
    expect(app.locator("#library_files")).to_contain_text("film.bin")
    assert traffic.begun == 1 and min(traffic.offsets[before:]) >= received, "it went on, and did not begin anew"
    ((sha256, size),) = phone.stack.rows("SELECT sha256, size FROM media_file WHERE name = 'film.bin'")
    stored = phone.stack.folder / "media" / sha256[:2] / sha256
    assert (sha256, size) == (wanted, 50 * MB) and hashlib.sha256(stored.read_bytes()).hexdigest() == wanted
    assert phone.stack.rows("SELECT state, sha256 FROM media_upload") == [("done", wanted)]


def test_a_file_is_paused_gone_on_with_and_cancelled(visit: Visit, tmp_path: Path) -> None:
    _large(tmp_path / "pause.bin", 30 * MB)
    page = visit.page
    visit.allowed = {423}  # the piece that is on its way ends before the upload does
    page.goto("/media")
    traffic = _Traffic(page)
    _slow(page)
    page.locator("#library_file").set_input_files(tmp_path / "pause.bin")
    wait_for("some of it is there", lambda: page.wait_for_timeout(20) or traffic.taken >= 2)
    row = page.locator(".upload-row", has_text="pause.bin")
    page.get_by_role("button", name="Pause “pause.bin”").click()
    expect(row.locator(".upload-state")).to_contain_text("paused at")
    taken = traffic.taken
    page.wait_for_timeout(700)
    assert traffic.taken <= taken + 1
    page.get_by_role("button", name="Go on with “pause.bin”").click()
    wait_for("it goes on", lambda: page.wait_for_timeout(20) or traffic.taken > taken + 1)
    page.get_by_role("button", name="Cancel “pause.bin”").click()
    expect(row).to_have_count(0)
    state = "SELECT state FROM media_upload WHERE name = 'pause.bin'"
    wait_for("the server knows", lambda: visit.stack.rows(state) == [("cancelled",)], timeout_s=10)


def test_what_is_cancelled_too_late_is_a_file_and_is_shown(visit: Visit, tmp_path: Path) -> None:
    _large(tmp_path / "late.bin", 5 * MB)
    page = visit.page
    visit.allowed = {410}
    page.goto("/media")
    room = page.locator("#library_room").inner_text()
    page.route("**/media/uploads/*", _whole_before_anybody_hears)
    page.locator("#library_file").set_input_files(tmp_path / "late.bin")
    state = "SELECT state FROM media_upload WHERE name = 'late.bin'"
    wait_for("all of it is there", lambda: page.wait_for_timeout(20) or visit.stack.rows(state) == [("done",)])
    page.get_by_role("button", name="Cancel “late.bin”").click()
    expect(page.locator("#library_files")).to_contain_text("late.bin")
    expect(page.locator("#library_room")).not_to_have_text(room)


def _whole_before_anybody_hears(route: Route) -> None:
    """The answer to the last piece is lost: the browser goes on to think that something is missing."""
    answer = route.fetch()
    if route.request.method == "PATCH" and "x-media" in answer.headers:
        return  # never answered
    route.fulfill(response=answer)


def _slow(page: Page) -> None:
    """A line of 4 MB a second, so that there is something left to be paused."""
    line = page.context.new_cdp_session(page)
    told = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 4 * MB}
    line.send("Network.emulateNetworkConditions", told)


def test_what_came_of_a_piece_before_its_connection_died_stays(visit: Visit) -> None:
    """No browser: a socket that closes in the middle of a request."""
    visit.page.goto("/media")
    csrf = visit.page.locator("meta[name=csrf-token]").get_attribute("content") or ""
    cookie = "; ".join(f"{one['name']}={one['value']}" for one in visit.context.cookies())
    head = {"Cookie": cookie, "X-CSRFToken": csrf, "Tus-Resumable": "1.0.0"}
    base, http = visit.stack.base_url, visit.stack.http
    begun = http.post(f"{base}/media/uploads", headers={**head, "Upload-Length": "2000000"})
    url = begun.headers["Location"]
    host, port = base.removeprefix("http://").split(":")
    more = {"Host": host, "Content-Type": "application/offset+octet-stream", "Upload-Offset": "0"}
    lines = [f"PATCH {url} HTTP/1.1", *(f"{k}: {v}" for k, v in {**head, **more}.items()), "Content-Length: 2000000"]
    with socket.create_connection((host, int(port))) as line:
        line.sendall("\r\n".join([*lines, "", ""]).encode() + bytes(1_000_000))
        time.sleep(0.5)

    def offset() -> int:
        return int(http.head(f"{base}{url}", headers=head).headers["Upload-Offset"])

    assert 0 < wait_for("the server noticed", offset, timeout_s=20) <= 1_000_000
    rest = {"Content-Type": "application/offset+octet-stream", "Upload-Offset": str(offset())}
    done = http.patch(f"{base}{url}", content=bytes(2_000_000 - offset()), headers={**head, **rest})
    assert done.status_code == 204 and done.headers["X-Media"]
    media = http.get(f"{base}/media/{done.headers['X-Media']}", headers={"Cookie": cookie})
    assert media.content == bytes(2_000_000)


def test_after_a_reload_the_same_file_goes_on_where_it_was(visit: Visit, tmp_path: Path) -> None:
    wanted = _large(tmp_path / "again.bin", 30 * MB)
    page = visit.page
    page.goto("/media")
    first = _Traffic(page)
    page.locator("#library_file").set_input_files(tmp_path / "again.bin")
    wait_for("some of it is there", lambda: page.wait_for_timeout(20) or first.taken >= 3)
    page.reload()
    expect(page.locator(".unfinished")).to_contain_text("again.bin")
    second = _Traffic(page)
    page.locator("#library_file").set_input_files(tmp_path / "again.bin")
    expect(page.locator("#library_files")).to_contain_text("again.bin", timeout=30_000)
    assert second.begun == 0 and min(second.offsets) >= 3 * 2 * 1024 * 1024
    assert visit.stack.rows("SELECT sha256 FROM media_file WHERE name = 'again.bin'") == [(wanted,)]


def test_what_is_too_large_is_told_before_anything_is_sent(visit: Visit, tmp_path: Path) -> None:
    with (tmp_path / "huge.bin").open("wb") as file:
        file.truncate(50 * MB + 1)
    visit.page.goto("/media")
    traffic = _Traffic(visit.page)
    expect(visit.page.locator("#page_body")).to_contain_text("At most 50 MB each")
    visit.page.locator("#library_file").set_input_files(tmp_path / "huge.bin")
    expect(visit.page.locator(".upload-row.is-failed")).to_contain_text("larger than 50 MB")
    assert traffic.begun == 0


def test_where_storage_is_refused_a_file_still_comes(browser: Browser, stack: Stack, tmp_path: Path) -> None:
    visit = Visit(browser, stack)
    refuse = "Object.defineProperty(window, 'localStorage', {get() { throw new DOMException('no', 'SecurityError'); }})"
    visit.context.add_init_script(refuse)
    visit.sign_in()
    _large(tmp_path / "refused.bin", 3 * MB)
    visit.page.goto("/media")
    visit.page.locator("#library_file").set_input_files(tmp_path / "refused.bin")
    expect(visit.page.locator("#library_files")).to_contain_text("refused.bin", timeout=20_000)
    visit.context.close()
    assert not visit.problems


def test_a_file_is_named_tagged_found_put_into_a_post_and_not_trashed_while_it_is_there(
    visit: Visit, tmp_path: Path
) -> None:
    page = visit.page
    Image.new("RGB", (320, 240), (200, 80, 40)).save(tmp_path / "red.png")
    page.goto("/media")
    page.locator("#library_file").set_input_files(tmp_path / "red.png")
    page.locator("#library_files").get_by_role("link", name="red.png").click()
    page.wait_for_url("**/about")
    page.get_by_label("Name").fill("Весна.png")
    page.get_by_role("button", name="Rename").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Весна.png")
    page.get_by_label("Tags, parted by commas").fill("Sale, spring 2026")
    page.get_by_role("button", name="Keep the tags").click()
    expect(page.get_by_label("Tags, parted by commas")).to_have_value("sale, spring 2026")
    page.goto("/media")
    page.get_by_role("searchbox").fill("весна SPRING")
    expect(page.locator("#library_files li")).to_have_count(1)
    page.goto("/posts/new")
    page.locator("#composer_text").fill("With a file of the library")
    page.get_by_role("button", name="From your files").click()
    page.locator("#composer_library").get_by_role("searchbox").fill("весна")
    page.get_by_role("button", name=re.compile("Add to the post: .*Весна.png")).click()
    expect(page.locator(".files li")).to_have_count(1)
    page.locator("#composer_library").get_by_role("button", name="Close").click()
    expect(page.locator("#composer_text")).to_have_value("With a file of the library")
    page.wait_for_url("**/edit")
    page.goto("/media")
    page.get_by_role("link", name="Весна.png").click()
    expect(page.locator("#page_body")).to_contain_text("With a file of the library")
    visit.allowed = {409}
    page.get_by_role("button", name="Put into the trash").click()
    expect(page.locator("#trash_error")).to_contain_text("Take it out of the post first")


def test_without_a_script_a_form_sends_files(browser: Browser, stack: Stack, tmp_path: Path) -> None:
    Image.new("RGB", (32, 24), (1, 2, 3)).save(tmp_path / "plain.png")
    context = browser.new_context(base_url=stack.base_url, java_script_enabled=False)
    page = context.new_page()
    page.goto(stack.link())
    page.get_by_role("button", name="Enter").click()
    page.goto("/media")
    page.locator("#library_file").set_input_files(tmp_path / "plain.png")
    page.get_by_role("button", name="Add", exact=True).click()
    page.wait_for_url(re.compile(r"/media$"))
    expect(page.locator("#library_files")).to_contain_text("plain.png")
    page.locator("#library_words").fill("plain")
    page.get_by_role("button", name="Find").click()
    expect(page.locator("#library_files li")).to_have_count(1)
    context.close()


def test_nothing_keeps_anybody_out_of_the_pages_of_files(browser: Browser, stack: Stack, tmp_path: Path) -> None:
    visit = Visit(browser, stack)
    axe.bring(visit.context)
    page = visit.sign_in()
    Image.new("RGB", (64, 48), (9, 90, 9)).save(tmp_path / "green.png")
    with (tmp_path / "huge.bin").open("wb") as file:
        file.truncate(50 * MB + 1)
    for width in (360, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        page.goto("/media")
        page.locator("#library_file").set_input_files([tmp_path / "green.png", tmp_path / "huge.bin"])
        expect(page.locator("#library_files")).to_contain_text("green.png")
        expect(page.locator(".upload-row.is-failed")).to_be_visible()
        assert axe.barriers(page) == []
        assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
        page.locator("#library_files").get_by_role("link", name="green.png").click()
        page.wait_for_url("**/about")
        assert axe.barriers(page) == []
        page.goto("/posts/new")
        page.get_by_role("button", name="From your files").click()
        expect(page.locator("#picker_files li").first).to_be_visible()
        assert axe.barriers(page) == []
    visit.context.close()
    assert not visit.problems
