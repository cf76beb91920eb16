"""A channel with a watermark: what is scheduled there waits for its marked files, and goes out with them or not at all."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from app.boot import Runtime
from app.channels.models import Channel
from app.core import clock, db
from app.core.errors import LimitReached
from app.media import service as media
from app.media.jobs import Workshop
from app.media.making import Maker
from app.media.models import MediaFile
from app.media.service import store, watermarks
from app.media.service.watermarks import Typed
from app.posting.content.blocks import Media
from app.posting.service import marks, scheduling
from tests.media.files import picture
from tests.media.hostile.pieces import heic
from tests.posting.authored import ScriptedLine, actions, deliveries, run_lane, scheduled, text
from tests.world import Owner, owned_channel

Work = Callable[[], int]


@pytest.fixture
def marked(who: Owner, news: Channel) -> None:
    """The channel's posts carry a watermark."""
    watermarks.save(
        who.workspace.id, None, Typed(text="@mine", channels=[news.public_id]), user_id=who.user.id, now=clock.utcnow()
    )


@pytest.fixture
def work(runtime: Runtime) -> Work:
    return Workshop(Maker(runtime.settings.data_dir, runtime.settings.secret_keys).make).work_off


def _kept(runtime: Runtime, who: Owner, shade: int = 9, size: tuple[int, int] = (300, 200)) -> MediaFile:
    return media.keep(
        who.workspace.id,
        io.BytesIO(picture("PNG", *size, shade=shade)),
        "a.png",
        data_dir=runtime.settings.data_dir,
        user_id=who.user.id,
        now=clock.utcnow(),
    )


def test_it_waits_for_the_mark_and_goes_out_with_it(
    runtime: Runtime, who: Owner, news: Channel, line: ScriptedLine, marked: None, work: Work
) -> None:
    row, folder = _kept(runtime, who), runtime.settings.data_dir
    post = scheduled(who, replace(text("Hello"), media=(Media("photo", row.public_id),)), news)
    run_lane(line, folder=folder, run_s=1.0)
    assert line.sent == [] and actions(post) == [("publish", "waiting", None)]
    assert work() == 1
    run_lane(line, folder=folder, run_s=4.0)
    ((_, _, sent),) = line.sent
    (made,) = db.rows("SELECT sha256 FROM media_file WHERE origin_id = ?", row.id)
    assert sent.media[0].path == str(store.path_of(folder, made[0])) and made[0] != row.sha256
    assert deliveries(post) == [(0, "sent", None)]


@pytest.mark.parametrize("what", ["a large PNG", "a HEIC", "a WebP that moves"])
def test_a_picture_that_telegram_shows_as_a_file_is_marked_too(
    runtime: Runtime, who: Owner, news: Channel, line: ScriptedLine, marked: None, work: Work, what: str
) -> None:
    folder = runtime.settings.data_dir
    content = {
        "a large PNG": lambda: picture("PNG").ljust(10_000_001, b"\0"),
        "a HEIC": lambda: heic(640, 400),
        "a WebP that moves": lambda: picture("WEBP", 300, 200, frames=3),
    }[what]()
    row = media.keep(
        *(who.workspace.id, io.BytesIO(content), "mine.heic" if what == "a HEIC" else "mine"),
        data_dir=folder,
        user_id=who.user.id,
        now=clock.utcnow(),
    )
    assert row.kind == "document"
    scheduled(who, replace(text("Hello"), media=(Media("document", row.public_id),)), news)
    assert work() >= 1
    run_lane(line, folder=folder, run_s=4.0)
    ((_, _, sent),) = line.sent
    (made,) = db.rows(
        "SELECT f.sha256, f.kind, f.mime, f.name FROM media_file f JOIN media_job j ON j.result_id = f.id WHERE j.kind = 'mark'"
    )
    assert sent.media[0].path == str(store.path_of(folder, made[0])) and made[1] == sent.media[0].kind == "document"
    if what == "a HEIC":
        assert made[2:] == ("image/jpeg", "mine.jpg")


def test_where_there_is_no_watermark_nothing_waits(
    runtime: Runtime, who: Owner, news: Channel, line: ScriptedLine, marked: None, work: Work
) -> None:
    from tests.posting.authored import may_post

    other = owned_channel(who, "Other", telegram_chat_id=-1002, now=clock.utcnow())
    may_post(other)
    row, folder = _kept(runtime, who), runtime.settings.data_dir
    scheduled(who, replace(text("Hello"), media=(Media("photo", row.public_id),)), news, other)
    run_lane(line, folder=folder, run_s=1.0)
    ((_, chat, sent),) = line.sent
    assert chat == -1002 and sent.media[0].path == str(store.path_of(folder, row.sha256))
    work()
    run_lane(line, folder=folder, run_s=4.0)
    assert [chat for _, chat, _ in line.sent] == [-1002, -1001]


def test_a_file_that_cannot_be_marked_holds_its_post_and_resume_tries_again(
    runtime: Runtime, who: Owner, news: Channel, line: ScriptedLine, marked: None, work: Work
) -> None:
    """Never without its mark: that is what the channel's people were promised."""
    row, folder = _kept(runtime, who), runtime.settings.data_dir
    path = store.path_of(folder, row.sha256)
    whole = path.read_bytes()
    path.write_bytes(whole[:60])
    post = scheduled(who, replace(text("Hello"), media=(Media("photo", row.public_id),)), news)
    later = scheduled(who, text("without a file"), news)
    work()
    run_lane(line, folder=folder, run_s=1.0)
    assert actions(post) == [("publish", "blocked", "mark_failed")]
    assert line.texts == ["without a file"] and deliveries(later)[0][1] == "sent", "the others go on"
    assert db.row("SELECT COUNT(*) FROM notice WHERE template = 'post_unmarked'") == (1,)
    path.write_bytes(whole)
    scheduling.resume(who.workspace.id, news.id, user_id=who.user.id, now=clock.utcnow())
    assert work() == 1
    run_lane(line, folder=folder, run_s=4.0)
    assert line.texts == ["without a file", "Hello"]


def test_without_the_gate_it_would_not_go_out_unmarked_either(
    runtime: Runtime, who: Owner, news: Channel, line: ScriptedLine, marked: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last look is at the sending itself: without a marked copy there is no call."""
    monkeypatch.setattr(marks, "ready", lambda found, **_: list(found))
    row = _kept(runtime, who)
    post = scheduled(who, replace(text("Hello"), media=(Media("photo", row.public_id),)), news)
    run_lane(line, folder=runtime.settings.data_dir, run_s=1.0)
    assert line.sent == [] and deliveries(post)[0][1] != "sent"


def test_watermarks_of_the_month_are_counted_when_a_post_is_scheduled(
    runtime: Runtime, who: Owner, news: Channel, marked: None
) -> None:
    with db.write():
        db.execute("UPDATE plan_limit SET amount = 1 WHERE key = 'watermarks'")
    first, second = _kept(runtime, who, 1), _kept(runtime, who, 2)
    at = clock.utcnow() + timedelta(hours=1)
    for _ in range(2):
        scheduled(who, replace(text("one"), media=(Media("photo", first.public_id),)), news, at=at)
    with pytest.raises(LimitReached) as refused:
        scheduled(who, replace(text("two"), media=(Media("photo", second.public_id),)), news, at=at)
    assert refused.value.code == "limit_watermarks"
    assert db.row("SELECT COUNT(*) FROM due_action") == (2,), "what was refused left nothing"


def test_a_watermark_that_is_changed_holds_for_what_is_scheduled_from_then_on(
    runtime: Runtime, who: Owner, news: Channel, line: ScriptedLine, marked: None, work: Work
) -> None:
    row, folder = _kept(runtime, who), runtime.settings.data_dir
    soon = clock.utcnow() + timedelta(seconds=1)
    scheduled(who, replace(text("Hello"), media=(Media("photo", row.public_id),)), news, at=soon)
    (known,) = watermarks.of_workspace(who.workspace.id)
    watermarks.delete(who.workspace.id, known.public_id, user_id=who.user.id, now=clock.utcnow())
    work()
    run_lane(line, folder=folder, run_s=4.0)
    ((_, _, sent),) = line.sent
    assert Path(sent.media[0].path).name != row.sha256, "as it was when the post was scheduled"
