"""One attempt of a lane: what it sends, in which order, and what it leaves behind when something goes wrong."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.channels.models import Channel
from app.core import clock, db
from app.posting.content.blocks import Content, Options
from app.posting.service import lanes, scheduling, senders
from app.telegram import budget
from app.telegram.outgoing import Outgoing
from tests.posting.authored import (
    BOT_ID,
    ScriptedLine,
    actions,
    deliveries,
    log,
    may_post,
    no_connection,
    refusal,
    run_lane,
    scheduled,
    silence,
    text,
    wait_error,
)
from tests.world import Owner, owned_channel, owner


def test_a_due_post_goes_out_once_and_its_message_is_known(who: Owner, news: Channel, line: ScriptedLine) -> None:
    post = scheduled(who, text("**Hello** 👋"), news)
    report = run_lane(line)
    assert (report.sent, report.backlog, report.next_ready_at) == (1, 0, None)
    assert line.texts == ["Hello 👋"]
    assert line.sent[0][2].entities == ({"type": "bold", "offset": 0, "length": 5},)
    assert deliveries(post) == [(0, "sent", None)]
    assert actions(post) == [("publish", "done", None)]
    assert log(post) == ["reserved", "sending", "sent"]
    assert db.row("SELECT address, message_id FROM delivery_message") == ("-1001", 100)
    run_lane(line)
    assert len(line.sent) == 1


def test_it_waits_for_the_moment_inside_the_attempt(who: Owner, news: Channel, line: ScriptedLine) -> None:
    due = clock.utcnow() + timedelta(seconds=1.2)
    scheduled(who, text("in a moment"), news, at=due)
    run_lane(line)
    (sent_at,) = db.row("SELECT begun_at FROM delivery") or (None,)
    assert db.moment(sent_at) >= due


def test_nothing_near_ends_the_attempt_at_once(who: Owner, news: Channel, line: ScriptedLine) -> None:
    due = clock.utcnow() + timedelta(hours=3)
    scheduled(who, text("later"), news, at=due)
    report = run_lane(line)
    assert (report.sent, report.next_ready_at) == (0, due)


@pytest.mark.parametrize(
    ("failure", "delivery", "action"),
    [
        (refusal("Bad Request: message is too long"), "rejected", "failed"),
        (refusal("Bad Request: need administrator rights in the channel chat"), "reserved", "blocked"),
        (silence(), "unknown", "unconfirmed"),
    ],
)
def test_what_a_failure_means(
    failure: Exception, delivery: str, action: str, who: Owner, news: Channel, line: ScriptedLine
) -> None:
    def fail(_chat: int, _what: Outgoing) -> None:
        raise failure

    line.before = fail
    post = scheduled(who, text("Hello"), news)
    run_lane(line)
    assert [row[1] for row in deliveries(post)] == [delivery]
    assert [row[1] for row in actions(post)] == [action]
    asked = db.rows("SELECT key FROM outbox WHERE topic = 'posting.resolve'")
    assert bool(asked) == (delivery == "unknown")


def test_a_wait_that_telegram_asks_for_is_obeyed_and_the_post_goes_out_after_it(
    who: Owner, news: Channel, line: ScriptedLine
) -> None:
    left = [wait_error(1.0)]

    def fail_once(_chat: int, _what: Outgoing) -> None:
        if left:
            raise left.pop()

    line.before = fail_once
    post = scheduled(who, text("Hello"), news)
    run_lane(line)
    assert [row[1] for row in deliveries(post)] == ["sent"]
    until = budget.blocked_until(BOT_ID)
    (begun_at,) = db.row("SELECT begun_at FROM delivery") or (None,)
    assert until is not None and db.moment(begun_at) >= until
    assert log(post) == ["reserved", "sending", "put_back", "sending", "sent"]


def test_a_refused_connection_is_tried_again_since_nothing_can_have_arrived(
    who: Owner, news: Channel, line: ScriptedLine
) -> None:
    left = [no_connection()]

    def fail_once(_chat: int, _what: Outgoing) -> None:
        if left:
            raise left.pop()

    line.before = fail_once
    post = scheduled(who, text("Hello"), news)
    run_lane(line)
    assert [row[1] for row in deliveries(post)] == ["sent"] and len(line.sent) == 1


def test_what_was_being_sent_when_the_worker_ended_is_unknown_and_not_sent_again(
    who: Owner, news: Channel, line: ScriptedLine
) -> None:
    post = scheduled(who, text("Hello"), news)
    with db.write():
        db.execute("UPDATE due_action SET state = 'busy'")
        db.execute(
            "INSERT INTO delivery (workspace_id, post_id, target_id, slot, part, revision_id, sender_id, address, state,"
            " epoch, tries, resends, begun_at) SELECT t.workspace_id, t.post_id, t.id, 0, 0, r.id, t.sender_id, t.address,"
            " 'sending', 0, 1, 0, ? FROM post_target t JOIN post_revision r ON r.post_id = t.post_id",
            db.stamp(clock.utcnow()),
        )
    run_lane(line)
    assert line.sent == []
    assert deliveries(post)[0][1] == "unknown" and actions(post)[0][1] == "unconfirmed"


def test_an_attempt_of_an_older_epoch_cannot_send(who: Owner, news: Channel, line: ScriptedLine) -> None:
    """The zombie claimed, then another attempt began: its claim is worth nothing any more."""
    from app.posting.service import claims, ledger

    scheduled(who, text("Hello"), news)
    sender_id = senders.ensure_sender(BOT_ID, now=clock.utcnow())
    old = lanes.begin(sender_id, now=clock.utcnow())
    (claimed,) = claims.claim(sender_id, BOT_ID, old, most=5, now=clock.utcnow())
    new = lanes.begin(sender_id, now=clock.utcnow())
    assert ledger.begin(claimed, BOT_ID, old, now=clock.utcnow()) is None
    (again,) = claims.claim(sender_id, BOT_ID, new, most=5, now=clock.utcnow())
    assert isinstance(ledger.begin(again, BOT_ID, new, now=clock.utcnow()), ledger.Attempt)
    assert claims.claim(sender_id, BOT_ID, old, most=5, now=clock.utcnow()) == []


def test_a_channel_without_the_right_is_blocked_until_somebody_resumes(
    who: Owner, news: Channel, line: ScriptedLine
) -> None:
    may_post(news, can=False)
    post = scheduled(who, text("Hello"), news)
    run_lane(line)
    assert actions(post) == [("publish", "blocked", "no_right")] and line.sent == []
    may_post(news)
    run_lane(line)
    assert line.sent == []
    assert scheduling.resume(who.workspace.id, news.id, user_id=who.user.id, now=clock.utcnow()) == 1
    run_lane(line)
    assert line.texts == ["Hello"]


def test_an_album_with_buttons_is_two_messages_in_order(who: Owner, news: Channel, line: ScriptedLine) -> None:
    first = scheduled(who, text("one"), news)
    run_lane(line)
    content = Content(text("two").blocks, options=Options(is_silent=True))
    second = scheduled(who, content, news, is_pinned=True, delete_after_s=1)
    run_lane(line)
    assert line.texts == ["one", "two"] and line.sent[1][2].is_silent
    assert [row[:2] for row in actions(second)] == [("publish", "done"), ("pin", "done"), ("delete", "done")]
    assert line.calls == [("pin", -1001, 101), ("delete", -1001, 101)]
    assert deliveries(first) == [(0, "sent", None)]


def test_a_small_workspace_is_not_starved_by_a_big_one(who: Owner, line: ScriptedLine) -> None:
    many = [owned_channel(who, f"Big{n}", telegram_chat_id=-2000 - n, now=clock.utcnow()) for n in range(5)]
    small_owner = owner("Bobur", telegram_user_id=43, now=clock.utcnow())
    small = owned_channel(small_owner, "Small", telegram_chat_id=-3001, now=clock.utcnow())
    may_post(*many, small)
    earlier = clock.utcnow() - timedelta(seconds=30)
    for n in range(200):
        scheduled(who, text(f"big {n}"), many[n % 5], at=earlier, now=earlier)
    scheduled(small_owner, text("small"), small)
    run_lane(line, run_s=2.0)
    assert "small" in line.texts[:3]


def test_forty_posts_in_one_channel_keep_its_limit_and_know_their_time(
    who: Owner, news: Channel, line: ScriptedLine
) -> None:
    other = owned_channel(who, "Other", telegram_chat_id=-1002, now=clock.utcnow())
    may_post(other)
    for n in range(40):
        scheduled(who, text(f"post {n}"), news)
    scheduled(who, text("elsewhere"), other)
    run_lane(line, run_s=4.0)
    begun = db.rows("SELECT begun_at FROM delivery WHERE address = '-1001' AND begun_at IS NOT NULL ORDER BY begun_at")
    moments = [db.to_ms(db.moment(row[0])) for row in begun]
    assert 2 <= len(moments) <= 5
    assert all(b - a >= budget.STEP_CHAT_MS for a, b in zip(moments, moments[1:], strict=False))
    assert "elsewhere" in line.texts
    etas = [
        db.moment(row[0]) for row in db.rows("SELECT eta_at FROM due_action WHERE state = 'waiting' ORDER BY eta_at")
    ]
    now = clock.utcnow()
    assert all(eta is not None for eta in etas)
    assert timedelta(seconds=60) < etas[-1] - now < timedelta(seconds=90)


def test_a_wait_of_some_seconds_is_waited_for_by_one_attempt(who: Owner, news: Channel, line: ScriptedLine) -> None:
    """An attempt begins three seconds before Telegram's wait ends: others in between would only raise the epoch."""
    budget.obey_retry_after(BOT_ID, 2.5, now=clock.utcnow())
    scheduled(who, text("Hello"), news)
    assert run_lane(line).sent == 1
    assert db.row("SELECT epoch FROM sender") == (1,)


def test_a_post_blocked_by_the_lane_is_told_as_one_blocked_by_the_sweep(
    who: Owner, news: Channel, line: ScriptedLine
) -> None:
    may_post(news, can=False)
    scheduled(who, text("now"), news)
    scheduled(who, text("later"), news, at=clock.utcnow() + timedelta(hours=1))
    run_lane(line)
    assert db.row("SELECT COUNT(*) FROM due_action WHERE state = 'blocked'") == (2,)
    assert db.row("SELECT COUNT(*) FROM notice WHERE template = 'posts_blocked'") == (1,)
