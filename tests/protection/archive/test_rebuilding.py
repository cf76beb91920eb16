"""An archive goes into another channel: in its order, each post once, whatever is killed or held up meanwhile."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from typing import Any

import pytest

from app.billing.service.limits import put_on_plan
from app.channels.models import Channel
from app.channels.queries import channel_of
from app.channels.service import connect
from app.core import clock, db
from app.core.errors import Conflict, Invalid, NotFound
from app.media.service import watermarks
from app.posting import states as posting
from app.posting.models import AuthoredPost
from app.posting.service import scheduling
from app.protection.archive import jobs, queries
from app.protection.archive.dated import note_of
from app.protection.archive.models import Archive, ArchivedPost, Rebuild, RebuildPost
from app.protection.archive.service import advancing, filling, rebuilding, switching
from app.protection.archive.service.rebuilding import Wish
from app.telegram import service as telegram
from app.telegram.outgoing import Outgoing
from tests.posting.authored import BOT_ID, may_post, refusal, run_lane
from tests.protection.archive.conftest import NEW_ID, Scene
from tests.world import owned_channel, owner


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Telegram's limit of twenty a minute would make each test wait; that it is kept is tested in tests/posting."""
    monkeypatch.setattr("app.telegram.budget.STEP_CHAT_MS", 1)
    monkeypatch.setattr("app.telegram.budget.STEP_ALL_MS", 1)
    monkeypatch.setattr("app.telegram.budget.MOST_A_MINUTE", 10_000)


def begin(scene: Scene, **wish: Any) -> Rebuild:
    asked = Wish(**({"channel": scene.new.public_id, "language": "en"} | wish))
    return rebuilding.start(
        scene.who.workspace.id, scene.archive.public_id, asked, user_id=scene.who.user.id, now=clock.utcnow()
    )


def now_is(rebuild: Rebuild) -> Rebuild:
    return Rebuild.get(Rebuild.workspace == rebuild.workspace, Rebuild.id == rebuild.id)  # type: ignore[no-any-return]


def step(rebuild: Rebuild) -> bool:
    return advancing.advance(now_is(rebuild), now=clock.utcnow())


def run(scene: Scene, rebuild: Rebuild, *, most: int = 100) -> None:
    """The jobs process and the lane in turns, until nothing moves."""
    quiet = 0
    for _ in range(most):
        moved = step(rebuild)
        sent = run_lane(scene.line, run_s=0.05, folder=scene.folder)
        quiet = 0 if moved or sent.sent else quiet + 1
        if quiet > 1:
            return


def texts(scene: Scene, count: int) -> None:
    for number in range(count):
        scene.told(text=f"Post {number}")
    scene.fill()


def published(scene: Scene) -> list[str]:
    return [what.text.split("\n")[0] for _, chat_id, what in scene.line.sent if chat_id == NEW_ID]


def notices() -> list[str]:
    return [row[0] for row in db.rows("SELECT template FROM notice ORDER BY id")]


def with_bot(scene: Scene) -> None:
    telegram.register(
        scene.runtime.sealer, token=f"{BOT_ID}:secret", username="our_bot", updates="polling", now=clock.utcnow()
    )


def kept_posts(scene: Scene) -> list[ArchivedPost]:
    mine = ArchivedPost.select().where(ArchivedPost.workspace == scene.who.workspace.id)
    return list(mine.order_by(ArchivedPost.posted_at))


def test_all_of_it_goes_out_in_order_with_its_dates(scene: Scene) -> None:
    with_bot(scene)
    texts(scene, 3)
    scene.told(media_group_id="9", caption="Album", **scene.photo("a"))
    scene.told(media_group_id="9", **scene.photo("b", shade=9))
    scene.fill()
    rebuild = begin(scene)
    run(scene, rebuild)
    assert published(scene) == ["Post 0", "Post 1", "Post 2", "Album"]
    notes = [what.text.rpartition("\n")[2] for _, _, what in scene.line.sent]
    assert notes == [note_of(post.posted_at, language="en", zone="Asia/Tashkent") for post in kept_posts(scene)]
    assert notes[0].startswith("First published 5 Jan 2026, 1")  # 14:30 in Tashkent, and a second for each message told
    album = scene.line.sent[-1][2]
    assert album.kind == "album" and len(album.media) == 2 and album.is_silent
    row = now_is(rebuild)
    assert (row.state, row.total) == ("done", 4) and notices() == ["rebuild_done"]
    assert queries.progress_of(scene.who.workspace.id, rebuild.public_id).out == 4


def test_never_two_posts_are_on_their_way(scene: Scene) -> None:
    texts(scene, 3)
    rebuild = begin(scene)
    assert step(rebuild)
    assert not step(rebuild) and not step(rebuild)
    open_ones = db.row("SELECT COUNT(*) FROM due_action WHERE state IN ('waiting', 'claimed', 'busy')")
    assert open_ones == (1,)


def test_a_worker_that_read_before_the_other_ended_hands_nothing_twice(scene: Scene) -> None:
    texts(scene, 2)
    rebuild = begin(scene)
    read_by_both = advancing.next_of(rebuild)
    assert read_by_both is not None
    with db.write():
        assert advancing.hand(now_is(rebuild), read_by_both, now=clock.utcnow())
    with db.write():
        assert not advancing.hand(now_is(rebuild), read_by_both, now=clock.utcnow())
    run(scene, rebuild)
    assert published(scene) == ["Post 0", "Post 1"]


def test_without_the_unique_row_the_same_post_would_go_out_twice(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """The harm: the same two workers, and nothing but what they read guards."""
    texts(scene, 2)
    rebuild = begin(scene)
    db.execute("DROP INDEX rebuild_post_rebuild_id_archived_id")
    monkeypatch.setattr(advancing, "_TAKE", advancing._TAKE.partition(" ON CONFLICT")[0])
    read_by_both = advancing.next_of(rebuild)
    assert read_by_both is not None
    with db.write():
        assert [advancing.hand(now_is(rebuild), read_by_both, now=clock.utcnow()) for _ in range(2)] == [True, True]
    run(scene, rebuild)
    assert published(scene).count("Post 0") == 2


def test_four_workers_at_once_hand_each_post_once(scene: Scene) -> None:
    texts(scene, 12)
    rebuild = begin(scene)
    is_over = threading.Event()

    def work() -> None:
        while not is_over.is_set():
            step(rebuild)
        db.database.close()

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    try:
        for _ in range(400):
            run_lane(scene.line, run_s=0.05, folder=scene.folder)
            if now_is(rebuild).state == "done":
                break
            time.sleep(0.03)
    finally:
        is_over.set()
        for worker in workers:
            worker.join()
    assert published(scene) == [f"Post {number}" for number in range(12)]
    assert db.row("SELECT COUNT(*) FROM rebuild_post") == (12,)


@pytest.mark.parametrize("place", ["app.posting.service.writing.freeze", "app.posting.service.scheduling.put_on"])
def test_a_step_that_breaks_off_leaves_nothing_and_is_taken_again(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    def breaks(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    texts(scene, 2)
    rebuild = begin(scene)
    with monkeypatch.context() as patched:
        patched.setattr(place, breaks)
        with pytest.raises(KeyboardInterrupt):
            step(rebuild)
    assert db.row("SELECT COUNT(*) FROM rebuild_post") == (0,) == db.row("SELECT COUNT(*) FROM authored_post")
    run(scene, rebuild)
    assert published(scene) == ["Post 0", "Post 1"]


def test_paused_nothing_goes_and_resumed_it_goes_on(scene: Scene) -> None:
    texts(scene, 4)
    rebuild = begin(scene)
    mine = (scene.who.workspace.id, rebuild.public_id)
    step(rebuild)
    rebuilding.pause(*mine, user_id=scene.who.user.id, now=clock.utcnow())
    run(scene, rebuild)
    assert published(scene) == ["Post 0"], "what the lane had may come out"
    rebuilding.go_on(*mine, user_id=scene.who.user.id, now=clock.utcnow())
    run(scene, rebuild)
    assert published(scene) == [f"Post {number}" for number in range(4)]
    with pytest.raises(Conflict):
        rebuilding.pause(*mine, user_id=scene.who.user.id, now=clock.utcnow())


def test_stopped_it_stays_stopped(scene: Scene) -> None:
    texts(scene, 3)
    rebuild = begin(scene)
    step(rebuild)
    run_lane(scene.line, run_s=0.05, folder=scene.folder)
    rebuilding.stop(scene.who.workspace.id, rebuild.public_id, user_id=scene.who.user.id, now=clock.utcnow())
    run(scene, rebuild)
    assert published(scene) == ["Post 0"] and now_is(rebuild).state == "stopped"
    assert advancing.active() == []


def test_a_right_that_is_lost_in_the_middle_holds_it_up_and_tells(scene: Scene) -> None:
    with_bot(scene)
    texts(scene, 4)
    rebuild = begin(scene)
    step(rebuild)
    run_lane(scene.line, run_s=0.05, folder=scene.folder)
    may_post(scene.new, can=False)
    run(scene, rebuild)
    row = now_is(rebuild)
    assert (row.state, row.reason) == ("stuck", "no_right") and notices() == ["rebuild_stuck"]
    for _ in range(3):
        assert not step(rebuild)
    assert notices() == ["rebuild_stuck"], "once, and not each time it looks"
    may_post(scene.new)
    run(scene, rebuild)
    assert published(scene) == [f"Post {number}" for number in range(4)]
    assert notices() == ["rebuild_stuck", "rebuild_done"]


def test_a_post_that_is_held_in_the_channel_holds_up_those_after_it(scene: Scene) -> None:
    """Telegram itself says that the bot may not post: the post waits in the lane, and nothing overtakes it."""

    def refuses(_chat: int, what: Outgoing) -> None:
        raise refusal("Bad Request: need administrator rights in the channel chat")

    texts(scene, 3)
    rebuild = begin(scene)
    step(rebuild)
    scene.line.before = refuses
    run(scene, rebuild)
    assert now_is(rebuild).state == "stuck" and published(scene) == []
    scene.line.before = lambda _chat, _what: None
    run(scene, rebuild)
    assert published(scene) == [] and now_is(rebuild).state == "stuck"
    rebuilding.go_on(scene.who.workspace.id, rebuild.public_id, user_id=scene.who.user.id, now=clock.utcnow())
    run(scene, rebuild)
    assert published(scene) == ["Post 0", "Post 1", "Post 2"]


def test_a_refused_post_is_left_out_and_said_so(scene: Scene) -> None:
    def refuses(_chat: int, what: Outgoing) -> None:
        if what.text.startswith("Post 1"):
            raise refusal("Bad Request: message is too odd")

    texts(scene, 3)
    scene.line.before = refuses
    rebuild = begin(scene)
    run(scene, rebuild)
    assert published(scene) == ["Post 0", "Post 2"] and now_is(rebuild).state == "done"
    (unsent,) = queries.unsent_of(rebuild)
    assert unsent.words == "Post 1" and "too odd" in unsent.reason
    progress = queries.progress_of(scene.who.workspace.id, rebuild.public_id)
    assert (progress.out, progress.failed, progress.percent) == (2, 1, 100)


def test_many_refusals_in_a_row_wait_for_people(scene: Scene) -> None:
    def refuses(_chat: int, _what: Outgoing) -> None:
        raise refusal("Bad Request: nothing pleases us")

    with_bot(scene)
    texts(scene, 8)
    scene.line.before = refuses
    rebuild = begin(scene)
    run(scene, rebuild)
    row = now_is(rebuild)
    assert (row.state, row.reason, row.failures) == ("stuck", "many_failed", advancing.MOST_FAILURES)
    assert notices() == ["rebuild_stuck"]
    scene.line.before = lambda _chat, _what: None
    rebuilding.go_on(scene.who.workspace.id, rebuild.public_id, user_id=scene.who.user.id, now=clock.utcnow())
    run(scene, rebuild)
    assert published(scene) == [f"Post {number}" for number in range(5, 8)]


def test_the_plans_posts_of_the_month_hold_it_up_until_there_are_more(scene: Scene) -> None:
    texts(scene, 3)
    rebuild = begin(scene)
    allow = "UPDATE plan_limit SET amount = ? WHERE plan_id = 'network' AND key = 'posts'"
    db.execute(allow, 2)
    run(scene, rebuild)
    assert (now_is(rebuild).state, now_is(rebuild).reason) == ("stuck", "plan")
    assert published(scene) == ["Post 0", "Post 1"]
    db.execute(allow, None)
    run(scene, rebuild)
    assert published(scene) == ["Post 0", "Post 1", "Post 2"] and now_is(rebuild).state == "done"


def test_a_channel_that_the_plan_has_no_room_for_holds_it_up(scene: Scene) -> None:
    texts(scene, 2)
    rebuild = begin(scene)
    put_on_plan(scene.who.workspace.id, "free", now=clock.utcnow())
    run(scene, rebuild)
    assert (now_is(rebuild).state, now_is(rebuild).reason) == ("stuck", "over_plan") and published(scene) == []


def test_a_post_that_somebody_called_off_is_passed_over(scene: Scene) -> None:
    texts(scene, 2)
    rebuild = begin(scene)
    step(rebuild)
    (public_id,) = db.row("SELECT public_id FROM authored_post") or ("",)
    scheduling.cancel(scene.who.workspace.id, public_id, user_id=scene.who.user.id, now=clock.utcnow())
    run(scene, rebuild)
    assert published(scene) == ["Post 1"]
    assert [one.state for one in queries.unsent_of(rebuild)] == ["skipped"]


def test_an_unknown_outcome_waits_for_who_knows(scene: Scene) -> None:
    texts(scene, 2)
    rebuild = begin(scene)
    step(rebuild)
    db.execute("UPDATE due_action SET state = ?", posting.UNCONFIRMED)
    assert not step(rebuild) and now_is(rebuild).state == "running"
    run_reserved(scene)
    db.execute("UPDATE delivery SET state = ?, asked_at = ?", posting.UNKNOWN, db.stamp(clock.utcnow()))
    db.execute("UPDATE due_action SET state = ?", posting.UNCONFIRMED)
    step(rebuild)
    assert (now_is(rebuild).state, now_is(rebuild).reason) == ("stuck", "asked")
    db.execute("UPDATE due_action SET state = ?", posting.DONE)
    step(rebuild)
    assert now_is(rebuild).state == "running"


def run_reserved(scene: Scene) -> None:
    """The lane took the post, so that it has a delivery."""
    db.execute("UPDATE due_action SET state = ?", posting.WAITING)
    run_lane(scene.line, run_s=0.05, folder=scene.folder)


def test_posts_that_were_archived_later_and_deleted_ones_are_not_of_it(scene: Scene) -> None:
    texts(scene, 3)
    first = ArchivedPost.get(ArchivedPost.workspace == scene.who.workspace.id)
    db.execute("UPDATE archived_post SET deleted_at = ? WHERE id = ?", db.stamp(clock.utcnow()), first.id)
    rebuild = begin(scene)
    texts(scene, 1)
    run(scene, rebuild)
    assert len(published(scene)) == 2
    assert now_is(rebuild).state == "done"


def test_a_file_that_was_deleted_meanwhile_does_not_hold_it_up(scene: Scene) -> None:
    scene.told(caption="Words", **scene.photo("p1"))
    scene.told(**scene.photo("p2", shade=5))
    scene.fill()
    rebuild = begin(scene)
    db.execute("UPDATE media_file SET deleted_at = ?", db.stamp(clock.utcnow()))
    run(scene, rebuild)
    assert [what.kind for _, _, what in scene.line.sent] == ["message"] and published(scene) == ["Words"]
    (unsent,) = queries.unsent_of(rebuild)
    assert "Nothing of this post" in unsent.reason


def test_what_may_not_be_begun_is_refused_in_words(scene: Scene) -> None:
    with pytest.raises(Invalid, match="no post in this archive"):
        begin(scene)
    texts(scene, 1)
    with pytest.raises(Invalid, match="Choose another one"):
        begin(scene, channel=scene.old.public_id)
    with pytest.raises(Invalid, match="one of your channels"):
        begin(scene, channel="x" * 22)
    with pytest.raises(Invalid, match="language"):
        begin(scene, language="xx")
    may_post(scene.new, can=False)
    with pytest.raises(Invalid, match="may not post"):
        begin(scene)
    may_post(scene.new)
    begin(scene)
    with pytest.raises(Conflict):
        begin(scene)
    with pytest.raises(Conflict):
        switching.ask_to_erase(
            scene.who.workspace.id, scene.archive.public_id, user_id=scene.who.user.id, now=clock.utcnow()
        )


def test_others_channels_archives_and_rebuilds_are_not_there(scene: Scene) -> None:
    texts(scene, 1)
    rebuild = begin(scene)
    other = owner("Bek", telegram_user_id=43, now=clock.utcnow())
    theirs = owned_channel(other, "Theirs", telegram_chat_id=-1009, now=clock.utcnow())
    may_post(theirs)
    with pytest.raises(Invalid):
        begin(scene, channel=theirs.public_id)
    with pytest.raises(NotFound):
        rebuilding.start(
            other.workspace.id,
            scene.archive.public_id,
            Wish(theirs.public_id, "en"),
            user_id=other.user.id,
            now=clock.utcnow(),
        )
    for change in (rebuilding.pause, rebuilding.go_on, rebuilding.stop):
        with pytest.raises(NotFound):
            change(other.workspace.id, rebuild.public_id, user_id=other.user.id, now=clock.utcnow())
    with pytest.raises(NotFound):
        queries.progress_of(other.workspace.id, rebuild.public_id)
    assert queries.rebuilds_of(other.workspace.id) == [] == queries.archives_of(other.workspace.id)


def test_the_job_goes_on_by_itself_and_waits_for_a_lease_that_a_killed_process_left(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts(scene, 2)
    rebuild = begin(scene)
    with db.write():
        until = db.stamp(clock.utcnow() + timedelta(seconds=0.6))
        db.execute("INSERT INTO lease (name, holder, until) VALUES (?, 'dead', ?)", jobs.REBUILD_LEASE, until)
    monkeypatch.setattr(jobs, "_RETRY_S", 0.1)
    monkeypatch.setattr(jobs, "_IDLE_S", 0.05)
    worker = threading.Thread(target=lambda: (jobs.rebuild(run_s=20), db.database.close()))
    worker.start()
    try:
        for _ in range(300):
            run_lane(scene.line, run_s=0.05, folder=scene.folder)
            if now_is(rebuild).state == "done":
                break
            time.sleep(0.03)
    finally:
        worker.join(30)
    assert published(scene) == ["Post 0", "Post 1"]
    assert db.row("SELECT 1 FROM lease WHERE name = ?", jobs.REBUILD_LEASE) is None


def test_a_rebuild_that_breaks_us_waits_and_the_others_go_on(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError

    texts(scene, 1)
    rebuild = begin(scene)
    with monkeypatch.context() as patched:
        patched.setattr(advancing, "hand", breaks)
        assert not jobs.step(now_is(rebuild))
    assert (now_is(rebuild).state, now_is(rebuild).reason) == ("stuck", "defect")
    assert not jobs.step(now_is(rebuild)), "it waits for people"
    rebuilding.go_on(scene.who.workspace.id, rebuild.public_id, user_id=scene.who.user.id, now=clock.utcnow())
    run(scene, rebuild)
    assert published(scene) == ["Post 0"]


def test_rows_of_posts_are_bound_to_their_workspace(scene: Scene) -> None:
    texts(scene, 1)
    rebuild = begin(scene)
    step(rebuild)
    assert RebuildPost.select().where(RebuildPost.workspace == scene.who.workspace.id).count() == 1
    assert Archive.select().where(Archive.workspace == scene.who.workspace.id + 1).count() == 0


def told_only(scene: Scene) -> None:
    """What is told is taken up, and no file comes yet."""
    filling.fill(scene.kept(), is_over=lambda: False, now=clock.utcnow())


def test_it_waits_for_files_that_are_on_their_way_and_goes_on_by_itself(scene: Scene) -> None:
    with_bot(scene)
    scene.told(caption="Picture", **scene.photo("slow"))
    scene.told(text="After it")
    told_only(scene)
    rebuild = begin(scene)
    run(scene, rebuild)
    assert (now_is(rebuild).state, now_is(rebuild).reason) == ("stuck", "files") and published(scene) == []
    assert notices() == [], "it ends without people"
    assert scene.fill() == 1
    run(scene, rebuild)
    assert published(scene) == ["Picture", "After it"] and now_is(rebuild).state == "done"
    assert [len(what.media) for _, _, what in scene.line.sent] == [1, 0]


def test_files_without_room_hold_it_up_and_that_is_told(scene: Scene) -> None:
    with_bot(scene)
    scene.told(caption="Picture", **scene.photo("slow"))
    told_only(scene)
    rebuild = begin(scene)
    run(scene, rebuild)
    db.execute("UPDATE archive SET reason = 'no_room'")
    run(scene, rebuild)
    assert now_is(rebuild).reason == "no_room" and notices() == ["rebuild_stuck"]


def test_an_archive_that_is_switched_off_still_gets_the_files_that_a_rebuild_waits_for(scene: Scene) -> None:
    scene.told(caption="Picture", **scene.photo("slow"))
    told_only(scene)
    switching.switch_off(scene.who.workspace.id, scene.archive.public_id, user_id=scene.who.user.id, now=clock.utcnow())
    assert filling.on_archives() == []
    rebuild = begin(scene)
    assert [one.id for one in filling.on_archives()] == [scene.archive.id]
    scene.told(text="Not of it")
    assert scene.fill() == 1
    run(scene, rebuild)
    assert published(scene) == ["Picture"] and queries.whole_of(scene.kept()).posts == 1


def test_a_file_that_is_gone_since_makes_its_post_one_without_some_of_its_files(scene: Scene) -> None:
    scene.told(caption="Words", **scene.photo("p1"))
    scene.fill()
    assert queries.whole_of(scene.kept()).whole == 1
    rebuild = begin(scene)
    db.execute("UPDATE media_file SET deleted_at = ?", db.stamp(clock.utcnow()))
    run(scene, rebuild)
    whole = queries.whole_of(scene.kept())
    assert (whole.whole, whole.partly, whole.files) == (0, 1, {"kept": 0, "gone": 1})
    progress = queries.progress_of(scene.who.workspace.id, rebuild.public_id)
    assert (progress.out, progress.without_files) == (1, 1)


def test_watermarks_that_are_used_up_are_told_apart_from_posts(scene: Scene) -> None:
    scene.told(caption="One", **scene.photo("p1"))
    scene.fill()
    typed = watermarks.Typed(text="@mine", channels=[scene.new.public_id])
    watermarks.save(scene.who.workspace.id, None, typed, user_id=scene.who.user.id, now=clock.utcnow())
    db.execute("UPDATE plan_limit SET amount = 0 WHERE plan_id = 'network' AND key = 'watermarks'")
    rebuild = begin(scene)
    run(scene, rebuild)
    assert (now_is(rebuild).state, now_is(rebuild).reason) == ("stuck", "watermarks")
    db.execute("UPDATE plan_limit SET amount = NULL WHERE plan_id = 'network' AND key = 'watermarks'")
    assert step(rebuild) and now_is(rebuild).state == "running"


def test_a_post_with_more_new_custom_emoji_than_a_month_allows_goes_out_with_plain_ones(scene: Scene) -> None:
    """It would wait for ever, and all after it."""
    kinds = [{"type": "custom_emoji", "offset": 2 * n, "length": 2, "custom_emoji_id": str(8000 + n)} for n in range(2)]
    scene.told(text="👍👍 hi", entities=kinds)
    scene.told(text="after")
    scene.fill()
    db.execute("UPDATE plan_limit SET amount = 1 WHERE plan_id = 'network' AND key = 'custom_emoji'")
    rebuild = begin(scene)
    run(scene, rebuild)
    assert now_is(rebuild).state == "done"
    assert [text.partition("\n")[0] for text in published(scene)] == ["👍👍 hi", "after"]
    assert db.row("SELECT COALESCE(SUM(used), 0) FROM usage_counter WHERE key = 'custom_emoji'") == (0,)


def test_custom_emoji_that_were_typed_in_telegram_count_against_the_plan(scene: Scene) -> None:
    for emoji_id in ("7001", "7001", "7002"):
        entity = {"type": "custom_emoji", "offset": 0, "length": 2, "custom_emoji_id": emoji_id}
        scene.told(text="👍 well done", entities=[entity])
    scene.fill()
    db.execute("UPDATE plan_limit SET amount = 1 WHERE plan_id = 'network' AND key = 'custom_emoji'")
    rebuild = begin(scene)
    run(scene, rebuild)
    assert (now_is(rebuild).state, now_is(rebuild).reason) == ("stuck", "custom_emoji")
    assert len(published(scene)) == 2, "one new emoji, twice"
    assert db.row("SELECT used FROM usage_counter WHERE key = 'custom_emoji'") == (1,)
    db.execute("UPDATE plan_limit SET amount = 2 WHERE plan_id = 'network' AND key = 'custom_emoji'")
    run(scene, rebuild)
    assert now_is(rebuild).state == "done" and len(published(scene)) == 3
    mine = scene.who.workspace.id
    assert db.row("SELECT COUNT(*) FROM palette_emoji WHERE workspace_id = ? AND removed_at IS NULL", mine) == (0,)


def disconnected(scene: Scene, channel: Channel) -> None:
    connect.disconnect(scene.who.workspace.id, channel.public_id, actor="user:1", now=clock.utcnow())


def test_a_target_that_is_connected_again_is_found_by_its_chat(scene: Scene) -> None:
    texts(scene, 3)
    rebuild = begin(scene)
    step(rebuild)
    run_lane(scene.line, run_s=0.05, folder=scene.folder)
    disconnected(scene, scene.new)
    run(scene, rebuild)
    assert now_is(rebuild).reason == "channel_gone"
    again = owned_channel(scene.who, "New", telegram_chat_id=NEW_ID, now=clock.utcnow())
    assert again.id != scene.new.id
    with pytest.raises(Conflict):
        begin(scene, channel=again.public_id)
    run(scene, rebuild)
    assert published(scene) == ["Post 0", "Post 1", "Post 2"] and now_is(rebuild).state == "done"


def test_a_post_that_waits_at_the_lost_row_of_its_channel_goes_on_at_the_new_one(scene: Scene) -> None:
    texts(scene, 2)
    rebuild = begin(scene)
    step(rebuild)
    disconnected(scene, scene.new)
    run(scene, rebuild)
    assert (now_is(rebuild).state, now_is(rebuild).reason, published(scene)) == ("stuck", "not_connected", [])
    owned_channel(scene.who, "New", telegram_chat_id=NEW_ID, now=clock.utcnow())
    run(scene, rebuild)
    assert published(scene) == ["Post 0", "Post 1"] and now_is(rebuild).state == "done"


def test_a_picture_that_was_sent_as_a_file_is_a_file_in_its_album(scene: Scene) -> None:
    scene.photo("a")
    scene.files.bytes_of["pdf"] = b"%PDF-1.4\n%%EOF\n"
    for file_id, name in (("a", "plan.png"), ("pdf", "price.pdf")):
        document = {"file_id": file_id, "file_unique_id": f"u{file_id}", "file_size": 900, "file_name": name}
        scene.told(media_group_id="9", document=document)
    scene.fill()
    kinds = "SELECT kind FROM media_file ORDER BY kind"
    assert db.rows(kinds) == [("document",), ("photo",)], "by its bytes one is a picture"
    db.execute(
        "INSERT INTO media_copy (media_id, workspace_id, bot_id, state, file_id, attempts, wanted_at)"
        " SELECT id, workspace_id, ?, 'ready', 'id-of-a-photo', 0, created_at FROM media_file WHERE kind = 'photo'",
        BOT_ID,
    )
    rebuild = begin(scene)
    run(scene, rebuild)
    ((_, _, album),) = scene.line.sent
    assert [one.kind for one in album.media] == ["document", "document"]
    assert all(one.path and not one.file_id for one in album.media), "an id of a photo serves no file"
    assert now_is(rebuild).state == "done"


def test_a_post_that_was_moved_by_hand_is_told_and_holds_up_the_rest(scene: Scene) -> None:
    with_bot(scene)
    texts(scene, 2)
    rebuild = begin(scene)
    step(rebuild)
    post = AuthoredPost.get(AuthoredPost.workspace == scene.who.workspace.id)
    ref = channel_of(scene.who.workspace.id, scene.new.public_id)
    assert ref is not None
    for due_at in (clock.utcnow() + timedelta(days=300), clock.utcnow()):
        with db.write():
            scheduling.put_on(post, scheduling.Plan([ref], due_at), user_id=scene.who.user.id, now=clock.utcnow())
        run(scene, rebuild, most=3)
        if due_at > clock.utcnow():
            assert (now_is(rebuild).reason, notices(), published(scene)) == ("moved", ["rebuild_stuck"], [])
    run(scene, rebuild)
    assert published(scene) == ["Post 0", "Post 1"]


def test_an_end_says_how_many_were_left_out(scene: Scene) -> None:
    texts(scene, 3)
    rebuild = begin(scene)
    last = db.row("SELECT MAX(id) FROM archived_post") or (0,)
    db.execute("UPDATE archived_post SET deleted_at = ? WHERE id = ?", db.stamp(clock.utcnow()), last[0])
    assert queries.progress_of(scene.who.workspace.id, rebuild.public_id).left_out == 0, "it is not over"
    run(scene, rebuild)
    progress = queries.progress_of(scene.who.workspace.id, rebuild.public_id)
    assert (progress.out, progress.left_out, progress.row.state) == (2, 1, "done")


def test_polls_count_twice_since_their_date_is_a_message_of_its_own(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.told(poll={"question": "Q?", "options": [{"text": "a"}, {"text": "b"}], "type": "regular"})
    scene.told(text='It says "poll": 1')
    scene.fill()
    rebuild = begin(scene)
    with monkeypatch.context() as patched:
        patched.setattr("app.telegram.budget.MOST_A_MINUTE", 1)
        contents = queries.contents_of(scene.kept(), has_deleted=False)
        assert (contents.sendable, contents.polls, contents.seconds) == (2, 1, queries.seconds_for(3))
        assert queries.progress_of(scene.who.workspace.id, rebuild.public_id).seconds == queries.seconds_for(3)
    run(scene, rebuild)
    assert [what.kind for _, _, what in scene.line.sent] == ["message", "poll", "message"]
