"""From an own post to a case with evidence: the simulated Telegram shows the pages, a process of its own."""

from __future__ import annotations

import io
import json
import time
from datetime import timedelta

import httpx
import numpy as np
import pytest

from app.core import clock, db
from app.core.errors import Conflict, LimitReached, NotFound
from app.media.service import keep
from app.posting.content import markup
from app.posting.content.blocks import Content, Media
from app.posting.service import collecting
from app.protection import jobs
from app.protection.models import TheftCase, TheftEvidence, TheftScan
from app.protection.service import cases, scans
from app.protection.service.cases import CLOSED, DISMISSED
from app.readings.collectors.base import hash_text
from app.readings.service import updates
from app.readings.service.facts import PostFacts
from tests.media.invisible.pictures import drawn
from tests.posting.authored import run_lane, scheduled
from tests.protection.conftest import COPIED, PICTURE, Scene, jpeg
from tests.world import owned_channel, owner, watched

CUT = np.ascontiguousarray(PICTURE[20:-40, 30:-20])


def _scan(scene: Scene) -> TheftScan:
    now = clock.utcnow()
    scans.ask(scene.who.workspace.id, user_id=scene.who.user.id, now=now)
    scan = scans.next_wanted(now=now)
    assert scan is not None
    with httpx.Client() as client:
        assert jobs.one_piece(scan, scene.desk(client), now=now)
    return TheftScan.get(TheftScan.workspace == scene.who.workspace.id, TheftScan.id == scan.id)


def _cases(scene: Scene) -> list[TheftCase]:
    return list(TheftCase.select().where(TheftCase.workspace == scene.who.workspace.id).order_by(TheftCase.id))


def test_a_copy_opens_one_case_with_its_evidence_and_a_stranger_none(scene: Scene) -> None:
    scene.publish_own()
    copy_id = scene.others_post("thief", COPIED, CUT)
    scene.others_post("honest", "Ertaga havo ochiq bo'ladi va shamol esmaydi", drawn(1, seed=7, sides=(640, 800)))
    scene.watch("thief", "honest")
    scan = _scan(scene)
    assert (scan.state, scan.channels, scan.own_posts, scan.found_posts, scan.cases) == ("done", 2, 1, 2, 1)
    (case,) = _cases(scene)
    assert (case.found_message_id, case.state) == (copy_id, "open") and case.found_posted_at > case.own_posted_at
    assert case.text_permille > 600 and case.picture_bits <= 18 and case.picture_sha256 and case.own_sha256
    evidence = TheftEvidence.get(TheftEvidence.workspace == scene.who.workspace.id)
    assert evidence.text == COPIED
    assert cases.picture_path(scene.folder, case.public_id).read_bytes()[:2] == b"\xff\xd8"
    again = _scan(scene)
    assert (again.state, again.cases) == ("done", 0) and len(_cases(scene)) == 1


def test_words_alone_or_a_picture_alone_are_enough(scene: Scene) -> None:
    scene.publish_own()
    scene.others_post("thief", COPIED)
    scene.others_post("thief", "", CUT)
    scene.watch("thief")
    _scan(scene)
    by_text, by_picture = _cases(scene)
    assert by_text.picture_bits is None and by_text.text_permille
    assert by_picture.text_permille is None and by_picture.picture_bits is not None


def test_of_an_album_the_picture_that_was_copied_is_the_original(scene: Scene) -> None:
    """The first one is plain and has no print: places among the prints are not those in the post."""
    plain = np.full((640, 800, 3), 90, np.uint8)
    kept, now = [], clock.utcnow()
    for name, pixels in (("plain", plain), ("a", drawn(1, seed=7, sides=(640, 800))), ("b", PICTURE)):
        data = io.BytesIO(jpeg(pixels))
        kept.append(keep(scene.who.workspace.id, data, name, data_dir=scene.folder, user_id=scene.who.user.id, now=now))
    media = tuple(Media("photo", file.public_id) for file in kept)
    scheduled(scene.who, Content(markup.parse("Uchta rasm"), media=media), scene.own)
    run_lane(scene.line, folder=scene.folder)
    assert collecting.collect_sent(now=clock.utcnow()) == 1
    time.sleep(1.1)
    scene.others_post("thief", "Butunlay boshqa", CUT)
    scene.watch("thief")
    _scan(scene)
    (case,) = _cases(scene)
    assert case.text_permille is None and case.own_sha256 == kept[2].sha256
    (files,) = db.row("SELECT files FROM own_print") or ("",)
    assert json.loads(files) == [kept[1].sha256, kept[2].sha256, kept[0].sha256]


def test_a_picture_that_was_not_sent_from_here_is_known_from_the_own_public_page(scene: Scene) -> None:
    words, now = "Bu so'zlar boshqacha", clock.utcnow()
    message_id = scene.others_post("mine", words, PICTURE)
    facts = PostFacts(message_id, now, media="photo", text_length=len(words), text_hash=hash_text(words), text=words)
    updates.note_post(scene.chat("mine"), facts, bot_id=7, update_id=1, now=now)
    time.sleep(1.1)
    scene.others_post("thief", "", CUT)
    scene.watch("thief")
    _scan(scene)
    (case,) = _cases(scene)
    assert case.own_message_id == message_id and case.picture_bits is not None and case.own_sha256 is None


def test_a_forward_names_its_author_and_is_no_copy(scene: Scene) -> None:
    scene.publish_own()
    (message_id,) = db.row("SELECT message_id FROM delivery_message") or (0,)
    scene.sim.api("forwardMessage", chat_id="@thief", from_chat_id="@mine", message_id=message_id)
    scene.watch("thief")
    assert _scan(scene).found_posts == 0 and _cases(scene) == []


def test_what_was_out_before_ours_is_no_copy(scene: Scene) -> None:
    scene.others_post("thief", COPIED, CUT)
    scene.publish_own()
    scene.watch("thief")
    _scan(scene)
    assert _cases(scene) == []


def test_of_strangers_posts_nothing_is_kept_but_hashes(scene: Scene) -> None:
    scene.publish_own()
    scene.others_post("honest", "Maxfiy so'zlar hech qayerda saqlanmasin iltimos", drawn(1, seed=7, sides=(640, 800)))
    scene.watch("honest")
    _scan(scene)
    (shingles, pictures) = db.row("SELECT shingles, pictures FROM seen_print") or ("", "")
    assert shingles and pictures and "axfiy" not in shingles
    assert db.row("SELECT COUNT(*) FROM theft_evidence") == (0,)
    assert list((scene.folder / "media").rglob("evidence/*")) == []


@pytest.mark.parametrize("state", [CLOSED, DISMISSED])
def test_with_the_case_its_evidence_ends(scene: Scene, state: str) -> None:
    scene.publish_own()
    scene.others_post("thief", COPIED, CUT)
    scene.watch("thief")
    _scan(scene)
    (case,) = _cases(scene)
    path, who = cases.picture_path(scene.folder, case.public_id), scene.who
    ends = {"user_id": who.user.id, "data_dir": scene.folder, "now": clock.utcnow()}
    with pytest.raises(NotFound):
        cases.end(owner("Bek", now=clock.utcnow()).workspace.id, case.public_id, state, **ends)
    assert path.exists()
    cases.end(who.workspace.id, case.public_id, state, **ends)
    cases.end(who.workspace.id, case.public_id, state, **ends)
    assert not path.exists() and db.row("SELECT COUNT(*) FROM theft_evidence") == (0,)
    (ended,) = _cases(scene)
    assert ended.state == state and ended.ended_by == who.user.id and ended.picture_sha256
    with pytest.raises(Conflict):
        cases.end(who.workspace.id, case.public_id, CLOSED if state == DISMISSED else DISMISSED, **ends)
    assert _scan(scene).cases == 0


def test_evidence_is_erased_after_90_days_though_the_case_is_open(scene: Scene) -> None:
    scene.publish_own()
    scene.others_post("thief", COPIED, CUT)
    scene.watch("thief")
    _scan(scene)
    (case,) = _cases(scene)
    path = cases.picture_path(scene.folder, case.public_id)
    young, old = (clock.utcnow() + timedelta(days=days) for days in (89, 91))
    prints = 2  # of the copy, and of the own post as its page shows it
    assert jobs.forget(scene.folder, now=young) == {"theft_evidence": 0, "seen_print": prints} and path.exists()
    assert jobs.forget(scene.folder, now=old) == {"theft_evidence": 1, "seen_print": 0} and not path.exists()
    assert _cases(scene)[0].state == "open"


def test_a_channel_that_cannot_be_read_is_named_and_stops_no_other(scene: Scene) -> None:
    scene.publish_own()
    scene.others_post("thief", COPIED)
    scene.watch("nobody_here", "thief")
    scan = _scan(scene)
    assert (scan.state, scan.channels, scan.cases) == ("done", 1, 1)
    (error,) = [row[0] for row in db.rows("SELECT error FROM print_watch WHERE error IS NOT NULL")]
    assert "nobody_here" in error


def test_a_scan_goes_on_where_its_turn_ended(scene: Scene) -> None:
    scene.publish_own()
    scene.others_post("thief", COPIED)
    scene.watch("thief", "honest")
    now = clock.utcnow()
    scans.ask(scene.who.workspace.id, user_id=None, now=now)
    turns = 0
    with httpx.Client() as client:
        while scan := scans.next_wanted(now=now):
            asked = iter([False, *[True] * 9])
            desk = scene.desk(client)
            turns += 1
            jobs.one_piece(scan, type(desk)(desk.source, desk.data_dir, lambda asked=asked: next(asked)), now=now)
    assert turns == 4 and len(_cases(scene)) == 1, "the own page, two that are watched, and the comparison"


def test_one_scan_opens_so_many_cases_and_the_next_one_the_others(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scans, "MOST_CASES", 2)
    scene.publish_own()
    for n in range(3):
        scene.others_post("thief", f"{COPIED} {n}")
    scene.watch("thief")
    assert (_scan(scene).cases, len(_cases(scene))) == (2, 2)
    assert (_scan(scene).cases, len(_cases(scene))) == (1, 3)


def test_the_jobs_process_scans_by_itself_once_a_day(scene: Scene) -> None:
    scene.publish_own()
    scene.others_post("thief", COPIED)
    scene.watch("thief")
    assert jobs.scan_due(scene.runtime.settings) == 1
    assert len(_cases(scene)) == 1
    assert jobs.scan_due(scene.runtime.settings) == 0
    assert scans.ask_for_due(now=clock.utcnow() + timedelta(hours=23)) == 0
    assert scans.ask_for_due(now=clock.utcnow() + timedelta(hours=25)) == 1


def test_a_plan_of_three_scans_allows_three_and_spreads_its_own(runtime: object) -> None:
    now = clock.utcnow().replace(day=1)
    who = owner("Bek", plan="free", now=now)
    owned_channel(who, "News", telegram_chat_id=-1001, now=now)
    with pytest.raises(Conflict, match="needs a channel"):
        scans.ask(who.workspace.id, user_id=who.user.id, now=now)
    watched(who, "rival_news", now=now)
    assert scans.ask_for_due(now=now) == 1
    with pytest.raises(Conflict, match="under way"):
        scans.ask(who.workspace.id, user_id=who.user.id, now=now)
    for _ in range(2):
        _ended(now)
        scans.ask(who.workspace.id, user_id=who.user.id, now=now)
    _ended(now)
    with pytest.raises(LimitReached) as refusal:
        scans.ask(who.workspace.id, user_id=who.user.id, now=now)
    assert refusal.value.code == "limit_theft_scans"
    assert scans.ask_for_due(now=now + timedelta(days=9)) == 0
    assert scans.ask_for_due(now=now + timedelta(days=40)) == 1


def _ended(now: object) -> None:
    with db.write():
        db.execute("UPDATE theft_scan SET state = 'done'")
