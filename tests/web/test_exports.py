"""Handing in an export of Telegram Desktop in a browser: who may, what is refused, and what the page tells meanwhile."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.accounts.service import people
from app.audit.models import AuditEntry
from app.boot import Runtime
from app.channels.models import Channel
from app.core import clock, db
from app.core.policy import Role
from app.readings import desktop_jobs
from app.readings.service.desktop import states, uploads
from app.web import create_app
from tests.readings.desktop.files import CHAT_ID, export
from tests.world import Owner, owned_channel, owner

SignIn = Callable[[Owner], FlaskClient]
PARTIAL = {"HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": "section#export_import"}


@pytest.fixture
def news(app: Flask) -> tuple[Owner, Channel]:
    who = owner("Aziza", now=clock.utcnow())
    return who, owned_channel(who, "News", telegram_chat_id=CHAT_ID, now=clock.utcnow())


def _sent(content: bytes, name: str = "result.json") -> dict[str, Any]:
    return {"file": (io.BytesIO(content), name)}


def _rows() -> int:
    return int((db.row("SELECT COUNT(*) FROM desktop_import") or (0,))[0])


def _left(runtime: Runtime) -> list[Path]:
    return list(states.folder(runtime.settings.data_dir).iterdir())


def test_a_file_is_handed_in_and_the_page_tells_how_far_it_is(
    runtime: Runtime, news: tuple[Owner, Channel], sign_in: SignIn, tmp_path: Path
) -> None:
    who, channel = news
    client, url = sign_in(who), f"/channels/{channel.public_id}"
    page = client.get(f"{url}/settings").text
    assert "at most 200 MiB" in page and 'enctype="multipart/form-data"' in page
    content = export(tmp_path, clock.utcnow(), posts=30).read_bytes()
    shown = client.post(f"{url}/export", data=_sent(content), headers=PARTIAL)
    assert shown.status_code == 200 and shown.text.lstrip().startswith('<section id="export_import"')
    assert "begins within a minute" in shown.text and 'hx-trigger="every 3s"' in shown.text
    assert 'type="file"' not in shown.text, "one file at a time"
    (kept,) = _left(runtime)
    assert kept.read_bytes() == content and kept.stat().st_mode & 0o077 == 0
    desktop_jobs.read_exports(runtime.settings.data_dir)
    done = client.get(f"{url}/settings", headers=PARTIAL).text
    assert "30 of 30 messages" in done and "30 new readings" in done and "every 3s" not in done
    assert _left(runtime) == []
    entry = AuditEntry.get(AuditEntry.action == "desktop_import.started")
    assert (entry.actor, entry.after["size"]) == (f"user:{who.user.id}", len(content))
    assert client.post(f"{url}/export", data=_sent(content)).status_code == 303, "a plain form works too"


@pytest.mark.parametrize(
    ("lang", "said"), [("en", "This is not the result.json"), ("ru", "Это не result.json"), ("uz", "eksport qilgan")]
)
def test_a_wrong_kind_is_refused_in_the_reader_s_language(
    runtime: Runtime, news: tuple[Owner, Channel], sign_in: SignIn, lang: str, said: str
) -> None:
    who, channel = news
    people.prefer(who.user.id, language=lang, timezone="Asia/Tashkent")
    answer = sign_in(who).post(f"/channels/{channel.public_id}/export", data=_sent(b"PK\x03\x04"), headers=PARTIAL)
    assert answer.status_code == 422 and said in answer.text and 'aria-invalid="true"' in answer.text
    assert (_rows(), _left(runtime)) == (0, [])


def test_a_bad_message_is_named_on_the_page(
    runtime: Runtime, news: tuple[Owner, Channel], sign_in: SignIn, tmp_path: Path
) -> None:
    who, channel = news
    client, url = sign_in(who), f"/channels/{channel.public_id}"
    client.post(f"{url}/export", data=_sent(export(tmp_path, clock.utcnow(), bad_at=7).read_bytes()))
    desktop_jobs.read_exports(runtime.settings.data_dir)
    page = client.get(f"{url}/settings").text
    assert "nothing of it was stored" in page and "Message 7 of the file" in page and 'type="file"' in page


def test_what_is_too_large_is_refused_and_leaves_nothing(
    runtime: Runtime, app: Flask, news: tuple[Owner, Channel], sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    who, channel = news
    monkeypatch.setattr(app.view_functions["exports.hand_in"], "most_bytes", 1000)
    answer = sign_in(who).post(f"/channels/{channel.public_id}/export", data=_sent(b"{" * 100_000))
    assert answer.status_code == 413 and "too large" in answer.text
    assert (_rows(), _left(runtime)) == (0, [])


def test_other_forms_still_take_two_megabytes_only(
    runtime: Runtime, news: tuple[Owner, Channel], sign_in: SignIn
) -> None:
    who, channel = news
    big = _sent(b"x" * (3 * 1024 * 1024))
    assert sign_in(who).post(f"/channels/{channel.public_id}/settings", data=big).status_code == 413


@pytest.mark.parametrize("role", [Role.EDITOR, Role.ANALYST, Role.CLIENT])
def test_who_may_not_manage_channels_sends_us_no_files(
    runtime: Runtime, news: tuple[Owner, Channel], sign_in: SignIn, role: Role, monkeypatch: pytest.MonkeyPatch
) -> None:
    who, channel = news
    user = people.create_user(name="Reader", timezone="Asia/Tashkent", now=clock.utcnow())
    people.add_member(who.workspace.id, user.id, role, now=clock.utcnow())
    url = f"/channels/{channel.public_id}/export"
    stored: list[object] = []
    monkeypatch.setattr("app.core.uploads.TakesFiles._get_file_stream", lambda *a, **k: stored.append(a))
    assert sign_in(Owner(user, who.workspace)).post(url, data=_sent(b'{"messages": []}')).status_code == 403
    assert stored == [], "it is refused before its body is read"


def test_a_stranger_finds_no_such_channel(news: tuple[Owner, Channel], sign_in: SignIn) -> None:
    _, channel = news
    stranger = sign_in(owner("Bek", now=clock.utcnow()))
    answer = stranger.post(f"/channels/{channel.public_id}/export", data=_sent(b'{"messages": []}'))
    assert (answer.status_code, _rows()) == (404, 0)


def test_without_the_form_s_token_nothing_is_taken(
    runtime: Runtime, news: tuple[Owner, Channel], sign_in: SignIn, app: Flask
) -> None:
    who, channel = news
    client = sign_in(who)
    app.config["WTF_CSRF_ENABLED"] = True
    answer = client.post(f"/channels/{channel.public_id}/export", data=_sent(b'{"messages": []}'))
    assert (answer.status_code, _rows(), _left(runtime)) == (422, 0, [])


def test_the_size_is_told_before(runtime: Runtime) -> None:
    assert create_app(runtime).view_functions["exports.hand_in"].most_bytes == uploads.MOST_BYTES  # type: ignore[attr-defined]
