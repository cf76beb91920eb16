"""What the adapter takes from a page, and where it does not go."""

from __future__ import annotations

import httpx
import pytest

from app.core.errors import Upstream
from app.protection.sources import preview_page
from app.protection.sources.preview_page import PreviewPosts
from tests.protection.conftest import PICTURE, Scene, jpeg

ADDRESSES = {
    "https://cdn4.telesco.pe/file/a.jpg": True,
    "https://cdn4.cdn-telegram.org/file/a.jpg": True,
    "http://cdn4.telesco.pe/file/a.jpg": False,
    "https://telesco.pe.evil.example/a.jpg": False,
    "https://evil.example/telesco.pe": False,
    "https://cdn4.telesco.pe@evil.example/a.jpg": False,
    "http://169.254.169.254/latest/meta-data": False,
    "file:///etc/passwd": False,
}


@pytest.mark.parametrize("address", ADDRESSES)
def test_only_telegrams_hosts_are_asked_for_pictures(address: str) -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(200, content=b"bytes")

    with httpx.Client(transport=httpx.MockTransport(answer)) as client:
        found = PreviewPosts(client, "https://t.me", pause=lambda _: None).picture(address)
    assert (found == b"bytes", asked) == ((True, [address]) if ADDRESSES[address] else (False, []))


@pytest.mark.parametrize("status", [302, 404, 500])
def test_a_picture_that_is_not_there_is_none(status: int) -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(status, headers={"Location": "http://localhost/"}))
    with httpx.Client(transport=transport) as client:
        assert PreviewPosts(client, "https://t.me", pause=lambda _: None).picture("https://telegram.org/a.png") is None


def test_a_picture_is_not_read_beyond_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preview_page, "MOST_PICTURE_BYTES", 10)
    with httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(200, content=b"x" * 11))) as client:
        assert PreviewPosts(client, "https://t.me", pause=lambda _: None).picture("https://telegram.org/a.png") is None


def test_a_page_gives_words_and_pictures_and_waits_before_each_question(scene: Scene) -> None:
    scene.others_post("thief", "So'z <b> & boshqa", PICTURE)
    scene.others_post("thief", "Faqat so'z")
    waited: list[float] = []
    with httpx.Client() as client:
        source = PreviewPosts(client, scene.sim.url, pause=waited.append)
        first, second = source.page("thief").posts
        (address,) = first.pictures
        assert (first.text, second.text, second.pictures) == ("So'z <b> & boshqa", "Faqat so'z", ())
        assert source.picture(address) == jpeg(PICTURE, 70)
        assert waited == [preview_page.PAGE_PAUSE_S, preview_page.PICTURE_PAUSE_S]
        with pytest.raises(Upstream):
            source.page("no_such_channel")


def test_older_posts_stand_on_older_pages(scene: Scene) -> None:
    for n in range(23):
        scene.sim.control("post", chat="thief", text=f"Post {n}")
    with httpx.Client() as client:
        source = PreviewPosts(client, scene.sim.url, pause=lambda _: None)
        newest = source.page("thief")
        older = source.page("thief", before=newest.before)
    assert [post.text for post in (*older.posts, *newest.posts)] == [f"Post {n}" for n in range(23)]
    assert older.before is None
