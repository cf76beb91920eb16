"""What comes into an archive: of each post its words with their looks, its files, and in words what is not there."""

from __future__ import annotations

import io
import json
import threading
import time
from datetime import timedelta
from typing import Any

import pytest
from peewee import PeeweeException

from app.billing.service.limits import put_on_plan
from app.channels.service import connect
from app.core import clock, db, inbox
from app.core.errors import Conflict, LimitReached, NotFound, Upstream
from app.media.models import MediaFile
from app.media.service import content, keep, library, room
from app.posting.content import markup, tree
from app.posting.content.blocks import Button, Content, Media, Poll
from app.posting.service import collecting
from app.protection.archive import queries
from app.protection.archive.models import Archive, ArchivedFile, ArchivedPost
from app.protection.archive.service import fetching, filling, switching
from app.protection.archive.states import EMPTY, LOOKS, PARTLY, WAITING, WHOLE, WORDS
from app.readings import service as readings
from app.readings.collectors.base import hash_text
from app.readings.service import updates
from app.telegram import large
from tests.media.files import picture
from tests.posting.authored import BOT_ID, run_lane, scheduled
from tests.protection.archive.conftest import FIRST_AT, OLD_ID, Scene
from tests.world import owned_channel, owner


def posts_of(scene: Scene) -> list[ArchivedPost]:
    mine = ArchivedPost.select().where(ArchivedPost.workspace == scene.who.workspace.id)
    return list(mine.order_by(ArchivedPost.posted_at, ArchivedPost.message_id))


def files_of(scene: Scene) -> list[ArchivedFile]:
    mine = ArchivedFile.select().where(ArchivedFile.workspace == scene.who.workspace.id)
    return list(mine.order_by(ArchivedFile.place, ArchivedFile.id))


def said(post: ArchivedPost) -> Content:
    return tree.from_json(post.content)


def test_words_keep_their_looks_and_a_file_comes_into_the_library(scene: Scene) -> None:
    entities = [
        {"type": "bold", "offset": 0, "length": 3},
        {"type": "text_link", "offset": 4, "length": 3, "url": "https://a.example"},
    ]
    scene.told(caption="New day", caption_entities=entities, **scene.photo("p1"))
    assert scene.fill() == 1
    (post,) = posts_of(scene)
    (file,) = files_of(scene)
    assert markup.write(said(post).blocks) == "**New** [day](https://a.example/)"
    assert (post.state, post.files, post.missing, file.state) == (WHOLE, 1, 0, "kept")
    kept = MediaFile.get(MediaFile.workspace == scene.who.workspace.id, MediaFile.public_id == file.file)
    assert kept.kind == "photo" and kept.size == len(scene.files.bytes_of["p1"])


def test_buttons_polls_and_options_are_kept(scene: Scene) -> None:
    keys = {"inline_keyboard": [[{"text": "Go", "url": "https://a.example"}, {"text": "Vote", "callback_data": "x"}]]}
    scene.told(text="See", reply_markup=keys, link_preview_options={"is_disabled": True})
    poll = {
        "question": "Which?",
        "options": [{"text": "A"}, {"text": "B"}],
        "type": "regular",
        "allows_multiple_answers": True,
    }
    scene.told(poll=poll)
    scene.told(new_chat_title="Another title")
    scene.fill()
    first, second = posts_of(scene)
    assert said(first).buttons == ((Button("Go", "https://a.example"),),)
    assert said(first).options.preview == "off"
    assert said(second).poll == Poll("Which?", ("A", "B"), is_multiple=True)
    assert {first.state, second.state} == {WHOLE}


def test_an_album_is_one_post_in_its_order(scene: Scene) -> None:
    first = scene.told(media_group_id="9", caption="Three", **scene.photo("a"))
    for name in "bc":
        scene.told(media_group_id="9", **scene.photo(name, shade=ord(name)))
    assert scene.fill() == 3
    (post,) = posts_of(scene)
    assert (post.message_id, post.files, post.state) == (first, 3, WHOLE)
    assert [file.unique_id for file in files_of(scene)] == ["ua", "ub", "uc"]
    assert markup.write(said(post).blocks) == "Three"


def test_an_edit_takes_the_place_and_an_older_telling_does_not(scene: Scene) -> None:
    message_id = scene.told(text="First")
    scene.fill()
    at = int(FIRST_AT.timestamp()) + 500
    scene.told(message_id=message_id, text="Third", edit_date=at + 2, edited=True)
    scene.told(message_id=message_id, text="Second", edit_date=at, edited=True)
    scene.fill()
    (post,) = posts_of(scene)
    assert markup.write(said(post).blocks) == "Third"


def test_filling_twice_changes_nothing_and_fetches_nothing_twice(scene: Scene) -> None:
    scene.told(caption="One", **scene.photo("p1"))
    scene.told(caption="Again", photo=[{"file_id": "p1-later", "file_unique_id": "up1", "file_size": 9}])
    scene.fill()
    row = scene.kept()
    db.execute("UPDATE archive SET seen_id = 0, told_id = 0, looked_at = NULL WHERE id = ?", row.id)
    before = [(post.id, post.content, post.state) for post in posts_of(scene)]
    assert scene.fill() == 0
    assert [(post.id, post.content, post.state) for post in posts_of(scene)] == before
    assert sorted(scene.files.asked) in (["p1"], ["p1", "p1-later"])  # the second has the bytes of the first
    assert db.row("SELECT COUNT(*) FROM media_file") == (1,)


def test_a_turn_that_is_over_goes_on_where_it_stopped(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filling, "_BATCH", 2)
    for number in range(5):
        scene.told(text=f"Post {number}")
    looks = iter([False, True, True, True])
    filling.fill(scene.kept(), is_over=lambda: next(looks), now=clock.utcnow())
    assert len(posts_of(scene)) == 2 and scene.kept().looked_at is None
    scene.fill()
    assert [markup.write(said(post).blocks) for post in posts_of(scene)] == [f"Post {number}" for number in range(5)]


@pytest.mark.parametrize(
    ("message", "state"),
    [
        ({"video": {"file_id": "v", "file_unique_id": "uv", "file_size": 30 * 2**20}}, "too_big"),
        ({"photo": [{"file_id": "unknown", "file_unique_id": "uu"}]}, "gone"),
    ],
)
def test_a_file_that_cannot_be_had_is_said_so_and_the_words_stay(
    scene: Scene, message: dict[str, Any], state: str
) -> None:
    scene.told(caption="Words", **message)
    scene.told(**message | {"message_id": 777})
    scene.fill()
    first, second = posts_of(scene)
    assert (first.state, second.state) in ((PARTLY, EMPTY), (EMPTY, PARTLY))
    whole = queries.whole_of(scene.kept())
    assert (whole.partly, whole.empty, whole.files[state]) == (1, 1, 2)


def test_silence_is_tried_again_later(scene: Scene) -> None:
    def fails(_id: str) -> None:
        raise Upstream("Telegram did not answer.")

    scene.told(**scene.photo("p1"))
    scene.files.before = fails
    assert scene.fill() == 0
    (post,) = posts_of(scene)
    assert post.state == WAITING and files_of(scene)[0].not_before is not None
    scene.files.before = lambda _id: None
    later = clock.utcnow() + timedelta(minutes=1)
    desk = fetching.Desk(lambda _bot: scene.files, scene.folder, lambda: False)
    assert fetching.fetch(scene.kept(), desk, now=later) == 1


def test_with_no_room_left_the_archive_rests_and_says_so(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise LimitReached("full", code="limit_media_mb")

    scene.told(caption="Words", **scene.photo("p1"))
    with monkeypatch.context() as patched:
        patched.setattr(room, "require", full)
        assert scene.fill() == 0
    row = scene.kept()
    assert row.reason == "no_room" and row.rest_until is not None
    assert scene.fill() == 0 and not scene.files.asked
    desk = fetching.Desk(lambda _bot: scene.files, scene.folder, lambda: False)
    assert fetching.fetch(row, desk, now=row.rest_until + timedelta(seconds=1)) == 1
    assert scene.kept().reason is None


def test_the_plans_room_is_respected(scene: Scene) -> None:
    put_on_plan(scene.who.workspace.id, "free", now=clock.utcnow())
    limit = room.room_of(scene.who.workspace.id, now=clock.utcnow()).limit
    assert limit is not None
    kept = keep(scene.who.workspace.id, io.BytesIO(b"x"), "x", data_dir=scene.folder, user_id=1, now=clock.utcnow())
    db.execute("UPDATE media_file SET size = ? WHERE id = ?", limit - 1, kept.id)
    scene.told(caption="Words", **scene.photo("p1"))
    assert scene.fill() == 0
    assert scene.kept().reason == "no_room" and not scene.files.asked


def test_what_was_written_here_is_whole_at_once(scene: Scene) -> None:
    now = clock.utcnow()
    who = scene.who
    kept = keep(
        who.workspace.id, io.BytesIO(picture("PNG")), "a.png", data_dir=scene.folder, user_id=who.user.id, now=now
    )
    scheduled(who, Content(markup.parse("**Ours**"), media=(Media("photo", kept.public_id),)), scene.old)
    run_lane(scene.line, folder=scene.folder)
    collecting.collect_sent(now=clock.utcnow())
    scene.fill()
    (post,) = posts_of(scene)
    assert (post.source, post.state, post.files) == ("authored", WHOLE, 1)
    assert files_of(scene)[0].file == kept.public_id and not scene.files.asked
    scene.fill()
    assert len(posts_of(scene)) == 1


def test_posts_from_before_are_known_by_their_words_or_named_as_missing(scene: Scene) -> None:
    now = clock.utcnow()
    facts = [
        readings.PostFacts(900, now - timedelta(days=200), media="photo", text_length=5, text_hash=hash_text("Older")),
        readings.PostFacts(901, now - timedelta(days=199), text_length=5, text_hash=hash_text("Words"), text="Words"),
        readings.PostFacts(902, now - timedelta(days=198), is_service=True),
    ]
    for one in facts:
        updates.note_post(OLD_ID, one, bot_id=BOT_ID, update_id=1, now=now)
    scene.fill()
    first, second = posts_of(scene)
    assert (first.flaw, first.state, first.missing) == (WORDS, EMPTY, 1)
    assert (second.flaw, second.state, markup.write(said(second).blocks)) == (LOOKS, PARTLY, "Words")
    whole = queries.whole_of(scene.kept())
    assert (whole.flaws, whole.files["unseen"]) == ({WORDS: 1, LOOKS: 1}, 1)


def test_a_post_that_was_deleted_in_the_channel_says_so(scene: Scene) -> None:
    message_id = scene.told(text="Gone soon")
    scene.fill()
    ids = readings.record_posts(scene.old.chat, [readings.PostFacts(message_id, FIRST_AT)])
    db.execute("UPDATE post SET deleted_at = ? WHERE id = ?", db.stamp(clock.utcnow()), ids[message_id])
    scene.fill()
    assert posts_of(scene)[0].deleted_at is not None
    assert queries.contents_of(scene.kept(), has_deleted=False).sendable == 0
    assert queries.contents_of(scene.kept(), has_deleted=True).sendable == 1


def test_only_the_own_channel_and_bot_are_read(scene: Scene) -> None:
    other = owner("Bek", telegram_user_id=43, now=clock.utcnow())
    theirs = owned_channel(other, "Theirs", telegram_chat_id=-1009, now=clock.utcnow())
    body = {"message_id": 1, "date": 1_700_000_000, "text": "Theirs"}
    now = clock.utcnow() - timedelta(minutes=1)
    inbox.store(BOT_ID, [{"update_id": 1, "channel_post": body | {"chat": {"id": -1009}}}], now=now)
    inbox.store(99, [{"update_id": 1, "channel_post": body | {"chat": {"id": OLD_ID}}}], now=now)
    scene.told(text="Mine")
    scene.fill()
    assert [markup.write(said(post).blocks) for post in posts_of(scene)] == ["Mine"]
    with pytest.raises(NotFound):
        switching.switch_on(other.workspace.id, scene.old.public_id, user_id=other.user.id, now=now)
    with pytest.raises(NotFound):
        switching.archive_of(other.workspace.id, scene.archive.public_id)
    assert theirs.workspace == other.workspace.id


def test_a_channel_that_is_not_ours_any_more_keeps_its_archive(scene: Scene) -> None:
    scene.told(text="Before")
    scene.fill()
    db.execute("UPDATE channel SET deleted_at = ? WHERE id = ?", db.stamp(clock.utcnow()), scene.old.id)
    scene.told(text="After")
    scene.fill()
    assert len(posts_of(scene)) == 1
    assert [row.title for row in queries.archives_of(scene.who.workspace.id)] == ["Old"]


def test_the_trash_keeps_files_of_an_archive(scene: Scene) -> None:
    scene.told(**scene.photo("p1"))
    scene.fill()
    (file,) = files_of(scene)
    month_ago = clock.utcnow() - timedelta(days=31)
    db.execute("UPDATE media_file SET trashed_at = ? WHERE public_id = ?", db.stamp(month_ago), file.file)
    assert library.empty_trash(scene.runtime.uses, data_dir=scene.folder, now=clock.utcnow()) == 0
    switching.ask_to_erase(
        scene.who.workspace.id, scene.archive.public_id, user_id=scene.who.user.id, now=clock.utcnow()
    )
    assert switching.erase_some() > 0
    assert library.empty_trash(scene.runtime.uses, data_dir=scene.folder, now=clock.utcnow()) == 1


def test_an_erased_archive_leaves_nothing_and_can_begin_anew(scene: Scene) -> None:
    scene.told(text="Words")
    scene.fill()
    mine = (scene.who.workspace.id, scene.archive.public_id)
    switching.ask_to_erase(*mine, user_id=scene.who.user.id, now=clock.utcnow())
    with pytest.raises(Conflict):
        switching.switch_on(mine[0], scene.old.public_id, user_id=scene.who.user.id, now=clock.utcnow())
    switching.erase_some()
    assert not posts_of(scene) and db.row("SELECT COUNT(*) FROM archive") == (0,)
    again = switching.switch_on(mine[0], scene.old.public_id, user_id=scene.who.user.id, now=clock.utcnow())
    assert again.public_id != mine[1]


def test_a_content_that_is_kept_can_be_read_back(scene: Scene) -> None:
    """The stored document is posting's own form, whatever Telegram sends around it."""
    scene.told(text="a\u2028b 👍", entities=[{"type": "mention", "offset": 0, "length": 1}])
    scene.fill()
    (stored,) = db.row("SELECT content FROM archived_post") or ("{}",)
    assert tree.to_json(tree.from_json(json.loads(stored))) == json.loads(stored)
    assert Archive.select().where(Archive.workspace == scene.who.workspace.id).count() == 1


def test_a_file_that_was_emptied_from_the_trash_counts_as_gone(scene: Scene) -> None:
    now = clock.utcnow()
    who = scene.who
    kept = keep(
        who.workspace.id, io.BytesIO(picture("PNG")), "a.png", data_dir=scene.folder, user_id=who.user.id, now=now
    )
    scheduled(who, Content(markup.parse("Ours"), media=(Media("photo", kept.public_id),)), scene.old)
    run_lane(scene.line, folder=scene.folder)
    db.execute("UPDATE media_file SET deleted_at = ?", db.stamp(now))
    for _ in range(2):
        scene.fill()
        whole = queries.whole_of(scene.kept())
        assert (whole.whole, whole.partly, whole.files) == (0, 1, {"kept": 0, "gone": 1})


def test_a_file_that_is_emptied_later_is_seen_to_be_gone(scene: Scene) -> None:
    scene.told(**scene.photo("p1"))
    scene.fill()
    assert queries.whole_of(scene.kept()).whole == 1
    db.execute("UPDATE media_file SET deleted_at = ?", db.stamp(clock.utcnow()))
    scene.fill()
    assert (queries.whole_of(scene.kept()).empty, files_of(scene)[0].state) == (1, "gone")


def test_settings_that_are_wrong_lose_no_file(scene: Scene) -> None:
    """A server with --local whose folder we cannot see: tried again for as long as it takes."""

    def fails(_id: str) -> None:
        large.place_of(None, "/var/lib/telegram-bot-api/1:x/photos/file_0.jpg")

    scene.told(**scene.photo("p1"))
    scene.files.before = fails
    now = clock.utcnow()
    desk = fetching.Desk(lambda _bot: scene.files, scene.folder, lambda: False)
    filling.fill(scene.kept(), is_over=lambda: False, now=now)
    for turn in range(12):
        assert fetching.fetch(scene.kept(), desk, now=now + timedelta(minutes=11 * turn)) == 0
    (file,) = files_of(scene)
    assert file.state == "wanted" and len(scene.files.asked) == 12
    assert "TELEGRAM_LOCAL_FILES" in queries.whole_of(scene.kept()).why_wanted
    scene.files.before = lambda _id: None
    assert fetching.fetch(scene.kept(), desk, now=now + timedelta(days=1)) == 1


def test_a_server_of_ones_own_hands_out_larger_files(scene: Scene) -> None:
    film = {"file_id": "v", "file_unique_id": "uv", "file_size": 30 * 2**20}
    scene.told(video=film)
    scene.fill()
    assert files_of(scene)[0].state == "too_big" and not scene.files.asked
    assert filling.most_bytes(is_local_server=False) == 20 * 2**20
    bound = filling.most_bytes(is_local_server=True)
    assert bound == content.MOST_LOCAL_BYTES
    filling.fill(scene.kept(), is_over=lambda: False, most_bytes=bound, now=clock.utcnow())
    assert files_of(scene)[0].state == "wanted" and posts_of(scene)[0].state == WAITING
    scene.fill()
    assert files_of(scene)[0].state == "too_big" and not scene.files.asked, "the server is gone: Telegram is not asked"


def test_what_telegram_itself_calls_too_large_is_asked_for_once(scene: Scene) -> None:
    def fails(_id: str) -> None:
        raise Upstream("Bad Request: file is too big", permanent=True)

    scene.told(video={"file_id": "v", "file_unique_id": "uv", "file_size": 20 * 2**20})
    scene.files.before = fails
    for _ in range(3):
        scene.fill()
    assert files_of(scene)[0].state == "too_big" and scene.files.asked == ["v"]


def test_a_file_that_does_not_fit_keeps_smaller_ones_from_nothing(scene: Scene) -> None:
    """The harm without that: a film larger than the plan's room keeps every picture out for good."""
    put_on_plan(scene.who.workspace.id, "free", now=clock.utcnow())
    limit = room.room_of(scene.who.workspace.id, now=clock.utcnow()).limit
    assert limit is not None
    scene.told(caption="Words", **scene.photo("p1"))
    scene.told(video={"file_id": "v", "file_unique_id": "uv", "file_size": limit + 1})  # newer: it has the first turn
    row = scene.kept()
    filling.fill(row, is_over=lambda: False, most_bytes=content.MOST_LOCAL_BYTES, now=clock.utcnow())
    desk = fetching.Desk(lambda _bot: scene.files, scene.folder, lambda: False, content.MOST_LOCAL_BYTES)
    assert fetching.fetch(row, desk, now=clock.utcnow()) == 1 and scene.files.asked == ["p1"]
    assert [one.state for one in files_of(scene)] == ["kept", "wanted"]
    assert scene.kept().reason == "no_room" and scene.kept().rest_until is not None


def test_a_large_file_on_its_way_is_left_to_who_fetches_it(scene: Scene) -> None:
    def another_turn(_id: str) -> None:
        scene.files.before = lambda _again: None
        assert fetching.fetch(scene.kept(), desk, now=now + timedelta(minutes=3)) == 1

    now = clock.utcnow()
    large_one = {"file_id": "v", "file_unique_id": "uv", "file_size": 300_000_000}
    scene.told(**scene.photo("p1"))
    scene.told(video=large_one)
    scene.files.bytes_of["v"] = b"a film"
    filling.fill(scene.kept(), is_over=lambda: False, most_bytes=content.MOST_LOCAL_BYTES, now=now)
    desk = fetching.Desk(lambda _bot: scene.files, scene.folder, lambda: False, content.MOST_LOCAL_BYTES)
    scene.files.before = another_turn
    assert fetching.fetch(scene.kept(), desk, now=now) == 1
    assert scene.files.asked == ["v", "p1"] and {one.state for one in files_of(scene)} == {"kept"}


def test_switched_on_by_many_at_once_it_is_one_archive(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = switching._of_chat

    def slowly(workspace_id: int, chat_id: int) -> Archive | None:
        found = looks(workspace_id, chat_id)
        time.sleep(0.05)  # without the turn that each takes, all have looked by then and found none
        return found

    monkeypatch.setattr(switching, "_of_chat", slowly)
    made, errors, gate = [], [], threading.Barrier(6)

    def press() -> None:
        gate.wait()
        try:
            row = switching.switch_on(
                scene.who.workspace.id, scene.new.public_id, user_id=scene.who.user.id, now=clock.utcnow()
            )
            made.append(row.public_id)
        except PeeweeException as error:
            errors.append(error)
        finally:
            db.database.close()

    presses = [threading.Thread(target=press) for _ in range(6)]
    for one in presses:
        one.start()
    for one in presses:
        one.join()
    assert errors == [] and len(made) == 6 and len(set(made)) == 1


def test_an_archive_goes_on_with_the_channels_new_row(scene: Scene) -> None:
    def listed() -> list[tuple[str, bool]]:
        return [(row.title, row.is_connected) for row in queries.archives_of(scene.who.workspace.id)]

    scene.told(text="Before")
    scene.fill()
    assert listed() == [("Old", True)]
    connect.disconnect(scene.who.workspace.id, scene.old.public_id, actor="user:1", now=clock.utcnow())
    assert listed() == [("Old", False)] and queries.channel_of_archive(scene.kept()) == ""
    again = owned_channel(scene.who, "Old", telegram_chat_id=OLD_ID, now=clock.utcnow())
    scene.told(text="After")
    scene.fill()
    assert len(posts_of(scene)) == 2 and listed() == [("Old", True)]
    assert queries.channel_of_archive(scene.kept()) == again.public_id
    assert [title for _, title in queries.without_archive(scene.who.workspace.id)] == ["New"]
    same = switching.switch_on(scene.who.workspace.id, again.public_id, user_id=scene.who.user.id, now=clock.utcnow())
    assert same.public_id == scene.archive.public_id


def out_of_here(scene: Scene, content: Content) -> int:
    """A post that was written here and is out; returns its message's id."""
    scheduled(scene.who, content, scene.old)
    run_lane(scene.line, folder=scene.folder)
    (number,) = db.row("SELECT MIN(message_id) FROM delivery_message") or (0,)
    return int(number)


@pytest.mark.parametrize("is_archived_first", [True, False])
def test_a_post_written_here_that_is_corrected_in_telegram_has_the_new_words_and_its_files(
    scene: Scene, is_archived_first: bool
) -> None:
    now, who = clock.utcnow(), scene.who
    kept = keep(
        who.workspace.id, io.BytesIO(picture("PNG")), "a.png", data_dir=scene.folder, user_id=who.user.id, now=now
    )
    number = out_of_here(scene, Content(markup.parse("Costs 100"), media=(Media("photo", kept.public_id),)))
    if is_archived_first:
        scene.fill()
    at = int(now.timestamp())
    again = {"message_id": number, "edited": True, **scene.photo("same")}
    scene.told(caption="Costs 99", edit_date=at - 60, **again)
    scene.told(caption="Costs 200", edit_date=at + 60, **again)
    for _ in range(2):
        scene.fill()
        (post,) = posts_of(scene)
        assert markup.write(said(post).blocks) == "Costs 200"
        assert (post.source, [file.file for file in files_of(scene)]) == ("authored", [kept.public_id])


def test_a_caption_that_is_removed_from_an_album_goes_from_the_archive(scene: Scene) -> None:
    first = scene.told(media_group_id="9", caption="Old words", **scene.photo("a"))
    second = scene.told(media_group_id="9", **scene.photo("b", shade=9))
    scene.fill()
    at = int(FIRST_AT.timestamp()) + 500
    scene.told(message_id=second, edited=True, edit_date=at, media_group_id="9", **scene.photo("c", shade=3))
    scene.fill()
    assert markup.write(said(posts_of(scene)[0]).blocks) == "Old words", "it was not the one with the words"
    scene.told(message_id=first, edited=True, edit_date=at + 1, media_group_id="9", **scene.photo("a"))
    scene.fill()
    (post,) = posts_of(scene)
    assert (said(post).blocks, post.files) == ((), 2)


def album(scene: Scene) -> tuple[int, int]:
    """Two photos, the words at the first; returns their messages."""
    first = scene.told(media_group_id="9", caption="Old words", **scene.photo("a"))
    return first, scene.told(media_group_id="9", **scene.photo("b", shade=9))


def edited(scene: Scene, message_id: int, photo: str, second: int, **caption: str) -> None:
    at = int(FIRST_AT.timestamp()) + 500 + second
    scene.told(message_id=message_id, edited=True, edit_date=at, media_group_id="9", **scene.photo(photo), **caption)


def words(scene: Scene) -> str:
    (post,) = posts_of(scene)
    return markup.write(said(post).blocks)


@pytest.mark.parametrize("at", [(1, 1), (1, 2), (2, 1)])
@pytest.mark.parametrize("is_added_first", [True, False])
def test_a_caption_that_moves_within_an_album_is_where_it_is_now(
    scene: Scene, is_added_first: bool, at: tuple[int, int]
) -> None:
    """By whatever telling comes first: the message that has the words now, or the one that has lost them."""
    first, second = album(scene)
    moves = [(second, "b", {"caption": "New words"}), (first, "a", {})]
    for (message_id, photo, caption), when in zip(moves if is_added_first else moves[::-1], at, strict=True):
        edited(scene, message_id, photo, when, **caption)
        scene.fill()
    assert words(scene) == "New words"
    edited(scene, second, "b", 9)
    scene.fill()
    assert words(scene) == "", "the message that has them may lose them too"


def test_an_older_telling_of_a_message_brings_its_words_not_back(scene: Scene) -> None:
    first, _ = album(scene)
    edited(scene, first, "a", 5, caption="Newest")
    edited(scene, first, "a", 4, caption="Older")
    scene.fill()
    assert words(scene) == "Newest"


def test_an_album_that_was_kept_before_captions_were_has_the_newest_words(scene: Scene) -> None:
    _, second = album(scene)
    scene.fill()
    db.execute("UPDATE archived_post SET captions = NULL")
    edited(scene, second, "b", 1, caption="New words")
    scene.fill()
    assert words(scene) == "New words"


@pytest.mark.parametrize("filled_before", [{0, 1, 2}, {1, 2}, {2}], ids=str)
@pytest.mark.parametrize("is_added_first", [True, False])
def test_words_of_an_album_written_here_that_move_in_telegram_stay(
    scene: Scene, is_added_first: bool, filled_before: set[int]
) -> None:
    now, who = clock.utcnow(), scene.who
    kept = [
        keep(who.workspace.id, io.BytesIO(picture("PNG", shade=n)), "a.png", data_dir=scene.folder, user_id=1, now=now)
        for n in range(2)
    ]
    media = tuple(Media("photo", one.public_id) for one in kept)
    first = out_of_here(scene, Content(markup.parse("Costs 100"), media=media))
    if 0 in filled_before:
        scene.fill()
    at = int(now.timestamp()) + 60
    moves: list[dict[str, Any]] = [{"message_id": first + 1, "caption": "Costs 200"}, {"message_id": first}]
    for number, move in enumerate(moves if is_added_first else moves[::-1], 1):
        scene.told(edited=True, edit_date=at, media_group_id="9", **move, **scene.photo("same"))
        if number in filled_before:
            scene.fill()
    assert words(scene) == "Costs 200"
    scene.fill()
    assert words(scene) == "Costs 200"
    assert [file.file for file in files_of(scene)] == [one.public_id for one in kept]


@pytest.mark.parametrize("is_archived_first", [True, False])
def test_a_picture_that_is_replaced_in_an_album_written_here_takes_no_words(
    scene: Scene, is_archived_first: bool
) -> None:
    now, who = clock.utcnow(), scene.who
    kept = [
        keep(who.workspace.id, io.BytesIO(picture("PNG", shade=n)), "a.png", data_dir=scene.folder, user_id=1, now=now)
        for n in range(2)
    ]
    first = out_of_here(
        scene, Content(markup.parse("Ours"), media=tuple(Media("photo", one.public_id) for one in kept))
    )
    if is_archived_first:
        scene.fill()
    at = int(now.timestamp()) + 60
    scene.told(edited=True, edit_date=at, media_group_id="9", message_id=first + 1, **scene.photo("other"))
    scene.fill()
    assert words(scene) == "Ours"
