"""The invariant: every due post is out, refused, blocked, queued with an ETA, or unconfirmed; and what heals it."""

from __future__ import annotations

from datetime import timedelta

from app.channels.models import Channel
from app.core import clock, db
from app.posting.service import sweeping
from tests.posting.authored import ScriptedLine, actions, may_post, run_lane, scheduled, text
from tests.world import Owner


def test_a_post_that_nobody_sends_gets_a_wake_up_and_an_eta_and_is_then_a_violation(who: Owner, news: Channel) -> None:
    now = clock.utcnow()
    scheduled(who, text("Hello"), news, at=now, now=now)
    with db.write():
        db.execute("DELETE FROM outbox")
    soon = now + timedelta(seconds=30)
    swept = sweeping.sweep(now=soon)
    assert (swept.violations, swept.woken) == (0, 1)
    assert db.row("SELECT key FROM outbox WHERE topic = 'posting.lane'") is not None
    (eta,) = db.row("SELECT eta_at FROM due_action") or (None,)
    assert soon < db.moment(eta) < soon + timedelta(minutes=2)
    assert sweeping.sweep(now=now + timedelta(minutes=4)).violations == 0
    assert sweeping.sweep(now=now + timedelta(minutes=6)).violations == 1
    assert db.row("SELECT value FROM gauge WHERE name = 'posting_violations'") == (1,)


def test_the_eta_is_promised_once_and_does_not_slide(who: Owner, news: Channel) -> None:
    now = clock.utcnow()
    scheduled(who, text("Hello"), news, at=now, now=now)
    sweeping.sweep(now=now + timedelta(seconds=30))
    promised = db.row("SELECT eta_at FROM due_action")
    sweeping.sweep(now=now + timedelta(seconds=90))
    assert db.row("SELECT eta_at FROM due_action") == promised


def test_what_is_out_blocked_or_called_off_is_no_violation(who: Owner, news: Channel, line: ScriptedLine) -> None:
    now = clock.utcnow()
    scheduled(who, text("out"), news, at=now, now=now)
    run_lane(line)
    post = scheduled(who, text("blocked"), news, at=now, now=now)
    may_post(news, can=False)
    swept = sweeping.sweep(now=now + timedelta(minutes=1))
    assert swept.blocked == 1 and actions(post) == [("publish", "blocked", "no_right")]
    assert sweeping.sweep(now=now + timedelta(hours=1)).violations == 0
    assert db.row("SELECT COUNT(*) FROM notice WHERE template = 'posts_blocked'") == (1,)


def test_reconcile_asks_for_what_rows_want_and_for_nothing_else(who: Owner, news: Channel, line: ScriptedLine) -> None:
    assert sweeping.reconcile(now=clock.utcnow()) == (0, 0)
    scheduled(who, text("Hello"), news)
    run_lane(line)
    assert sweeping.reconcile(now=clock.utcnow()) == (0, 0)
    scheduled(who, text("later"), news, at=clock.utcnow() + timedelta(days=3))
    assert sweeping.reconcile(now=clock.utcnow()) == (1, 0)
