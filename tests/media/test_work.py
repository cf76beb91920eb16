"""Work on files loses nothing: rows, leases, at most two runs, and results that stand whole or not at all."""

from __future__ import annotations

import io
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from peewee import OperationalError
from PIL import Image, ImageChops

from app.boot import Runtime
from app.core import clock, db
from app.core.errors import Conflict, LimitReached
from app.core.wake import waker
from app.media import making
from app.media import service as media
from app.media.jobs import Workshop
from app.media.making import Maker
from app.media.models import MediaFile
from app.media.service import library, marking, store, watermarks, work
from app.media.service.marking import Wish
from app.media.service.watermarks import Typed
from app.media.service.work import Job, Why
from tests.conftest import NOW
from tests.world import Owner, owned_channel, owner

MINUTE = timedelta(minutes=1)


@pytest.fixture
def who(runtime: Runtime) -> Owner:
    return owner("Aziza", plan="pro", now=NOW)


def _picture(color: str = "#406080", size: tuple[int, int] = (640, 480)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, color).save(out, "PNG")
    return out.getvalue()


def _kept(runtime: Runtime, who: Owner, content: bytes) -> MediaFile:
    return media.keep(
        who.workspace.id, io.BytesIO(content), "a.png", data_dir=runtime.settings.data_dir, user_id=who.user.id, now=NOW
    )


def _maker(runtime: Runtime) -> Maker:
    return Maker(runtime.settings.data_dir, runtime.settings.secret_keys)


def _mark(**typed: Any) -> dict[str, Any]:
    row = watermarks.Watermark(
        kind="text",
        text="@mine",
        position="bottom_right",
        width=25,
        margin=3,
        opacity=60,
        seconds=0,
        logo=None,
        **typed,
    )
    return watermarks.params_of(row)


def _asked(who: Owner, row: MediaFile, **typed: Any) -> int:
    (number,) = marking.want(who.workspace.id, [row.public_id], Wish(_mark(**typed)), now=NOW)
    return number


def _state(number: int) -> str:
    return work.states_of([number])[number]


def test_a_picture_is_marked_and_the_original_stays(runtime: Runtime, who: Owner) -> None:
    row = _kept(runtime, who, _picture())
    number = _asked(who, row)
    assert Workshop(_maker(runtime).make).work_off() == 1 and _state(number) == work.DONE
    found = marking.marked(who.workspace.id, [row.public_id], Wish(_mark()))
    made: MediaFile = MediaFile.get(
        MediaFile.workspace == who.workspace.id, MediaFile.public_id == found[row.public_id]
    )
    assert made.origin == row.id and (made.width, made.height, made.kind) == (640, 480, "photo")
    before, after = (Image.open(store.path_of(runtime.settings.data_dir, one.sha256)) for one in (row, made))
    box = ImageChops.difference(before.convert("RGB"), after.convert("RGB")).getbbox()
    assert box is not None and box[0] > 640 * 0.6 and box[1] > 480 * 0.7, "at the lower right, and nowhere else"
    assert _leftovers(runtime) == []
    assert _asked(who, row) == number and _state(number) == work.DONE, "the same wish is the same work"


def _leftovers(runtime: Runtime) -> list[str]:
    folder = runtime.settings.data_dir / "media"
    return [path.name for path in folder.iterdir() if path.name.startswith(".") or path.suffix == ".part"]


def test_a_file_that_cannot_be_marked_ends_with_a_sentence(runtime: Runtime, who: Owner) -> None:
    row = _kept(runtime, who, _picture())
    store.path_of(runtime.settings.data_dir, row.sha256).write_bytes(_picture()[:200])
    number = _asked(who, row)
    Workshop(_maker(runtime).make).work_off()
    found = db.row("SELECT state, error, runs FROM media_job WHERE id = ?", number)
    assert found is not None and found[0] == work.FAILED and len(found[1]) > 10 and found[2] == 1
    assert _leftovers(runtime) == [] and marking.marked(who.workspace.id, [row.public_id], Wish(_mark())) == {}


def test_what_a_killed_process_held_is_taken_up_once_more_and_then_ends(runtime: Runtime, who: Owner) -> None:
    number = _asked(who, _kept(runtime, who, _picture()))
    at = NOW
    for runs in (1, 2):
        job = work.claim(now=at)
        assert job is not None and work.claim(now=at) is None, "nobody else has it"
        assert work.sweep(now=at + work.LEASE - timedelta(seconds=1)) == 0, "its holder lives"
        at += work.LEASE + MINUTE
        assert work.sweep(now=at) == (1 if runs == 1 else 0)
    assert db.rows("SELECT state, error, runs FROM media_job WHERE id = ?", number) == [
        (work.FAILED, work.INTERRUPTED, 2)
    ]


def test_of_two_who_hold_the_same_work_only_the_last_may_end_it(runtime: Runtime, who: Owner) -> None:
    """The guard, and (below) the harm without it."""
    row = _kept(runtime, who, _picture())
    number = _asked(who, row)
    first = work.claim(now=NOW)
    work.sweep(now=NOW + work.LEASE + MINUTE)
    second = work.claim(now=NOW + work.LEASE + MINUTE)
    assert first is not None and second is not None
    assert not work.go_on(first, 0.5, now=NOW) and work.go_on(second, 0.5, now=NOW)
    with db.write():
        assert not work.finish(first, row.id, now=NOW) and work.finish(second, row.id, now=NOW)
    assert not work.fail(first, Why("late", {}), now=NOW) and _state(number) == work.DONE


def test_without_the_lease_a_late_no_would_undo_what_is_done(
    runtime: Runtime, who: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = _kept(runtime, who, _picture())
    number = _asked(who, row)
    job = work.claim(now=NOW)
    assert job is not None
    with db.write():
        work.finish(job, row.id, now=NOW)
    monkeypatch.setattr(work, "_MINE", "id = ? AND workspace_id = ? AND CAST(? AS TEXT) IS NOT NULL")
    work.fail(job, Why("late", {}), now=NOW)
    assert _state(number) == work.FAILED


def test_work_that_is_called_off_stops_and_keeps_nothing(runtime: Runtime, who: Owner) -> None:
    row = _kept(runtime, who, _picture(size=(3000, 2000)))
    number = _asked(who, row)
    job = work.claim(now=clock.utcnow())
    assert job is not None
    public_id = str((db.row("SELECT public_id FROM media_job WHERE id = ?", number) or ("",))[0])
    work.cancel(who.workspace.id, public_id, now=clock.utcnow())
    assert not work.go_on(job, 0.1, now=clock.utcnow()), "whoever does it is told"
    assert work.stopped(job, now=clock.utcnow()) and _state(number) == work.CANCELLED
    with pytest.raises(Conflict) as refused:
        work.cancel(who.workspace.id, public_id, now=clock.utcnow())
    assert refused.value.code == "ended"
    assert _asked(who, row) == number and _state(number) == work.WAITING, "asked for again it begins anew"
    work.cancel(who.workspace.id, public_id, now=clock.utcnow())
    assert _state(number) == work.CANCELLED, "what waits ends at once"


def test_a_child_that_runs_is_ended_when_its_work_is_called_off(
    runtime: Runtime, who: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(making, "_LOOK_EVERY_S", 0.0)
    number = _asked(who, _kept(runtime, who, _picture(size=(4000, 4000))))
    job = work.claim(now=clock.utcnow())
    assert job is not None
    with db.write():
        db.execute("UPDATE media_job SET is_cancel_wanted = ? WHERE id = ?", True, number)
    _maker(runtime).make(job)
    assert _state(number) == work.CANCELLED and _leftovers(runtime) == []
    assert db.rows("SELECT 1 FROM media_file WHERE origin_id IS NOT NULL") == []


def test_work_that_breaks_us_ends_loudly_and_the_next_goes_on(runtime: Runtime, who: Owner) -> None:
    numbers = [_asked(who, _kept(runtime, who, _picture(color))) for color in ("#000000", "#ffffff")]
    real = _maker(runtime).make

    def breaks_once(job: Job) -> None:
        if job.id == numbers[0]:
            raise RuntimeError("a defect of ours")
        real(job)

    assert Workshop(breaks_once).work_off() == 2
    assert [_state(number) for number in numbers] == [work.FAILED, work.DONE]


def test_a_database_that_is_away_fails_no_work(runtime: Runtime, who: Owner) -> None:
    number = _asked(who, _kept(runtime, who, _picture()))

    def without_a_database(_job: Job) -> None:
        raise OperationalError("gone")

    with pytest.raises(OperationalError):
        Workshop(without_a_database).work_off()
    assert _state(number) == work.RUNNING and work.sweep(now=clock.utcnow() + work.LEASE + MINUTE) == 1
    assert Workshop(_maker(runtime).make).work_off() == 1 and _state(number) == work.DONE


def test_the_workspace_that_has_least_running_is_served_first(runtime: Runtime, who: Owner) -> None:
    other = owner("Bobur", plan="pro", now=NOW)
    mine = [_asked(who, _kept(runtime, who, _picture(color))) for color in ("#111111", "#222222", "#333333")]
    theirs = _asked(other, _kept(runtime, other, _picture("#444444")))
    first, second = work.claim(now=NOW), work.claim(now=NOW)
    assert first is not None and second is not None
    assert (first.id, second.id) == (mine[0], theirs)


def test_marks_are_counted_once_each_and_all_or_none(runtime: Runtime) -> None:
    poor = owner("Free", plan="free", now=NOW)
    rows = [_kept(runtime, poor, _picture(f"#0000{n:02x}")) for n in range(6)]
    some, every = [row.public_id for row in rows[:4]], [row.public_id for row in rows]
    assert len(marking.want(poor.workspace.id, some, Wish(_mark()), now=NOW)) == 4
    assert len(marking.want(poor.workspace.id, some, Wish(_mark()), now=NOW)) == 4, (
        "asked for before: nothing is used up"
    )
    with pytest.raises(LimitReached) as refused:
        marking.want(poor.workspace.id, every, Wish(_mark()), now=NOW)
    assert refused.value.code == "limit_watermarks" and db.row("SELECT COUNT(*) FROM media_job") == (4,)
    assert len(marking.want(poor.workspace.id, every[:5], Wish(_mark()), now=NOW)) == 5


def test_what_failed_is_tried_again_for_nothing(runtime: Runtime) -> None:
    poor = owner("Free", plan="free", now=NOW)
    row = _kept(runtime, poor, _picture())
    for _ in range(7):
        number = _asked(poor, row)
        job = work.claim(now=NOW)
        assert job is not None
        work.fail(job, Why("broken", {}), now=NOW)
    assert _state(number) == work.FAILED
    assert db.rows("SELECT used FROM usage_counter WHERE key = 'watermarks'") == [(1,)]


def test_what_a_post_waits_for_is_called_off_by_nobody(runtime: Runtime, who: Owner) -> None:
    row = _kept(runtime, who, _picture())
    number = _asked(who, row)
    (public_id,) = db.row("SELECT public_id FROM media_job WHERE id = ?", number) or ("",)
    job = work.claim(now=NOW)
    assert job is not None
    work.cancel(who.workspace.id, public_id, now=NOW)
    marking.want(who.workspace.id, [row.public_id], Wish(_mark()), is_needed=True, now=NOW)
    assert work.go_on(job, 0.5, now=NOW), "the wish to stop it was of before the post"
    with pytest.raises(Conflict) as refused:
        work.cancel(who.workspace.id, public_id, now=NOW)
    assert refused.value.code == "needed" and work.go_on(job, 0.6, now=NOW)


def test_a_wake_reaches_the_queue_and_a_broken_queue_breaks_no_change(
    runtime: Runtime, who: Owner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wakes: list[datetime] = []
    monkeypatch.setattr(work, "_wake", lambda: wakes.append(clock.utcnow()))
    row = _kept(runtime, who, _picture())
    with pytest.raises(RuntimeError), db.write():
        _asked(who, row)
        raise RuntimeError
    assert wakes == [], "what was rolled back wakes nobody"
    _asked(who, row)
    assert len(wakes) == 1
    lame = runtime.settings.model_copy(update={"data_dir": tmp_path / "not there"})
    waker(lame)()


def test_a_watermark_is_kept_put_on_channels_and_taken_off(runtime: Runtime, who: Owner) -> None:
    news = owned_channel(who, "News", telegram_chat_id=-1001, now=NOW)
    typed = Typed(text="@mine", channels=[news.public_id])
    row = watermarks.save(who.workspace.id, None, typed, user_id=who.user.id, now=NOW)
    assert watermarks.marks_of(who.workspace.id)[news.public_id]["text"] == "@mine"
    other = watermarks.save(
        who.workspace.id, None, Typed(text="©", channels=[news.public_id]), user_id=who.user.id, now=NOW
    )
    assert watermarks.channels_with(who.workspace.id) == {other.id: [news.public_id]}, "a channel has one"
    watermarks.delete(who.workspace.id, other.public_id, user_id=who.user.id, now=NOW)
    assert watermarks.marks_of(who.workspace.id) == {} and [
        w.id for w in watermarks.of_workspace(who.workspace.id)
    ] == [row.id]


def test_a_logo_stays_out_of_the_trash_while_a_watermark_has_it(runtime: Runtime, who: Owner) -> None:
    logo = _kept(runtime, who, _picture())
    row = watermarks.save(who.workspace.id, None, Typed(kind="logo", logo=logo.public_id), user_id=who.user.id, now=NOW)
    trash = partial(library.put_in_trash, who.workspace.id, logo.public_id, runtime.uses, user_id=who.user.id, now=NOW)
    with pytest.raises(Conflict) as refused:
        trash()
    assert refused.value.code == "in_use"
    watermarks.delete(who.workspace.id, row.public_id, user_id=who.user.id, now=NOW)
    trash()
