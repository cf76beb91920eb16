"""Every change of a post at any moment, also against its own sending: the ledger tells one story."""

from __future__ import annotations

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from app.boot import Runtime
from app.channels.models import Channel
from app.core import clock, db
from app.core.errors import AppError
from app.posting.models import AuthoredPost
from app.posting.service import claims, lanes, ledger, resolving, scheduling, senders, sweeping, writing
from app.telegram.outgoing import Outgoing
from tests.posting.authored import (
    BOT_ID,
    ScriptedLine,
    actions,
    deliveries,
    log,
    may_post,
    refusal,
    run_lane,
    scheduled,
    silence,
    text,
)
from tests.world import Owner


def _edit(who: Owner, post: AuthoredPost, words: str) -> None:
    now = clock.utcnow()
    with db.write():
        held = writing.held(who.workspace.id, post.public_id)
        if writing.freeze(held, text(words), {}, user_id=who.user.id, now=now):
            scheduling.correct(held, now=now)
            writing.touch(held, now=now)


def test_a_cancelled_post_is_not_sent(who: Owner, news: Channel, line: ScriptedLine) -> None:
    post = scheduled(who, text("Hello"), news, delete_after_s=60)
    scheduling.cancel(who.workspace.id, post.public_id, user_id=who.user.id, now=clock.utcnow())
    run_lane(line)
    assert line.sent == [] and {row[1] for row in actions(post)} == {"cancelled"}


def test_a_cancel_between_claim_and_intent_wins(who: Owner, news: Channel) -> None:
    post = scheduled(who, text("Hello"), news)
    sender_id = senders.ensure_sender(BOT_ID, now=clock.utcnow())
    epoch = lanes.begin(sender_id, now=clock.utcnow())
    (claimed,) = claims.claim(sender_id, BOT_ID, epoch, most=5, now=clock.utcnow())
    scheduling.cancel(who.workspace.id, post.public_id, user_id=who.user.id, now=clock.utcnow())
    assert ledger.begin(claimed, BOT_ID, epoch, now=clock.utcnow()) is None


def test_a_cancel_while_it_is_being_sent_takes_it_down_at_once(who: Owner, news: Channel, line: ScriptedLine) -> None:
    def cancel_meanwhile(_chat: int, _what: Outgoing) -> None:
        scheduling.cancel(who.workspace.id, post.public_id, user_id=who.user.id, now=clock.utcnow())

    post = scheduled(who, text("Hello"), news)
    line.before = cancel_meanwhile
    run_lane(line)
    assert line.texts == ["Hello"] and line.calls == [("delete", -1001, 100)]
    assert [row[:2] for row in actions(post)] == [("publish", "done"), ("delete", "done")]


def test_a_cancelled_post_that_proves_not_to_be_there_is_not_sent_again(
    who: Owner, news: Channel, line: ScriptedLine
) -> None:
    def cancel_and_hang_up(_chat: int, _what: Outgoing) -> None:
        scheduling.cancel(who.workspace.id, post.public_id, user_id=who.user.id, now=clock.utcnow())
        raise silence()

    post = scheduled(who, text("Hello"), news)
    line.before = cancel_and_hang_up
    run_lane(line)
    (delivery_id,) = db.row("SELECT id FROM delivery WHERE state = 'unknown'") or (0,)
    resolving.send_again(who.workspace.id, delivery_id, user_id=who.user.id, now=clock.utcnow())
    run_lane(line)
    assert line.sent == []
    assert [row[:2] for row in actions(post)] == [("publish", "cancelled"), ("delete", "cancelled")]


def test_an_edit_before_the_intent_is_what_goes_out(who: Owner, news: Channel, line: ScriptedLine) -> None:
    post = scheduled(who, text("first"), news)
    sender_id = senders.ensure_sender(BOT_ID, now=clock.utcnow())
    epoch = lanes.begin(sender_id, now=clock.utcnow())
    claims.claim(sender_id, BOT_ID, epoch, most=5, now=clock.utcnow())
    _edit(who, post, "second")
    run_lane(line)
    assert line.texts == ["second"] and line.calls == []


def test_an_edit_while_it_is_being_sent_or_later_is_made_to_the_message(
    who: Owner, news: Channel, line: ScriptedLine
) -> None:
    post = scheduled(who, text("first"), news)

    def edit_meanwhile(_chat: int, _what: Outgoing) -> None:
        line.before = lambda _chat, _what: None
        _edit(who, post, "second")

    line.before = edit_meanwhile
    run_lane(line)
    assert line.texts == ["first"] and line.calls == [("edit", -1001, 100, "second")]
    _edit(who, post, "third")
    run_lane(line)
    assert line.calls[-1] == ("edit", -1001, 100, "third")


def test_what_changes_a_posts_shape_after_it_is_out_is_refused_with_a_reason(
    who: Owner, news: Channel, line: ScriptedLine
) -> None:
    post = scheduled(who, text("first"), news)
    run_lane(line)
    with db.write():
        db.execute("DELETE FROM delivery_message")
    _edit(who, post, "second")
    run_lane(line)
    kind, state, reason = actions(post)[-1]
    assert (kind, state) == ("edit", "failed") and "do this in Telegram" in reason


def test_a_move_to_another_time_takes_the_claim_away(who: Owner, news: Channel, line: ScriptedLine) -> None:
    post = scheduled(who, text("Hello"), news)
    later = clock.utcnow() + timedelta(hours=1)
    refs = scheduling.refs_of(who.workspace.id, post)
    with db.write():
        held = writing.held(who.workspace.id, post.public_id)
        scheduling.put_on(held, scheduling.Plan(refs, later), user_id=who.user.id, now=clock.utcnow())
    report = run_lane(line)
    assert line.sent == [] and report.next_ready_at == later


def test_the_owners_word_settles_an_unconfirmed_post(who: Owner, news: Channel, line: ScriptedLine) -> None:
    def hang_up(_chat: int, _what: Outgoing) -> None:
        raise silence()

    line.before = hang_up
    post = scheduled(who, text("Hello"), news)
    run_lane(line)
    (delivery_id,) = db.row("SELECT id FROM delivery") or (0,)
    resolving.it_is_there(who.workspace.id, delivery_id, user_id=who.user.id, now=clock.utcnow())
    assert deliveries(post) == [(0, "sent", None)] and actions(post)[0][1] == "done"
    with pytest.raises(AppError):
        resolving.send_again(who.workspace.id, delivery_id, user_id=who.user.id, now=clock.utcnow())


def test_another_workspace_cannot_settle_it(who: Owner, news: Channel, line: ScriptedLine) -> None:
    def hang_up(_chat: int, _what: Outgoing) -> None:
        raise silence()

    line.before = hang_up
    scheduled(who, text("Hello"), news)
    run_lane(line)
    (delivery_id,) = db.row("SELECT id FROM delivery") or (0,)
    with pytest.raises(AppError):
        resolving.it_is_there(who.workspace.id + 1, delivery_id, user_id=who.user.id, now=clock.utcnow())


def test_of_two_edits_that_run_at_once_the_newest_words_stand(who: Owner, news: Channel, line: ScriptedLine) -> None:
    """The older call arrives last: whoever made it looks once more."""
    post = scheduled(who, text("first"), news)
    run_lane(line)
    plain = line.edit

    def overtaken(chat_id: int, message_id: int, what: Outgoing) -> None:
        if what.text == "older" and not line.calls:
            _edit(who, post, "newer")
            line.calls.append(("edit", chat_id, message_id, "newer"))  # what the other one did meanwhile
            with db.write():
                db.execute("UPDATE due_action SET state = 'done' WHERE kind = 'edit' AND state = 'waiting'")
        plain(chat_id, message_id, what)

    line.edit = overtaken  # type: ignore[method-assign]
    _edit(who, post, "older")
    run_lane(line, run_s=0.5)
    assert [call[3] for call in line.calls][:3] == ["newer", "older", "newer"] and _what_stands(line) == "newer"


@pytest.mark.parametrize("seed", range(4))
def test_twenty_people_who_change_one_post_while_it_is_sent_leave_one_story(
    seed: int, runtime: Runtime, who: Owner, news: Channel, line: ScriptedLine
) -> None:
    """Edits, cancels and moves at once, some against the call itself. Whatever wins, ledger, actions and chat agree."""
    dice = random.Random(seed)
    post = scheduled(who, text("first"), news)
    line.slow_s = 0.05
    begin = threading.Barrier(21)

    def change(number: int) -> None:
        kind, wait_s = dice.choice(("edit", "cancel", "move")), dice.uniform(0, 0.15)
        with db.database.connection_context():
            begin.wait()
            threading.Event().wait(wait_s)
            if kind == "edit":
                _edit(who, post, f"words {number}")
            elif kind == "cancel":
                scheduling.cancel(who.workspace.id, post.public_id, user_id=who.user.id, now=clock.utcnow())
            else:
                refs = scheduling.refs_of(who.workspace.id, post)
                with db.write():
                    held = writing.held(who.workspace.id, post.public_id)
                    plan = scheduling.Plan(refs, clock.utcnow())
                    scheduling.put_on(held, plan, user_id=who.user.id, now=clock.utcnow())

    def lane() -> None:
        with db.database.connection_context():
            begin.wait()
            run_lane(line, run_s=3.0)

    with ThreadPoolExecutor(21) as pool:
        list(pool.map(lambda job: job(), [lambda n=n: change(n) for n in range(20)] + [lane]))
    run_lane(line, run_s=5.0)
    _one_story(post, line)


def _one_story(post: AuthoredPost, line: ScriptedLine) -> None:
    assert len(line.sent) <= 1
    states = {kind: state for kind, state, _ in actions(post)}
    told = log(post)
    if line.sent:
        assert deliveries(post) == [(0, "sent", None)] and told.count("sent") == 1
        assert states["publish"] == "done"
    else:
        assert all(row[1] == "reserved" for row in deliveries(post)) and states["publish"] == "cancelled"
    assert not {"waiting", "claimed", "busy", "after"} & set(states.values())
    stands = _what_stands(line)
    newest = writing.newest(post.id)
    assert newest is not None
    (public_state,) = db.row("SELECT state FROM authored_post WHERE id = ?", post.id) or ("",)
    if stands is not None and public_state != "cancelled":
        assert stands == newest.content["base"]["blocks"][0]["spans"][0]["text"]


def _what_stands(line: ScriptedLine) -> str | None:
    """The words of the message in the chat after every call, None when there is none."""
    words = line.sent[0][2].text if line.sent else None
    for name, *given in line.calls:
        words = None if name == "delete" else given[2] if name == "edit" else words
    return words


def test_what_is_sent_once_more_is_a_delivery_of_its_own_and_is_taken_down_with_the_first(
    who: Owner, news: Channel, line: ScriptedLine
) -> None:
    post = scheduled(who, text("Hello"), news, repost_after_s=1)
    run_lane(line, run_s=4.0)
    assert line.texts == ["Hello", "Hello"]
    assert [row[:2] for row in actions(post)] == [("publish", "done"), ("repost", "done")]
    assert db.rows("SELECT slot, state FROM delivery ORDER BY slot") == [(0, "sent"), (1, "sent")]
    scheduling.take_down(who.workspace.id, post.public_id, user_id=who.user.id, now=clock.utcnow())
    run_lane(line)
    assert sorted(line.calls) == [("delete", -1001, 100), ("delete", -1001, 101)]


def test_a_post_called_off_while_telegram_refuses_the_bot_is_not_resumed_with_the_others(
    who: Owner, news: Channel, line: ScriptedLine
) -> None:
    def cancel_and_refuse(_chat: int, _what: Outgoing) -> None:
        scheduling.cancel(who.workspace.id, post.public_id, user_id=who.user.id, now=clock.utcnow())
        raise refusal("Bad Request: need administrator rights in the channel chat")

    post = scheduled(who, text("Hello"), news)
    line.before = cancel_and_refuse
    run_lane(line)
    assert {row[1] for row in actions(post)} == {"cancelled"}
    line.before = lambda _chat, _what: None
    assert scheduling.resume(who.workspace.id, news.id, user_id=who.user.id, now=clock.utcnow()) == 0
    run_lane(line)
    assert line.sent == []


def test_a_resumed_post_keeps_its_time_and_an_overdue_one_gets_a_promise(
    who: Owner, news: Channel, line: ScriptedLine
) -> None:
    now = clock.utcnow()
    may_post(news, can=False)
    scheduled(who, text("overdue"), news, at=now - timedelta(minutes=8), now=now - timedelta(minutes=8))
    scheduled(who, text("next week"), news, at=now + timedelta(days=7))
    assert sweeping.sweep(now=now).blocked == 2
    may_post(news)
    assert scheduling.resume(who.workspace.id, news.id, user_id=who.user.id, now=now) == 2
    assert sweeping.violations(now=now) == 0
    run_lane(line)
    assert line.texts == ["overdue"]
    assert db.row("SELECT eta_at FROM due_action WHERE state = 'waiting'") == (None,)


def test_losing_the_right_to_post_does_not_keep_what_is_out_from_being_deleted(
    who: Owner, news: Channel, line: ScriptedLine
) -> None:
    scheduled(who, text("Hello"), news, delete_after_s=1)
    run_lane(line, run_s=0.5)
    may_post(news, can=False)
    sweeping.sweep(now=clock.utcnow())
    run_lane(line, run_s=4.0)
    assert line.calls == [("delete", -1001, 100)]
