"""Recurring posts: made ahead as scheduled posts, once each, and never late in a burst."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from app.channels.models import Channel
from app.core import clock, db
from app.core.errors import Conflict, Invalid, NotFound
from app.posting.content.draft import Draft
from app.posting.models import AuthoredPost
from app.posting.planning import jobs, missed, occurring, series
from app.posting.planning.models import PostSeries
from app.posting.planning.recurrence import Rule
from app.posting.planning.series import Wish
from app.posting.service import composing, scheduling, sweeping, writing
from app.posting.service.claimed import Claimed
from tests.posting.authored import ScriptedLine, run_lane, scheduled, text
from tests.world import Owner, owner

NOON = datetime(2026, 3, 20, 12, 0, tzinfo=UTC)
BERLIN = "Europe/Berlin"


def _draft(who: Owner, channel: Channel, text: str = "Good morning", **more: Any) -> AuthoredPost:
    draft = Draft(text=text, channels=(channel.public_id,), **more)
    return writing.create(who.workspace.id, draft.to_doc(), user_id=who.user.id, now=NOON)


def _daily(at: str = "09:00", starts_on: date = date(2026, 3, 21), **more: Any) -> Wish:
    return Wish(Rule("daily"), time.fromisoformat(at), more.pop("zone", BERLIN), starts_on, **more)


def _started(who: Owner, channel: Channel, wish: Wish | None = None, *, now: datetime = NOON) -> PostSeries:
    post = _draft(who, channel)
    return series.start(who.workspace.id, post.public_id, wish or _daily(), user_id=who.user.id, now=now)


def _due(state: str = "waiting") -> list[datetime]:
    rows = db.rows("SELECT due_at FROM due_action WHERE kind = 'publish' AND state = ? ORDER BY due_at", state)
    return [db.moment(row[0]) for row in rows]


def _days(state: str) -> list[tuple[str, str | None]]:
    rows = db.rows("SELECT day, reason FROM series_occurrence WHERE state = ? ORDER BY day", state)
    return [(str(row[0]), row[1]) for row in rows]


def test_two_weeks_are_made_ahead_and_each_day_once(who: Owner, news: Channel) -> None:
    _started(who, news)
    made = _due()
    assert len(made) == 14 and made[0] == datetime(2026, 3, 21, 8, tzinfo=UTC)
    for _ in range(3):
        jobs.materialise(NOON)
    assert _due() == made
    jobs.materialise(NOON + timedelta(days=1))
    assert len(_due()) == 15


def test_each_post_stays_on_top_for_as_long_as_the_form_says(who: Owner, news: Channel) -> None:
    post = _draft(who, news, top_minutes=120)
    series.start(who.workspace.id, post.public_id, _daily(), user_id=who.user.id, now=NOON)
    assert {top for (top,) in db.rows("SELECT top_minutes FROM post_target")} == {120}


def test_without_the_key_of_the_day_a_second_run_would_double_the_posts(who: Owner, news: Channel) -> None:
    """The harm that the unique day prevents."""
    one = _started(who, news, _daily(count=1))
    db.execute("DELETE FROM series_occurrence")
    db.execute("UPDATE post_series SET next_on = '2026-03-21', state = 'active' WHERE id = ?", one.id)
    jobs.materialise(NOON)
    assert len(_due()) == 2


@pytest.mark.parametrize(
    ("zone", "now", "shown"),
    [
        (BERLIN, datetime(2026, 3, 27, 12, tzinfo=UTC), ["02:30", "03:00", "02:30"]),
        (BERLIN, datetime(2026, 10, 23, 12, tzinfo=UTC), ["02:30", "02:30", "02:30"]),
        ("America/New_York", datetime(2026, 3, 6, 12, tzinfo=UTC), ["02:30", "03:00", "02:30"]),
        ("America/New_York", datetime(2026, 10, 30, 12, tzinfo=UTC), ["02:30", "02:30", "02:30"]),
        ("Australia/Lord_Howe", datetime(2026, 10, 2, 3, tzinfo=UTC), ["02:30", "02:30", "02:30"]),
        ("Australia/Lord_Howe", datetime(2026, 4, 3, 3, tzinfo=UTC), ["02:30", "02:30", "02:30"]),
    ],
)
def test_the_posts_keep_their_time_over_both_switches_of_the_clocks(
    who: Owner, news: Channel, zone: str, now: datetime, shown: list[str]
) -> None:
    first = now.astimezone(ZoneInfo(zone)).date() + timedelta(days=1)
    _started(who, news, _daily("02:30", first, zone=zone, count=3), now=now)
    assert [at.astimezone(ZoneInfo(zone)).strftime("%H:%M") for at in _due()] == shown


def test_an_outage_of_three_days_makes_no_burst(who: Owner, news: Channel, line: ScriptedLine) -> None:
    """Days that were made before it and days that were not: nothing of them goes out late, each says so."""
    now = clock.utcnow()
    ahead = now.replace(second=0, microsecond=0) + timedelta(hours=1)
    _started(who, news, _daily(ahead.strftime("%H:%M"), ahead.date(), zone="UTC"), now=now)
    db.execute("DELETE FROM notice")
    _shift(timedelta(days=3, hours=2))
    jobs.skip_missed()
    sweeping.sweep(now=clock.utcnow())
    jobs.materialise()
    run_lane(line, run_s=1)
    assert line.texts == []
    assert [reason for _, reason in _days("skipped")] == ["missed"] * 4
    assert sweeping.violations(now=clock.utcnow()) == 0 and all(at > clock.utcnow() for at in _due())


def _shift(by: timedelta) -> None:
    """Everything that stands in rows happened so much earlier."""
    for action_id, due_at in db.rows("SELECT id, due_at FROM due_action WHERE due_at IS NOT NULL"):
        earlier = db.stamp(db.moment(due_at) - by)
        db.execute("UPDATE due_action SET due_at = ?, ready_at = ? WHERE id = ?", earlier, earlier, action_id)
    for row_id, due_at in db.rows("SELECT id, due_at FROM series_occurrence"):
        db.execute("UPDATE series_occurrence SET due_at = ? WHERE id = ?", db.stamp(db.moment(due_at) - by), row_id)


def test_without_the_window_everything_overdue_would_go_out_at_once(
    who: Owner, news: Channel, line: ScriptedLine
) -> None:
    """The harm that it prevents."""
    now = clock.utcnow()
    ahead = now.replace(second=0, microsecond=0) + timedelta(hours=1)
    _started(who, news, _daily(ahead.strftime("%H:%M"), ahead.date(), zone="UTC"), now=now)
    _shift(timedelta(days=3, hours=2))
    db.execute("UPDATE series_occurrence SET post_id = NULL")  # the lane does not know that they come of a series
    run_lane(line, run_s=5)
    assert len(line.texts) > 1


def test_days_that_nobody_made_in_time_are_skipped_and_the_next_ones_made(who: Owner, news: Channel) -> None:
    _started(who, news)
    later = NOON + timedelta(days=20)
    jobs.materialise(later)
    assert _days("skipped") == [(f"2026-04-{day:02}", "missed") for day in range(4, 10)]
    assert len(_days("made")) == 28


def test_ten_minutes_are_caught_up(who: Owner, news: Channel) -> None:
    one = _started(who, news)
    db.execute("DELETE FROM series_occurrence")
    db.execute("UPDATE post_series SET next_on = '2026-03-21' WHERE id = ?", one.id)
    nine_past = datetime(2026, 3, 21, 8, 9, tzinfo=UTC)
    assert occurring.advance(who.workspace.id, one.id, now=nine_past) and _days("made")[0][0] == "2026-03-21"


def test_a_late_post_that_has_an_eta_is_not_missed(who: Owner, news: Channel) -> None:
    """Telegram's limits hold it up: it goes out by its ETA."""
    _started(who, news, _daily(count=1))
    late = datetime(2026, 3, 21, 9, tzinfo=UTC)
    db.execute("UPDATE due_action SET eta_at = ?", db.stamp(late + timedelta(minutes=5)))
    assert missed.skip(now=late) == set()
    db.execute("UPDATE due_action SET eta_at = NULL")
    assert len(missed.skip(now=late)) == 1


def test_a_lane_is_told_which_of_its_posts_may_still_go_out(who: Owner, news: Channel) -> None:
    """Whichever wakes first after an outage, the sweep or the lane: what comes of a series is skipped, the rest goes."""
    _started(who, news, _daily(count=1))
    scheduled(who, text("No series"), news, at=NOON + timedelta(hours=1), now=NOON)
    late = datetime(2026, 3, 21, 9, tzinfo=UTC)
    found = [
        Claimed(*row[:4], db.moment(row[4]), *row[5:])
        for row in db.rows(
            "SELECT a.id, a.workspace_id, a.kind, a.address, a.ready_at, a.post_id, a.target_id, a.slot, t.channel_id"
            " FROM due_action a JOIN post_target t ON t.id = a.target_id ORDER BY a.id"
        )
    ]
    kept = missed.in_time(found, now=late)
    assert kept == found[1:] and _days("skipped") == [("2026-03-21", "missed")]
    assert db.row("SELECT COUNT(*) FROM audit_entry WHERE action = 'post.missed'") == (1,)


def test_a_pause_takes_the_posts_off_and_going_on_begins_with_the_next_day(who: Owner, news: Channel) -> None:
    one = _started(who, news)
    series.pause(who.workspace.id, one.public_id, user_id=who.user.id, now=NOON)
    assert _due() == [] and _days("made") == []
    later = NOON + timedelta(days=5)
    jobs.materialise(later)
    assert _due() == []
    series.resume(who.workspace.id, one.public_id, user_id=who.user.id, now=later)
    assert _due()[0] == datetime(2026, 3, 26, 8, tzinfo=UTC) and _days("skipped") == []
    with pytest.raises(Conflict):
        series.resume(who.workspace.id, one.public_id, user_id=who.user.id, now=later)


def test_a_change_holds_for_what_is_not_frozen_and_leaves_what_people_changed(
    who: Owner, news: Channel, line: ScriptedLine
) -> None:
    now = clock.utcnow()
    first = now.replace(second=0, microsecond=0) + timedelta(minutes=2)
    one = _started(who, news, _daily(first.strftime("%H:%M"), first.date(), zone="UTC"), now=now)
    posts = [row[0] for row in db.rows("SELECT public_id FROM authored_post WHERE state = 'scheduled' ORDER BY id")]
    composing.move(who.workspace.id, posts[0], now, user_id=who.user.id, now=now)
    run_lane(line, run_s=1)
    edited = writing.post_of(who.workspace.id, posts[1])
    draft = Draft(text="By hand", channels=(news.public_id,))
    when = {"due_at": first + timedelta(days=1), "user_id": who.user.id, "now": now}
    composing.schedule(who.workspace.id, posts[1], edited.version, draft, **when)
    template = series.template_of(one)
    composing.save(
        who.workspace.id, template.public_id, template.version, Draft(text="New", channels=(news.public_id,)),
        user_id=who.user.id, now=now,
    )  # fmt: skip
    assert series.is_text_changed(one)
    one = series.of(who.workspace.id, one.public_id)
    one = series.take_text(who.workspace.id, one.public_id, one.version, user_id=who.user.id, now=now)
    assert not series.is_text_changed(one)
    run_lane(line, run_s=1)
    assert line.texts == ["Good morning"] and _said() == ["By hand", *["New"] * 12]


def _said() -> list[str]:
    rows = db.rows(
        "SELECT r.content FROM due_action a JOIN post_revision r ON r.post_id = a.post_id AND r.number ="
        " (SELECT MAX(n.number) FROM post_revision n WHERE n.post_id = a.post_id)"
        " WHERE a.kind = 'publish' AND a.state = 'waiting' ORDER BY a.due_at"
    )
    return [row[0].partition('"text":"')[2].partition('"')[0] for row in rows]


def test_another_time_moves_the_posts_to_come(who: Owner, news: Channel) -> None:
    one = _started(who, news)
    wish = _daily("18:00")
    one = series.change(who.workspace.id, one.public_id, one.version, wish, user_id=who.user.id, now=NOON)
    assert {at.astimezone(ZoneInfo(BERLIN)).time() for at in _due()} == {time(18)} and len(_due()) == 13
    with pytest.raises(Conflict):
        series.change(who.workspace.id, one.public_id, 1, wish, user_id=who.user.id, now=NOON)


def test_a_post_that_somebody_called_off_is_not_made_again(who: Owner, news: Channel) -> None:
    _started(who, news)
    (public_id,) = db.row("SELECT public_id FROM authored_post WHERE state = 'scheduled' ORDER BY id") or ("",)
    scheduling.cancel(who.workspace.id, public_id, user_id=who.user.id, now=NOON)
    jobs.materialise(NOON)
    assert len(_due()) == 13


def test_a_series_ends_after_its_count_and_by_hand(who: Owner, news: Channel) -> None:
    one = _started(who, news, _daily(count=3))
    assert len(_due()) == 3 and one.state == "ended"
    two = _started(who, news, _daily("20:00"))
    series.end(who.workspace.id, two.public_id, user_id=who.user.id, now=NOON)
    assert len(_due()) == 3
    with pytest.raises(Conflict):
        series.resume(who.workspace.id, two.public_id, user_id=who.user.id, now=NOON)


def test_a_channel_without_our_bot_gives_a_skipped_day_with_the_reason(who: Owner, news: Channel) -> None:
    db.execute("UPDATE channel SET bot_id = NULL")
    _started(who, news, _daily(count=1))
    assert _due() == [] and "Our bot is in none" in str(_days("skipped")[0][1])
    assert db.row("SELECT COUNT(*) FROM authored_post") == (1,)


def test_what_a_series_lacks_is_told_and_a_stranger_finds_none(who: Owner, news: Channel) -> None:
    empty = writing.create(who.workspace.id, Draft(channels=(news.public_id,)).to_doc(), user_id=who.user.id, now=NOON)
    with pytest.raises(Invalid) as told:
        series.start(who.workspace.id, empty.public_id, _daily(), user_id=who.user.id, now=NOON)
    assert "text" in told.value.fields
    nowhere = writing.create(who.workspace.id, Draft(text="x").to_doc(), user_id=who.user.id, now=NOON)
    with pytest.raises(Invalid) as told:
        series.start(who.workspace.id, nowhere.public_id, _daily(), user_id=who.user.id, now=NOON)
    assert "channels" in told.value.fields
    one = _started(who, news)
    with pytest.raises(NotFound):
        series.of(owner("Bek", now=NOON).workspace.id, one.public_id)


def test_a_post_that_is_scheduled_stays_and_a_copy_of_it_comes_again(who: Owner, news: Channel) -> None:
    post = _draft(who, news)
    draft = Draft(text="Once", channels=(news.public_id,))
    when = {"due_at": NOON + timedelta(hours=1), "user_id": who.user.id, "now": NOON}
    composing.schedule(who.workspace.id, post.public_id, post.version, draft, **when)
    series.start(who.workspace.id, post.public_id, _daily(count=2), user_id=who.user.id, now=NOON)
    assert _said() == ["Once"] * 3


def test_a_lane_that_wakes_before_the_sweep_sends_nothing_late(who: Owner, news: Channel, line: ScriptedLine) -> None:
    now = clock.utcnow()
    ahead = now.replace(second=0, microsecond=0) + timedelta(hours=1)
    _started(who, news, _daily(ahead.strftime("%H:%M"), ahead.date(), zone="UTC"), now=now)
    _shift(timedelta(days=3, hours=2))
    run_lane(line, run_s=1)
    assert line.texts == [] and len(_days("skipped")) == 4
