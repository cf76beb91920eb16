"""The calendar, the rules of a channel, recurring posts and files of posts, as people use them."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flask.testing import FlaskClient
from selectolax.lexbor import LexborHTMLParser, LexborNode

from app.accounts.service import people
from app.boot import Runtime
from app.channels.models import Channel
from app.core import clock, db
from app.core.policy import Role
from app.posting.content.draft import Draft
from app.posting.models import AuthoredPost
from app.posting.planning import calendar_queries, moving
from app.posting.service import writing
from tests.posting.authored import may_post, scheduled, text
from tests.world import Owner, owned_channel, owner

SignIn = Callable[[Owner], FlaskClient]
ZONE = ZoneInfo("Asia/Tashkent")
MOVE = {"HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": "section#calendar"}


@pytest.fixture
def who(runtime: Runtime) -> Owner:
    return owner("Aziza", telegram_user_id=42, now=clock.utcnow())


@pytest.fixture
def news(who: Owner) -> Channel:
    channel = owned_channel(who, "News", telegram_chat_id=-1001, now=clock.utcnow())
    may_post(channel)
    return channel


def _day(days: int) -> date:
    return (clock.utcnow().astimezone(ZONE) + timedelta(days=days)).date()


def _at(days: int, time: str = "10:30") -> datetime:
    return datetime.fromisoformat(f"{_day(days)}T{time}").replace(tzinfo=ZONE)


def _cell(html: str, day: date, hour: str = "") -> LexborNode:
    more = f'[data-hour="{hour}"]' if hour else ""
    (found,) = LexborHTMLParser(html).css(f'[data-cell][data-day="{day}"]{more}')
    return found


def _due(post: AuthoredPost) -> datetime:
    (one,) = moving.standings(post.workspace, post.id).values()
    return one.due_at.astimezone(ZONE)


def _chip(client: FlaskClient, post: AuthoredPost, view: str = "month") -> dict[str, Any]:
    html = client.get(f"/posts/calendar?view={view}&at={_due(post).date()}").text
    (chip,) = [one for one in LexborHTMLParser(html).css("[data-chip]") if post.public_id in str(one.attributes)]
    return dict(chip.attributes)


def test_a_post_stands_on_its_day_and_in_its_hour(who: Owner, news: Channel, sign_in: SignIn) -> None:
    client = sign_in(who)
    scheduled(who, text("Hello readers"), news, at=_at(3))
    month = _cell(client.get(f"/posts/calendar?at={_day(3)}").text, _day(3))
    assert "10:30" in month.text() and "Hello readers" in month.text() and "News, scheduled" in month.text()
    week = client.get(f"/posts/calendar?view=week&at={_day(3)}").text
    assert "Hello readers" in _cell(week, _day(3), "10").text()
    assert "Hello readers" not in _cell(week, _day(3), "11").text()
    listed = client.get(f"/posts/calendar?view=list&at={_day(0)}").text
    assert "Hello readers" in listed and 'name="day"' in listed


def test_by_drag_it_goes_to_another_day_and_keeps_its_time(who: Owner, news: Channel, sign_in: SignIn) -> None:
    client, post = sign_in(who), scheduled(who, text("Hello"), news, at=_at(3))
    chip = _chip(client, post)
    form = {"day": _day(4), "time": "", "version": chip["data-version"], "channels": chip["data-channels"]}
    answer = client.post(chip["data-move"], data=form | {"view": "month", "at": _day(4)}, headers=MOVE)
    assert answer.status_code == 200 and answer.text.lstrip().startswith('<section id="calendar"')
    assert "Hello" in _cell(answer.text, _day(4)).text() and "Moved to" in answer.headers["HX-Trigger"]
    assert _due(post) == _at(4)
    form |= {"version": _chip(client, post)["data-version"], "time": "18:45"}
    assert client.post(chip["data-move"], data=form).status_code == 303
    assert _due(post) == _at(4, "18:45")


def test_what_is_refused_says_so_and_stays(who: Owner, news: Channel, sign_in: SignIn) -> None:
    client, post = sign_in(who), scheduled(who, text("Hello"), news, at=_at(3))
    chip = _chip(client, post)
    form = {"day": _day(4), "version": chip["data-version"], "channels": chip["data-channels"]}
    for change, status, said in (
        ({"day": _day(-1)}, 422, "has passed"),
        ({"day": "soon"}, 422, "no time that we can read"),
        ({"version": "99"}, 409, "Somebody changed this post"),
    ):
        answer = client.post(chip["data-move"], data=form | change, headers=MOVE)
        assert (answer.status_code, answer.headers["HX-Reswap"]) == (status, "none")
        assert said in json.loads(answer.headers["HX-Trigger"])["toast"]["text"]
    assert _due(post) == _at(3)


def test_into_quiet_hours_it_goes_once_somebody_says_anyway(who: Owner, news: Channel, sign_in: SignIn) -> None:
    client, post = sign_in(who), scheduled(who, text("Hello"), news, at=_at(3))
    rules = {"from_0": "22:00", "to_0": "07:00"}
    assert client.post(f"/channels/{news.public_id}/posting", data=rules).status_code == 303
    chip = _chip(client, post)
    form = {"day": _day(3), "time": "23:00", "version": chip["data-version"], "channels": chip["data-channels"]}
    answer = client.post(chip["data-move"], data=form, headers=MOVE)
    told = json.loads(answer.headers["HX-Trigger"])["toast"]
    assert answer.status_code == 409 and "quiet hours" in told["text"] and told["undo"] == "Move it anyway"
    assert _due(post) == _at(3)
    done = client.post(told["undo_url"], headers={"HX-Request": "true"})
    assert done.headers["HX-Redirect"].startswith("/posts/calendar") and _due(post) == _at(3, "23:00")


def test_each_channel_has_its_own_chip_where_the_times_differ(who: Owner, news: Channel, sign_in: SignIn) -> None:
    second = owned_channel(who, "Second", telegram_chat_id=-1002, now=clock.utcnow())
    may_post(second)
    client = sign_in(who)
    scheduled(who, text("Same"), news, second, at=_at(3))
    scheduled(who, text("Other"), news, second, at=_at(3), due_by_channel={second.id: _at(4)})
    page = client.get(f"/posts/calendar?view=list&at={_day(0)}").text
    rows = [" ".join(row.text().split()) for row in LexborHTMLParser(page).css(".calendar-row")]
    assert len(rows) == 3 and "News · Second" in rows[0] and "News" in rows[1] and "Second" in rows[2]
    only = client.get(f"/posts/calendar?view=list&at={_day(0)}&channel={second.public_id}").text
    assert len(LexborHTMLParser(only).css(".calendar-row")) == 2


def test_a_full_day_says_how_many_more_and_the_queries_stay_few(
    who: Owner, news: Channel, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, counted = sign_in(who), []
    rows = db.rows
    scheduled(who, text("First"), news, at=_at(3))
    monkeypatch.setattr(db, "rows", lambda sql, *values: (counted.append(sql), rows(sql, *values))[1])
    client.get(f"/posts/calendar?at={_day(3)}")
    one = len(counted)
    for number in range(15):
        scheduled(who, text(f"Post {number}"), news, at=_at(3, f"11:{number:02}"))
    counted.clear()
    cell = _cell(client.get(f"/posts/calendar?at={_day(3)}").text, _day(3))
    assert len(cell.css(".chip")) == 3 and "and 13 more" in cell.text() and len(counted) == one


def test_more_than_a_thousand_are_cut_and_said_to_be(
    who: Owner, news: Channel, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.posting.planning.calendar.MOST", 2)
    monkeypatch.setattr(calendar_queries, "MOST", 2)
    for number in range(3):
        scheduled(who, text(f"Post {number}"), news, at=_at(3 + number))
    page = sign_in(who).get(f"/posts/calendar?view=list&at={_day(0)}").text
    assert "more posts than a calendar can show" in page and "Post 2" not in page


def test_free_queue_slots_are_faint_targets_of_the_week(who: Owner, news: Channel, sign_in: SignIn) -> None:
    client = sign_in(who)
    client.post(f"/channels/{news.public_id}/posting", data={f"slots_{day}": "10:30, 18:00" for day in range(7)})
    scheduled(who, text("Taken"), news, at=_at(8))
    week = client.get(f"/posts/calendar?view=week&at={_day(8)}").text
    assert not _cell(week, _day(8), "10").css("[data-slot]")
    (free,) = _cell(week, _day(8), "18").css("[data-slot]")
    assert free.attributes["data-slot"] == "18:00" and "Free queue slot of “News”" in free.text()


def test_who_only_sees_moves_nothing_and_a_stranger_sees_nothing(who: Owner, news: Channel, sign_in: SignIn) -> None:
    post = scheduled(who, text("Secret"), news, at=_at(3))
    user = people.create_user(name="Ann", timezone="Asia/Tashkent", now=clock.utcnow())
    people.add_member(who.workspace.id, user.id, Role.EDITOR, now=clock.utcnow())
    editor = sign_in(Owner(user, who.workspace))
    page = editor.get(f"/posts/calendar?at={_day(3)}").text
    assert "Secret" in page and "data-chip" not in page
    move = f"/posts/calendar/{post.public_id}/move"
    assert editor.post(move, data={"day": _day(4)}).status_code == 403
    assert editor.get("/posts/import").status_code == 403
    assert editor.get(f"/channels/{news.public_id}/posting").status_code == 403
    stranger = sign_in(owner("Bek", now=clock.utcnow()))
    assert "Secret" not in stranger.get(f"/posts/calendar?at={_day(3)}").text
    assert stranger.post(move, data={"day": _day(4), "time": "10:00"}).status_code == 404
    assert stranger.get(f"/channels/{news.public_id}/posting").status_code == 404


@pytest.mark.parametrize(
    "asked", ["view=year", "at=never", "at=9999-12-31", "at=1500-01-01", "channel=none", "view=week"]
)
def test_whatever_is_asked_a_calendar_comes(who: Owner, sign_in: SignIn, asked: str) -> None:
    assert sign_in(who).get(f"/posts/calendar?{asked}").status_code == 200


def test_wrong_rules_are_told_beside_their_field(who: Owner, news: Channel, sign_in: SignIn) -> None:
    client, url = sign_in(who), f"/channels/{news.public_id}/posting"
    headers = {"HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": "form#posting_settings"}
    answer = client.post(url, data={"slots_2": "9.30"}, headers=headers)
    assert answer.status_code == 422 and answer.text.lstrip().startswith('<form id="posting_settings"')
    assert "“9.30” is no time" in answer.text and 'value="9.30"' in answer.text
    answer = client.post(url, data={"slots_2": "9:30", "signature": "— **us**", "quiet": ["5", "6"]}, headers=headers)
    assert answer.status_code == 200 and 'value="09:30"' in answer.text and "— **us**" in answer.text
    assert db.row("SELECT COUNT(*) FROM audit_entry WHERE action = 'channel.posting_changed'") == (1,)


def _draft(who: Owner, news: Channel) -> AuthoredPost:
    draft = Draft(text="Good morning", channels=(news.public_id,))
    return writing.create(who.workspace.id, draft.to_doc(), user_id=who.user.id, now=clock.utcnow())


def _series(**change: Any) -> dict[str, Any]:
    form = {"kind": "weekly", "every": "1", "weekday": [0, 2, 4], "day": "1", "time": "00:00", "count": ""}
    return form | {"timezone": "Asia/Tashkent", "starts_on": _day(1), "ends_on": ""} | change


def test_a_post_comes_again_pauses_changes_and_ends(who: Owner, news: Channel, sign_in: SignIn) -> None:
    client, post = sign_in(who), _draft(who, news)
    form = f"/posts/series/new/{post.public_id}"
    assert "Good morning" in client.get(form).text
    begun = client.post(form, data=_series())
    url = begun.headers["Location"]
    page = client.get(url).text
    assert begun.status_code == 303 and "Its days" in page and "active" in page
    assert "every week" in client.get("/posts/series").text
    assert db.row("SELECT COUNT(*) FROM due_action WHERE state = 'waiting'") == (6,)
    client.post(f"{url}/pause")
    assert db.row("SELECT COUNT(*) FROM due_action WHERE state = 'waiting'") == (0,)
    client.post(f"{url}/resume")
    version = str(LexborHTMLParser(client.get(url).text).css_first("#series_form [name=version]").attributes["value"])
    changed = client.post(url, data=_series(kind="daily", version=version))
    assert changed.status_code == 303 and db.row("SELECT COUNT(*) FROM due_action WHERE state = 'waiting'") == (14,)
    assert client.post(url, data=_series(version=version)).status_code == 409
    client.post(f"{url}/end")
    assert db.row("SELECT COUNT(*) FROM due_action WHERE state = 'waiting'") == (0,)
    assert "series_form" not in client.get(url).text


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"weekday": []}, "at least one weekday"),
        ({"every": "0"}, "1 to 52"),
        ({"time": "late"}, "Choose a time"),
        ({"starts_on": ""}, "Choose the first day"),
        ({"ends_on": "2020-01-01"}, "ends after it begins"),
        ({"count": "1001"}, "1 to 1000 times"),
        ({"timezone": "Mars/Olympus"}, "no such time zone"),
    ],
)
def test_a_series_that_cannot_be_is_told_beside_its_field(
    who: Owner, news: Channel, sign_in: SignIn, change: dict[str, Any], said: str
) -> None:
    client, post = sign_in(who), _draft(who, news)
    answer = client.post(f"/posts/series/new/{post.public_id}", data=_series(**change))
    assert answer.status_code == 422 and said in answer.text
    assert db.row("SELECT COUNT(*) FROM post_series") == (0,)


def test_the_composers_buttons_take_the_queue_and_the_best_slot(who: Owner, news: Channel, sign_in: SignIn) -> None:
    client, post = sign_in(who), _draft(who, news)
    form = {"version": "1", "text": "Queued", "channel": [news.public_id]}
    refused = client.post(f"/posts/{post.public_id}/queue", data=form, headers={"HX-Request": "true"})
    assert refused.status_code == 422 and "no free queue slot" in refused.headers["HX-Trigger"]
    client.post(f"/channels/{news.public_id}/posting", data={f"slots_{day}": "10:30" for day in range(7)})
    assert client.post(f"/posts/{post.public_id}/queue", data=form).status_code == 303
    assert _due(post).strftime("%H:%M") == "10:30"
    other = _draft(who, news)
    done = client.post(f"/posts/{other.public_id}/best", data=form, headers={"HX-Request": "true"})
    assert done.headers["HX-Redirect"] and "measured posts in twelve weeks" in done.headers["HX-Trigger"]
    assert _due(other) == _due(post) + timedelta(days=1)


def _send(client: FlaskClient, table: str, **more: str) -> Any:
    form = {"upload": "u" * 22, "file": (io.BytesIO(table.encode()), "posts.csv"), **more}
    return client.post("/posts/import", data=form)


def test_a_file_is_judged_before_anything_is_scheduled(who: Owner, news: Channel, sign_in: SignIn) -> None:
    client = sign_in(who)
    page = client.get("/posts/import").text
    assert "delete_after_hours" in page and "/static/samples/posts.csv" in page
    head, right = "channel;date;time;text", f"@news;{_day(5)};09:30;Right"
    answer = _send(client, f"{head}\n{right}\n@news;soon;09:30;Wrong")
    assert answer.status_code == 422 and "1 of 2 lines are right. Nothing is scheduled yet." in answer.text
    assert "“soon” is no day" in answer.text and db.row("SELECT COUNT(*) FROM due_action") == (0,)
    answer = _send(client, f"{head}\n{right}\n@news;soon;09:30;Wrong", only_right="1")
    assert answer.status_code == 200 and "1 post of this file is scheduled." in answer.text
    answer = _send(client, f"{head}\n{right}\n@news;{_day(6)};09:30;Mended")
    assert "2 posts of this file are scheduled." in answer.text
    assert db.row("SELECT COUNT(*) FROM due_action") == (2,)
    assert _send(client, "").status_code == 422 and client.post("/posts/import", data={}).status_code == 422
