"""Watermarks as people make them, try them and put them on channels."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.core import clock, db
from app.media import service as media
from app.media.jobs import Workshop
from app.media.making import Maker
from app.media.models import MediaFile
from app.media.service import watermarks, work
from app.media.service.work import Why
from tests.media.files import picture
from tests.world import Owner, owned_channel, owner

SignIn = Callable[..., FlaskClient]
FORM = {
    "kind": "text",
    "text": "@mine",
    "position": "top",
    "width": "30",
    "margin": "3",
    "opacity": "70",
    "seconds": "0",
}

FRAGMENT = {"HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": "div#trial_files"}


@pytest.fixture
def who(app: Flask) -> Owner:
    return owner("Aziza", telegram_user_id=42, plan="pro", now=clock.utcnow())


def _post(client: FlaskClient, url: str, **form: Any) -> Any:
    return client.post(url, data=form)


def _kept(app: Flask, who: Owner) -> MediaFile:
    folder = app.extensions["runtime"].settings.data_dir
    content = io.BytesIO(picture("PNG", 400, 300))
    return media.keep(who.workspace.id, content, "a.png", data_dir=folder, user_id=who.user.id, now=clock.utcnow())


def test_a_watermark_is_made_put_on_a_channel_and_changed(app: Flask, sign_in: SignIn, who: Owner) -> None:
    client, news = sign_in(who), owned_channel(who, "News", telegram_chat_id=-1001, now=clock.utcnow())
    assert "No watermark yet" in client.get("/watermarks").text
    made = _post(client, "/watermarks/new", **FORM, channels=[news.public_id])
    assert made.status_code == 303
    page = client.get(made.headers["Location"])
    assert "@mine" in page.text and "News" in page.text and 'value="30"' in page.text
    assert watermarks.marks_of(who.workspace.id)[news.public_id]["position"] == "top"
    assert "On the posts of: News" in client.get("/watermarks").text
    _post(client, made.headers["Location"], **FORM | {"text": "@ours", "position": "tiled"})
    assert watermarks.marks_of(who.workspace.id) == {}, "no channel was chosen this time"
    assert db.rows("SELECT text, position FROM watermark") == [("@ours", "tiled")]


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("text", " ", "Write what shall stand"),
        ("text", "x" * 201, "at most 200 characters"),
        ("width", "101", "from 2 to 100"),
        ("opacity", "x", "from 5 to 100"),
        ("seconds", "-1", "from 0 to 60"),
        ("position", "beside", "Choose one of the places"),
    ],
)
def test_what_is_wrong_is_said_and_what_was_typed_stays(
    sign_in: SignIn, who: Owner, field: str, value: str, said: str
) -> None:
    answer = _post(sign_in(who), "/watermarks/new", **FORM | {"name": "Mine", field: value})
    assert answer.status_code == 422 and said in answer.text and 'value="Mine"' in answer.text
    assert db.row("SELECT COUNT(*) FROM watermark") == (0,)


@pytest.mark.parametrize("text", ["\u200b\u2060", "\u200f \u200e", "\ufe0f"])
def test_a_text_of_which_nothing_would_be_seen_is_refused(sign_in: SignIn, who: Owner, text: str) -> None:
    answer = _post(sign_in(who), "/watermarks/new", **FORM | {"text": text})
    assert answer.status_code == 422 and "Write what shall stand" in answer.text


def test_a_logo_out_of_the_trash_is_not_taken(app: Flask, sign_in: SignIn, who: Owner) -> None:
    row = _kept(app, who)
    with db.write():
        db.execute("UPDATE media_file SET trashed_at = ? WHERE id = ?", db.stamp(clock.utcnow()), row.id)
    answer = _post(sign_in(who), "/watermarks/new", **FORM | {"kind": "logo", "logo": row.public_id})
    assert answer.status_code == 422 and "Choose a picture of the library" in answer.text


def test_two_who_put_their_watermarks_on_one_channel_at_once_are_both_answered(app: Flask, who: Owner) -> None:
    news, people = owned_channel(who, "News", telegram_chat_id=-1001, now=clock.utcnow()), 6
    begin = threading.Barrier(people)

    def save(number: int) -> None:
        typed = watermarks.Typed(text=f"@mine {number}", channels=[news.public_id])
        with db.database.connection_context():
            begin.wait()
            for _ in range(4):
                watermarks.save(who.workspace.id, None, typed, user_id=who.user.id, now=clock.utcnow())

    with ThreadPoolExecutor(people) as pool:
        list(pool.map(save, range(people)))
    assert db.row("SELECT COUNT(*) FROM channel_mark") == (1,)


def test_it_is_tried_on_a_picture_of_the_library(app: Flask, sign_in: SignIn, who: Owner) -> None:
    client, row = sign_in(who), _kept(app, who)
    url = _post(client, "/watermarks/new", **FORM).headers["Location"]
    tried = _post(client, f"{url}/try", file=row.public_id)
    page = client.get(tried.headers["Location"])
    assert "a.png is being marked" in page.text and "<progress" in page.text
    settings = app.extensions["runtime"].settings
    Workshop(Maker(settings.data_dir, settings.secret_keys).make).work_off()
    page = client.get(tried.headers["Location"])
    (made,) = db.rows("SELECT public_id FROM media_file WHERE origin_id = ?", row.id)
    assert f'src="/media/{made[0]}"' in page.text and client.get(f"/media/{made[0]}").status_code == 200
    assert made[0] not in client.get("/media").text, "what was made of a file is no file of the library"


def test_the_search_brings_the_list_alone_and_works_without_a_script(app: Flask, sign_in: SignIn, who: Owner) -> None:
    client, row = sign_in(who), _kept(app, who)
    url = _post(client, "/watermarks/new", **FORM).headers["Location"]
    part = client.get(f"{url}?q=A.PNG", headers=FRAGMENT)
    assert row.public_id in part.text and part.text.lstrip().startswith('<div id="trial_files"')
    assert "Only the newest" not in part.text
    whole = client.get(f"{url}?q=nothing")
    assert 'id="trial_file"' not in whole.text and "No picture or film is like that" in whole.text
    assert 'value="nothing"' in whole.text and "<html" in whole.text


@pytest.mark.parametrize(("language", "words"), [("en", "more memory than we give"), ("ru", "больше 7 млн пикселей")])
def test_why_it_could_not_be_made_is_said_in_the_readers_language(
    app: Flask, sign_in: SignIn, who: Owner, language: str, words: str
) -> None:
    client, row = sign_in(who), _kept(app, who)
    url = _post(client, "/watermarks/new", **FORM).headers["Location"]
    tried = _post(client, f"{url}/try", file=row.public_id)
    job = work.claim(now=clock.utcnow())
    assert job is not None
    with db.write():
        db.execute('UPDATE "user" SET language = ? WHERE id = ?', language, who.user.id)
    filled = Why("This picture has more than %(most)s million pixels.", {"most": 7})
    plain = Why("This file needs more memory than we give to one.", {})
    work.fail(job, plain if language == "en" else filled, now=clock.utcnow())
    assert words in client.get(tried.headers["Location"]).text


def test_what_is_tried_can_be_stopped(app: Flask, sign_in: SignIn, who: Owner) -> None:
    client, row = sign_in(who), _kept(app, who)
    url = _post(client, "/watermarks/new", **FORM).headers["Location"]
    _post(client, f"{url}/try", file=row.public_id)
    (job,) = db.row("SELECT public_id FROM media_job") or ("",)
    for _ in range(2):
        stopped = _post(client, f"{url}/stop/{job}", file=row.public_id)
        assert "It was stopped" in client.get(stopped.headers["Location"]).text


def test_a_stranger_sees_and_changes_nothing(app: Flask, sign_in: SignIn, who: Owner) -> None:
    url = _post(sign_in(who), "/watermarks/new", **FORM).headers["Location"]
    stranger = sign_in(owner("Bobur", telegram_user_id=43, plan="pro", now=clock.utcnow()))
    assert stranger.get(url).status_code == 404
    for address in (url, f"{url}/delete", f"{url}/try"):
        assert _post(stranger, address, **FORM).status_code == 404
    assert db.row("SELECT COUNT(*) FROM watermark WHERE deleted_at IS NULL") == (1,)


def test_deleted_it_is_gone(sign_in: SignIn, who: Owner) -> None:
    client = sign_in(who)
    url = _post(client, "/watermarks/new", **FORM).headers["Location"]
    assert _post(client, f"{url}/delete").headers["Location"] == "/watermarks" and client.get(url).status_code == 404
