"""The radar, a case and its PDF in a browser's words; the reader of marks."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from pypdf import PdfReader

from app.accounts.service import people
from app.boot import Runtime
from app.core import clock, db
from app.core.policy import Role
from app.media.invisible import embed
from app.media.service import invisible
from app.protection import jobs, queries
from app.protection.models import TheftCase
from app.protection.service import cases, reading_marks, scans
from app.web import create_app
from tests.media.files import large_png, stored
from tests.media.invisible.pictures import compressed, drawn
from tests.protection.conftest import COPIED, PICTURE, WORDS, Scene, jpeg
from tests.world import Owner, owned_channel, owner, watched

SignIn = Callable[[Owner], FlaskClient]
CUT = np.ascontiguousarray(PICTURE[20:-40, 30:-20])


@pytest.fixture
def app(scene: Scene) -> Flask:
    built = create_app(scene.runtime)
    built.config["WTF_CSRF_ENABLED"] = False
    return built


def _found(scene: Scene) -> TheftCase:
    """The case of a copy that a scan found."""
    scene.publish_own()
    scene.others_post("thief", COPIED, CUT)
    scene.watch("thief")
    now = clock.utcnow()
    scans.ask(scene.who.workspace.id, user_id=scene.who.user.id, now=now)
    scan = scans.next_wanted(now=now)
    assert scan is not None
    with httpx.Client() as client:
        assert jobs.one_piece(scan, scene.desk(client), now=now)
    return TheftCase.get(TheftCase.workspace == scene.who.workspace.id)


def test_a_case_shows_both_posts_and_its_pdf_the_same(scene: Scene, sign_in: SignIn) -> None:
    case, client = _found(scene), sign_in(scene.who)
    radar = client.get("/protection").text
    assert "The last scan ended" in radar and f"/protection/cases/{case.public_id}" in radar and "thief" in radar
    shown = client.get(f"/protection/cases/{case.public_id}").text
    for words in (WORDS[:40].replace("'", "&#39;"), COPIED[:30], case.picture_sha256, case.own_sha256):
        assert words in shown
    assert f"https://t.me/thief/{case.found_message_id}" in shown and "/media/" in shown
    picture = client.get(f"/protection/cases/{case.public_id}/picture")
    assert picture.mimetype == "image/jpeg" and Image.open(io.BytesIO(picture.data)).size[0] > 300
    pdf = client.get(f"/protection/cases/{case.public_id}/evidence.pdf")
    paper = PdfReader(io.BytesIO(pdf.data))
    text = " ".join(sheet.extract_text() for sheet in paper.pages)
    for words in (f"t.me/thief/{case.found_message_id}", "UTC", case.text_sha256, case.picture_sha256, "YANGI UYLAR"):
        assert words in text
    assert sum(len(sheet.images) for sheet in paper.pages) == 2


def test_a_person_dismisses_a_case_and_its_picture_is_gone(scene: Scene, sign_in: SignIn) -> None:
    case, client = _found(scene), sign_in(scene.who)
    address = f"/protection/cases/{case.public_id}"
    assert client.post(f"{address}/end", data={"state": "dismissed"}).status_code == 303
    assert "dismissed: no theft" in client.get(address).text
    assert client.get(f"{address}/picture").status_code == 404
    assert COPIED[:30] not in client.get(address).text
    assert client.post(f"{address}/end", data={"state": "closed"}).status_code == 409
    assert "No copy was found" in client.get("/protection").text
    assert address in client.get("/protection?show=ended").text
    paper = PdfReader(io.BytesIO(client.get(f"{address}/evidence.pdf").data))
    assert case.picture_sha256 in paper.pages[0].extract_text() and len(paper.pages[0].images) == 1


def test_strangers_find_no_case_and_editors_end_none(scene: Scene, sign_in: SignIn) -> None:
    case, now = _found(scene), clock.utcnow()
    address = f"/protection/cases/{case.public_id}"
    stranger = sign_in(owner("Bek", now=now))
    for path in (address, f"{address}/picture", f"{address}/evidence.pdf"):
        assert stranger.get(path).status_code == 404
    assert stranger.post(f"{address}/end", data={"state": "closed"}).status_code == 404
    editor = people.create_user(name="Eldor", timezone="Asia/Tashkent", now=now)
    people.add_member(scene.who.workspace.id, editor.id, Role.EDITOR, now=now)
    client = sign_in(Owner(editor, scene.who.workspace))
    assert client.get(address).status_code == 200 and "dismiss" not in client.get(address).text
    assert client.post(f"{address}/end", data={"state": "closed"}).status_code == 403
    assert client.post("/protection/scans").status_code == 403
    assert TheftCase.get(TheftCase.workspace == scene.who.workspace.id).state == "open"


def test_a_channel_that_could_not_be_read_is_named_on_the_radar(scene: Scene, sign_in: SignIn) -> None:
    scene.watch("nobody_here")
    _found(scene)
    text = sign_in(scene.who).get("/protection").text
    assert "could not be read" in text and "nobody_here" in text


class TestWithoutSimulator:
    """Pages that need no Telegram."""

    @pytest.fixture
    def app(self, runtime: object) -> Flask:
        built = create_app(runtime)  # type: ignore[arg-type]
        built.config["WTF_CSRF_ENABLED"] = False
        return built

    def test_the_empty_radar_says_what_is_missing(self, sign_in: SignIn) -> None:
        text = sign_in(owner("Aziza", now=clock.utcnow())).get("/protection").text
        assert "needs a channel of yours and a watched channel" in text and "Scan now" not in text
        assert "No copy was found" in text

    def test_scan_now_is_told_and_refused_twice_and_over_the_limit(self, sign_in: SignIn) -> None:
        now = clock.utcnow()
        who = owner("Bek", plan="free", now=now)
        owned_channel(who, "News", telegram_chat_id=-1001, now=now)
        watched(who, "rival_news", now=now)
        client = sign_in(who)
        assert "Nothing was compared yet" in client.get("/protection").text
        for _ in range(3):
            assert client.post("/protection/scans").status_code == 303
            assert "A scan is under way" in client.get("/protection").text
            assert client.post("/protection/scans").status_code == 409
            with db.write():
                db.execute("UPDATE theft_scan SET state = 'failed', reason = 'defect'")
        refused = client.post("/protection/scans")
        assert refused.status_code == 429 and "allows 3 theft scans a month" in refused.text
        assert "The last scan failed" in client.get("/protection").text

    def test_a_channel_that_was_not_read_whole_is_named_with_the_time_back_to_which(self, sign_in: SignIn) -> None:
        now = clock.utcnow()
        who = owner("Aziza", now=now)
        owned_channel(who, "News", telegram_chat_id=-1001, now=now)
        busy, calm = (watched(who, name, now=now) for name in ("busy", "calm"))
        back_to = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
        with db.write():
            for channel, gap in ((busy, (51, db.stamp(back_to))), (calm, (None, None))):
                db.execute(
                    "INSERT INTO print_watch (chat_id, read_at, newest_id, gap_to, gap_at, pages) VALUES (?, ?, 90, ?, ?, 1)",
                    *(channel.chat, db.stamp(now), *gap),
                )
        text = sign_in(who).get("/protection").text
        told = text[text.index("not read whole") :]
        assert "busy" in told and "calm" not in told and re.search("read back to [^<]*20 Nov", told)
        with db.write():
            db.execute("UPDATE print_watch SET gap_to = NULL, gap_at = NULL")
        assert "not read whole" not in sign_in(who).get("/protection").text

    def test_more_cases_than_a_page_are_on_a_second_one(
        self, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setattr(queries, "PAGE", 2)
        who, now = owner("Aziza", now=clock.utcnow()), clock.utcnow()
        channel, rival = owned_channel(who, "News", telegram_chat_id=-1001, now=now), watched(who, "rival", now=now)
        for n in range(3):
            _case(who, channel.id, rival.chat, n, tmp_path)
        client = sign_in(who)
        first = client.get("/protection").text
        assert first.count("/protection/cases/") == 2 and "skip=2" in first
        last = client.get("/protection?skip=2").text
        assert last.count("/protection/cases/") == 1 and "Older ones" not in last

    def test_a_leaked_picture_says_which_copy_it_is(self, app: Flask, sign_in: SignIn) -> None:
        who, now = owner("Aziza", now=clock.utcnow()), clock.utcnow()
        channel = owned_channel(who, "News 24", telegram_chat_id=-1001, now=now)
        payload = invisible.issue(who.workspace.id, "A" * 22, channel_id=channel.id, post_id=None, now=now)
        key = invisible.mark_keys(app.extensions["runtime"].settings.secret_keys)[0]
        plain = drawn(0, seed=5, sides=(700, 900))
        leaked = jpeg(compressed(embed(plain, payload, key=key), scale=0.5), 75)
        text = _sent(sign_in(who), leaked)
        assert "This is a copy of yours" in text and "News 24" in text and f"{payload:012x}" in text
        theirs = _sent(sign_in(owner("Bek", now=now)), leaked)
        assert "of no copy of yours" in theirs and f"{payload:012x}" not in theirs and "News 24" not in theirs
        assert "No mark found" in _sent(sign_in(who), jpeg(plain))

    def test_what_is_no_picture_or_too_large_is_refused(self, sign_in: SignIn, tmp_path: Path) -> None:
        client = sign_in(owner("Aziza", now=clock.utcnow()))
        assert "We work on JPEG, PNG" in _sent(client, b"<svg/>", status=422)
        assert "million pixels" in _sent(client, large_png(20_000, 20_000), status=422)
        for size in (reading_marks.MOST_BYTES + 1, 14_000_000):  # a large PNG has more than a form's fields beyond it
            text = _sent(client, bytes(size), status=422)
            assert "larger than 10 MB" in text and "Read the mark" in text
        assert stored(tmp_path) == [], "nothing of it is kept"
        assert client.post("/protection/copies", data={}).status_code == 422

    def test_a_mark_of_a_former_secret_is_read(self, runtime: Runtime) -> None:
        who, now = owner("Aziza", now=clock.utcnow()), clock.utcnow()
        payload = invisible.issue(who.workspace.id, "A" * 22, now=now)
        (old,) = invisible.mark_keys(["old secret"])
        marked = embed(drawn(0, seed=5, sides=(400, 500)), payload, key=old)
        folder = runtime.settings.data_dir

        def read(*secrets: str) -> reading_marks.Found | None:
            return reading_marks.mark_of(who.workspace.id, io.BytesIO(jpeg(marked)), secrets, data_dir=folder)

        found = read("new secret", "old secret")
        assert found is not None and found.copy is not None and found.payload == payload
        assert read("new secret") is None


def test_the_same_copy_has_the_same_payload_and_another_one_another(runtime: object) -> None:
    who, now = owner("Aziza", now=clock.utcnow()), clock.utcnow()
    first = invisible.issue(who.workspace.id, "A" * 22, channel_id=1, post_id=2, now=now)
    assert invisible.issue(who.workspace.id, "A" * 22, channel_id=1, post_id=2, now=now + timedelta(days=1)) == first
    others = {invisible.issue(who.workspace.id, "A" * 22, channel_id=n, post_id=2, now=now) for n in (2, 3, None)}
    assert len(others | {first}) == 4 and all(0 <= payload < 2**48 for payload in others)
    copy = invisible.copy_of(who.workspace.id, first)
    assert copy is not None and (copy.media, copy.channel_id, copy.post_id) == ("A" * 22, 1, 2)
    assert invisible.copy_of(owner("Bek", now=now).workspace.id, first) is None


def _sent(client: FlaskClient, data: bytes, *, status: int = 200) -> str:
    answer = client.post("/protection/copies", data={"file": (io.BytesIO(data), "x.jpg")})
    assert answer.status_code == status, answer.text
    return answer.text


def _case(who: Owner, channel_id: int, chat_id: int, number: int, data_dir: Path) -> None:
    now = clock.utcnow()
    with db.write():
        db.execute(
            "INSERT INTO own_print (workspace_id, channel_id, post_id, message_id, posted_at, stamp, shingles, pictures,"
            " files) VALUES (?, ?, ?, ?, ?, '', '', '[]', '[]')",
            *(who.workspace.id, channel_id, number, number, db.stamp(now)),
        )
    finding = cases.Finding(number, chat_id, number, now, 0.5, None, "words", None, None)
    assert cases.open_case(who.workspace.id, finding, data_dir=data_dir, now=now)
