from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import httpx
import pytest

from app.core.errors import Invalid, Upstream
from app.readings.collectors.base import LayoutChanged, NoPreview
from app.readings.collectors.preview_page import PreviewPages, fetch_preview

BASE = "http://pages.test"
PAGE = (Path(__file__).parent / "fixtures" / "every_kind_2026.html").read_text(encoding="utf-8")


def client(answer: Callable[[httpx.Request], httpx.Response]) -> httpx.Client:
    return httpx.Client(transport=httpx.MockTransport(answer))


def answering(status: int, **kwargs: object) -> httpx.Client:
    return client(lambda request: httpx.Response(status, **kwargs))  # type: ignore[arg-type]


def test_one_request_brings_the_page() -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, html=PAGE)

    page = fetch_preview(client(answer), f"{BASE}/", "field_notes", before=82)
    assert page.channel == "field_notes"
    assert [(request.method, str(request.url)) for request in asked] == [("GET", f"{BASE}/s/field_notes?before=82")]


def test_the_newest_page_needs_no_parameter() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert str(request.url) == f"{BASE}/s/field_notes"
        return httpx.Response(200, html=PAGE)

    assert PreviewPages(client(answer), BASE).read("field_notes").posts


@pytest.mark.parametrize("location", ["/field_notes", "https://t.me/Field_Notes", "/field_notes?x=1"])
def test_a_redirect_to_the_channel_means_no_preview_and_is_not_followed(location: str) -> None:
    with pytest.raises(NoPreview):
        fetch_preview(answering(302, headers={"location": location}), BASE, "field_notes")


def test_a_redirect_elsewhere_is_a_changed_layout() -> None:
    with pytest.raises(LayoutChanged):
        fetch_preview(answering(302, headers={"location": "https://telegram.org/"}), BASE, "field_notes")


@pytest.mark.parametrize(
    ("status", "headers", "retry_after_s"),
    [(429, {"retry-after": "7"}, 7), (429, {}, 60), (403, {}, 60), (500, {}, 30), (503, {"retry-after": "soon"}, 30)],
)
def test_refusals_and_failures_are_temporary(status: int, headers: dict[str, str], retry_after_s: float) -> None:
    with pytest.raises(Upstream) as caught:
        fetch_preview(answering(status, headers=headers), BASE, "field_notes")
    assert (caught.value.permanent, caught.value.retry_after_s) == (False, retry_after_s)


def test_a_date_to_retry_at_becomes_seconds() -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    with pytest.raises(Upstream) as caught:
        fetch_preview(answering(429, headers={"retry-after": later}), BASE, "field_notes")
    assert caught.value.retry_after_s == pytest.approx(90, abs=5)


@pytest.mark.parametrize("failure", [httpx.ReadTimeout, httpx.ConnectError, httpx.RemoteProtocolError])
def test_no_answer_is_temporary(failure: type[httpx.HTTPError]) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise failure("broken")

    with pytest.raises(Upstream) as caught:
        fetch_preview(client(answer), BASE, "field_notes")
    assert (caught.value.permanent, caught.value.retry_after_s) == (False, 30)


@pytest.mark.parametrize("content", [{"json": {}}, {"html": "<p>A login wall</p>"}, {"html": ""}])
def test_wrong_content_is_a_changed_layout(content: dict[str, object]) -> None:
    with pytest.raises(LayoutChanged):
        fetch_preview(answering(200, **content), BASE, "field_notes")


def test_an_unknown_status_is_a_changed_layout() -> None:
    with pytest.raises(LayoutChanged):
        fetch_preview(answering(404, html="<p>gone</p>"), BASE, "field_notes")


@pytest.mark.parametrize(
    "username", ["", "ab", "../v", "a/b", "name?x", "1name", "имя_канала", "@field_notes", "a" * 33]
)
def test_an_impossible_name_never_leaves_the_house(username: str) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise AssertionError("asked")

    with pytest.raises(Invalid):
        fetch_preview(client(answer), BASE, username)
