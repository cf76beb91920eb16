"""Notes on days: written by those who manage, on the charts and in the file, seen by nobody else."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.analytics.sharing import service as sharing
from app.channels.models import Channel
from app.core import clock, db
from tests.world import Owner, owned_channel, owner, read_posts

SignIn = Callable[[Owner], FlaskClient]
PARTIAL = {"HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": "section#annotations"}


@pytest.fixture
def mine(app: Flask) -> tuple[Owner, Channel]:
    now = clock.utcnow()
    who = owner("Aziza", telegram_user_id=42, now=now)
    channel = owned_channel(who, "News", telegram_chat_id=-1001, now=now)
    read_posts(channel, posts=2, now=now)
    return who, channel


def _form(text: str = "Paid post in @ads", **more: str) -> dict[str, str]:
    return {"day": clock.utcnow().date().isoformat(), "kind": "ad", "text": text, **more}


def test_a_note_is_on_the_charts_in_the_list_and_in_the_file_until_it_is_taken_back(
    mine: tuple[Owner, Channel], sign_in: SignIn
) -> None:
    who, channel = mine
    client, url = sign_in(who), f"/channels/{channel.public_id}"
    tag = client.get(url).headers["ETag"]
    assert 'class="note-line"' not in client.get(url).text
    assert client.post(f"{url}/annotations", data=_form()).status_code == 303
    page = client.get(url, headers={"If-None-Match": tag})
    assert page.status_code == 200 and page.text.count('class="note-line"') == 3
    assert "Paid post in @ads" in page.text
    noted = [line for line in _days(client, url) if line["annotation"]]
    assert [(line["day"], line["annotation"]) for line in noted] == [(_form()["day"], "Paid post in @ads")]
    (key,) = db.row("SELECT public_id FROM annotation") or ("",)
    assert client.post(f"{url}/annotations/{key}/remove").status_code == 303
    assert "Paid post in @ads" not in client.get(url).text
    assert not any(line["annotation"] for line in _days(client, url))
    acts = db.rows("SELECT action FROM audit_entry WHERE action LIKE 'annotation%' ORDER BY seq")
    assert acts == [("annotation.added",), ("annotation.removed",)]


def test_every_day_that_a_note_may_have_is_one_that_can_be_shown(mine: tuple[Owner, Channel], sign_in: SignIn) -> None:
    """Today is of the channel's zone, where it may be tomorrow by the clock of the server."""
    who, channel = mine
    db.execute("UPDATE channel SET timezone = 'Pacific/Kiritimati' WHERE id = ?", channel.id)
    client, url = sign_in(who), f"/channels/{channel.public_id}"
    for day in ("2013-08-14", clock.utcnow().astimezone(ZoneInfo("Pacific/Kiritimati")).date().isoformat()):
        assert client.post(f"{url}/annotations", data=_form(f"On {day}") | {"day": day}).status_code == 303
        assert f"On {day}" in client.get(f"{url}?from={day}&to={day}").text


def test_what_cannot_be_seen_is_no_part_of_a_note(mine: tuple[Owner, Channel], sign_in: SignIn) -> None:
    who, channel = mine
    sign_in(who).post(f"/channels/{channel.public_id}/annotations", data=_form("A\u202ed in\u2066 @ads\x07"))
    assert db.row("SELECT text FROM annotation") == ("Ad in @ads",)


def _days(client: FlaskClient, url: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(client.get(f"{url}/days.csv").text)))


def test_a_note_for_all_channels_is_on_each_of_them(mine: tuple[Owner, Channel], sign_in: SignIn) -> None:
    who, channel = mine
    second = owned_channel(who, "Second", telegram_chat_id=-1002, now=clock.utcnow())
    client = sign_in(who)
    client.post(f"/channels/{channel.public_id}/annotations", data=_form("Only here"))
    client.post(f"/channels/{channel.public_id}/annotations", data=_form("New prices", everywhere="1"))
    other = client.get(f"/channels/{second.public_id}").text
    assert "New prices" in other and "Only here" not in other


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"text": " "}, "between 1 and 120"),
        ({"text": "x" * 121}, "between 1 and 120"),
        ({"text": "\u200b\u202e\u200d"}, "between 1 and 120"),
        ({"day": "soon"}, "Give the day"),
        ({"day": "2013-08-13"}, "not before 14 August 2013"),
        ({"day": (clock.utcnow() + timedelta(days=2)).date().isoformat()}, "not after today"),
        ({"kind": "party"}, "no such kind"),
    ],
)
def test_a_wrong_note_comes_back_with_its_words_and_is_not_kept(
    mine: tuple[Owner, Channel], sign_in: SignIn, change: dict[str, str], said: str
) -> None:
    who, channel = mine
    answer = sign_in(who).post(f"/channels/{channel.public_id}/annotations", data=_form() | change, headers=PARTIAL)
    assert answer.status_code == 422 and said in answer.text
    assert answer.text.lstrip().startswith('<section id="annotations"')
    assert db.row("SELECT COUNT(*) FROM annotation") == (0,)


def test_neither_another_workspace_nor_a_shared_link_nor_a_reader_touches_them(
    mine: tuple[Owner, Channel], sign_in: SignIn
) -> None:
    who, channel = mine
    url = f"/channels/{channel.public_id}/annotations"
    sign_in(who).post(url, data=_form("Secret deal", everywhere="1"))
    (key,) = db.row("SELECT public_id FROM annotation") or ("",)
    bek = owner("Bek", now=clock.utcnow())
    theirs = owned_channel(bek, "Theirs", telegram_chat_id=-1009, now=clock.utcnow())
    read_posts(theirs, posts=2, now=clock.utcnow())
    stranger = sign_in(bek)
    assert "Secret deal" not in stranger.get(f"/channels/{theirs.public_id}").text
    assert stranger.post(url, data=_form()).status_code == 404
    assert stranger.post(f"/channels/{theirs.public_id}/annotations/{key}/remove").status_code == 404
    assert _shared_page(who, channel, sign_in, clock.utcnow()).count("Secret deal") == 0
    db.execute("UPDATE membership SET role = 'analyst' WHERE workspace_id = ?", who.workspace.id)
    reader = sign_in(who)
    page = reader.get(f"/channels/{channel.public_id}").text
    assert "Secret deal" in page and 'name="text"' not in page
    assert reader.post(url, data=_form()).status_code == 403
    assert db.row("SELECT COUNT(*) FROM annotation") == (1,)


def _shared_page(who: Owner, channel: Channel, sign_in: SignIn, now: datetime) -> str:
    token = sharing.create(who.workspace.id, channel.public_id, user_id=who.user.id, days=7, password="", now=now)
    page = sign_in(who).get(f"/s/{token}")
    assert page.status_code == 200 and 'id="chart_views_card"' in page.text
    return page.text
