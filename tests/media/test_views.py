"""Who gets a file's bytes, and how a browser is told to treat them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.core import clock
from app.media import views
from app.media.service import path_of
from tests.media.files import container, kept, picture
from tests.world import Owner, owner

SignIn = Callable[[Owner], FlaskClient]
PAGE = b"<html><script>alert(1)</script></html>"


def test_a_picture_is_shown_to_its_workspace_and_to_nobody_else(app: Flask, sign_in: SignIn, tmp_path: Path) -> None:
    aziza, bek = owner("Aziza", now=clock.utcnow()), owner("Bek", now=clock.utcnow())
    url = f"/media/{kept(aziza, picture('PNG'), 'Весна.png', tmp_path).public_id}"
    shown = sign_in(aziza).get(url)
    assert (shown.status_code, shown.mimetype, shown.data) == (200, "image/png", picture("PNG"))
    assert shown.headers["Content-Disposition"].startswith("inline")
    assert shown.headers["X-Content-Type-Options"] == "nosniff"
    assert shown.headers["Cache-Control"] == "private, no-cache" and "Expires" not in shown.headers
    assert sign_in(bek).get(url).status_code == 404
    stranger = app.test_client().get(url)
    assert stranger.status_code == 303 and stranger.headers["Location"] == "/login"


def test_what_is_known_is_not_sent_again(sign_in: SignIn, tmp_path: Path) -> None:
    who = owner("Aziza", now=clock.utcnow())
    url, client = f"/media/{kept(who, picture('PNG'), 'a.png', tmp_path).public_id}", sign_in(who)
    tag = client.get(url).headers["ETag"]
    again = client.get(url, headers={"If-None-Match": tag})
    assert (again.status_code, again.data) == (304, b"")


def test_a_video_is_sent_in_ranges(sign_in: SignIn, tmp_path: Path) -> None:
    who, content = owner("Aziza", now=clock.utcnow()), container(b"isom") + bytes(range(200))
    row = kept(who, content, "a.mp4", tmp_path)
    part = sign_in(who).get(f"/media/{row.public_id}", headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.data) == (206, content[10:20])
    assert part.headers["Content-Range"] == f"bytes 10-19/{len(content)}"


@pytest.mark.parametrize("guard", [True, False])
def test_what_a_browser_could_run_is_a_download_and_without_the_guards_it_would_run(
    sign_in: SignIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, guard: bool
) -> None:
    """The kind is what the bytes are: a page under a picture's name is neither shown nor said to be a page."""
    who = owner("Aziza", now=clock.utcnow())
    row = kept(who, PAGE, "cat.jpg", tmp_path)
    if not guard:  # a type by its name, and no difference between what is shown and what is handed over
        row.kind, row.mime = "photo", "text/html"
        row.save()
        monkeypatch.setattr(views, "_SHOWN", views._SHOWN | {"text/html"})
    shown = sign_in(who).get(f"/media/{row.public_id}")
    ran = shown.mimetype == "text/html" and shown.headers["Content-Disposition"].startswith("inline")
    assert ran is not guard and shown.data == PAGE


def test_a_type_that_is_not_known_to_be_safe_is_a_download_whatever_its_kind(sign_in: SignIn, tmp_path: Path) -> None:
    who = owner("Aziza", now=clock.utcnow())
    row = kept(who, PAGE, "cat.svg", tmp_path)
    row.kind, row.mime = "photo", "image/svg+xml"
    row.save()
    shown = sign_in(who).get(f"/media/{row.public_id}")
    assert shown.headers["Content-Disposition"].startswith("attachment")


def test_a_file_whose_bytes_are_gone_is_not_found(sign_in: SignIn, tmp_path: Path) -> None:
    who = owner("Aziza", now=clock.utcnow())
    row = kept(who, picture("PNG"), "a.png", tmp_path)
    path_of(tmp_path, row.sha256).unlink()
    client = sign_in(who)
    assert [client.get(f"/media/{key}").status_code for key in (row.public_id, "A" * 22)] == [404, 404]
