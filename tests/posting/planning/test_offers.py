"""Queue slots, the best free slot, and what speaks against a time."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given

from app.channels import queries as channels
from app.channels.models import Channel
from app.channels.queries import ChannelRef
from app.core import db
from app.core.errors import Conflict, Invalid
from app.posting.content import tree
from app.posting.content.blocks import Content
from app.posting.planning import best, offers, series, settings
from app.posting.planning.agenda import Agenda
from app.posting.planning.hours import Blackout, Hours, Slot
from app.posting.planning.offers import Planned
from app.posting.planning.recurrence import Rule
from app.posting.planning.series import Wish
from app.posting.planning.settings import Typed
from app.posting.planning.stored_words import words_in, words_of
from app.readings import service as readings
from tests.posting.authored import may_post, scheduled, text
from tests.posting.content.trees import contents
from tests.posting.planning.test_series import _draft
from tests.world import Owner, owned_channel

MONDAY = datetime(2026, 3, 2, 5, 0, tzinfo=UTC)  # 10:00 in Tashkent
ZONE = "Asia/Tashkent"


def _ref(who: Owner, channel: Channel) -> ChannelRef:
    found = channels.channel_of(who.workspace.id, channel.public_id)
    assert found is not None
    return found


def _rules(who: Owner, channel: Channel, slots: str = "11:00 19:30", **more: Any) -> ChannelRef:
    """The channel posts at these times every day."""
    typed = {"blackout": [], "quiet_days": [], "min_gap": "", "signature": "", "template": "", "is_protected": False}
    ref = _ref(who, channel)
    settings.save(who.workspace.id, ref, Typed([slots] * 7, **(typed | more)), user_id=who.user.id, now=MONDAY)
    return ref


def _at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 3, day, hour, minute, tzinfo=ZoneInfo(ZONE)).astimezone(UTC)


def _next(who: Owner, ref: ChannelRef) -> str:
    at = offers.next_queue_slot(who.workspace.id, ref, now=MONDAY)
    return at.astimezone(ZoneInfo(ZONE)).strftime("%a %H:%M") if at else "none"


def test_the_queue_takes_the_next_slot_that_nothing_stands_in(who: Owner, news: Channel) -> None:
    ref = _rules(who, news)
    assert _next(who, ref) == "Mon 11:00"
    scheduled(who, text("One"), news, at=_at(2, 11), now=MONDAY)
    assert _next(who, ref) == "Mon 19:30"
    scheduled(who, text("Two"), news, at=_at(2, 19, 30), now=MONDAY)
    assert _next(who, ref) == "Tue 11:00"


def test_the_queue_keeps_to_quiet_hours_quiet_days_and_the_least_distance(who: Owner, news: Channel) -> None:
    ref = _rules(who, news, blackout=[("18:00", "12:00")], quiet_days=[1])
    assert _next(who, ref) == "none"
    ref = _rules(who, news, blackout=[("18:00", "08:00")], quiet_days=[0])
    assert _next(who, ref) == "Tue 11:00"
    ref = _rules(who, news, min_gap="90")
    scheduled(who, text("Near"), news, at=_at(2, 12), now=MONDAY)
    assert _next(who, ref) == "Mon 19:30"


def test_a_post_that_is_to_stay_on_top_keeps_the_queue_away(who: Owner, news: Channel) -> None:
    ref = _rules(who, news)
    scheduled(who, text("Ad"), news, at=_at(2, 10, 30), now=MONDAY, top_minutes=24 * 60)
    assert _next(who, ref) == "Tue 11:00"


def test_each_channel_has_its_own_slot_and_one_without_any_is_told(who: Owner, news: Channel) -> None:
    second = owned_channel(who, "Second", telegram_chat_id=-1002, now=MONDAY)
    refs = [_rules(who, news), _ref(who, second)]
    with pytest.raises(Invalid) as told:
        offers.queue_slots(who.workspace.id, refs, now=MONDAY)
    assert "Second" in told.value.message
    refs = [refs[0], _rules(who, second, "12:15")]
    found = offers.queue_slots(who.workspace.id, refs, now=MONDAY)
    assert found == {news.id: _at(2, 11), second.id: _at(2, 12, 15)}


def test_a_plan_with_times_by_channel_puts_each_on_its_own(who: Owner, news: Channel) -> None:
    second = owned_channel(who, "Second", telegram_chat_id=-1002, now=MONDAY)
    may_post(second)
    times = {news.id: _at(2, 11), second.id: _at(2, 12, 15)}
    scheduled(who, text("Both"), news, second, at=_at(3, 9), now=MONDAY, due_by_channel=times)
    rows = db.rows("SELECT t.channel_id, a.due_at FROM due_action a JOIN post_target t ON t.id = a.target_id")
    assert {row[0]: db.moment(row[1]) for row in rows} == times


def test_a_slot_in_the_hour_that_the_clocks_skip_is_the_end_of_the_gap() -> None:
    hours = Hours("Europe/Berlin", slots=(Slot(6, time(2, 30)),))
    (at,) = hours.slot_moments(datetime(2026, 3, 28, tzinfo=UTC), days=3)
    assert at == datetime(2026, 3, 29, 1, tzinfo=UTC)


def test_quiet_hours_over_midnight_cover_both_sides_of_it() -> None:
    night = Blackout(time(22), time(7))
    covered = [night.covers(time(hour)) for hour in (21, 22, 0, 6, 7)]
    assert covered == [False, True, True, True, False]
    assert not Blackout(time(13), time(14)).covers(time(14))


def _heat(**hours: int) -> list[list[int | None]]:
    """100 views in every hour but these (d<weekday>h<hour>)."""
    heat: list[list[int | None]] = [[100] * 24 for _ in range(7)]
    for name, views in hours.items():
        day, _, hour = name.removeprefix("d").partition("h")
        heat[int(day)][int(hour)] = views
    return heat


def test_the_best_slot_is_the_free_hour_with_the_most_views() -> None:
    hours = Hours(ZONE)
    heat = _heat(d1h19=300, d2h8=200)
    found = best.best_free(heat, hours, 1, Agenda(()), now=MONDAY)
    assert found is not None and found.at == _at(3, 19) and round(found.times_usual, 1) == 2.9
    quiet = Hours(ZONE, quiet_days=frozenset({1}))
    found = best.best_free(heat, quiet, 1, Agenda(()), now=MONDAY)
    assert found is not None and found.at == _at(4, 8)
    dark = Hours(ZONE, blackout=(Blackout(time(18), time(7)),))
    found = best.best_free(heat, dark, 1, Agenda(()), now=MONDAY)
    assert found is not None and found.at == _at(4, 8)


def test_half_hours_stand_between_their_hours_and_an_hour_that_nobody_read_is_not_offered() -> None:
    heat = _heat(d1h19=300, d1h20=200)
    assert best.expected(heat, _at(3, 19, 30), ZONE) == 250
    heat[1][20] = None
    assert best.expected(heat, _at(3, 19, 30), ZONE) is None
    assert best.best_free([[None] * 24] * 7, Hours(ZONE), 1, Agenda(()), now=MONDAY) is None


def _read(channel: Channel, *, posts: int) -> None:
    """A post each day, on Tuesdays at 19:00 with many readers, else at 10:00 with few; all read within the hour."""
    source = readings.ensure_source(readings.PREVIEW_PAGE, now=MONDAY)
    facts, rows = [], []
    for number in range(1, posts + 1):
        day = (MONDAY - timedelta(days=number)).astimezone(ZoneInfo(ZONE))
        hour, views = (19, 900) if day.weekday() == 1 else (10, 100)
        facts.append(readings.PostFacts(number, day.replace(hour=hour, minute=0).astimezone(UTC)))
        rows.append((number, facts[-1].posted_at, views))
    ids = readings.record_posts(channel.chat, facts)
    read = [
        (ids[number], db.to_ms(at + timedelta(minutes=minutes)), source, views * part // 10, None, 0)
        for number, at, views in rows
        for minutes, part in ((1, 0), (55, 10))
    ]
    readings.record_readings(channel.chat, read, now=MONDAY)


def test_the_best_slot_says_by_what_it_is_the_best(who: Owner, news: Channel) -> None:
    _read(news, posts=40)
    offer = offers.best_free_slot(who.workspace.id, _ref(who, news), now=MONDAY)
    assert offer.is_measured and offer.at is not None
    assert offer.at.astimezone(ZoneInfo(ZONE)).strftime("%a %H:%M") == "Tue 19:00"
    ((sentence, params),) = offer.reasons
    told = sentence % params
    assert told.startswith("Tuesdays 19:00: ") and "times the views of a usual hour" in told and "measured: 40" in told


def test_with_too_few_posts_it_says_so_and_offers_the_queue(who: Owner, news: Channel) -> None:
    _read(news, posts=5)
    ref = _rules(who, news)
    offer = offers.best_free_slot(who.workspace.id, ref, now=MONDAY)
    assert not offer.is_measured and offer.at == _at(2, 11)
    assert "5 measured posts" in offer.reasons[0][0] % offer.reasons[0][1]
    ref = _rules(who, news, "")
    assert offers.best_free_slot(who.workspace.id, ref, now=MONDAY).at is None


def _kinds(who: Owner, ref: ChannelRef, at: datetime, words: str = "Words", **more: Any) -> list[str]:
    planned = Planned({ref.id: at}, text(words), **more)
    return [one.kind for one in offers.warnings(who.workspace.id, [ref], planned, now=MONDAY)]


def test_nothing_is_said_where_nothing_stands(who: Owner, news: Channel) -> None:
    assert _kinds(who, _ref(who, news), _at(5, 12)) == []


def test_what_stands_near_is_told(who: Owner, news: Channel) -> None:
    ref = _rules(who, news, min_gap="30")
    post = scheduled(who, text("Other"), news, at=_at(5, 12), now=MONDAY)
    assert _kinds(who, ref, _at(5, 12, 59)) == ["same_hour"]
    assert _kinds(who, ref, _at(5, 13)) == []
    assert _kinds(who, ref, _at(5, 11, 40)) == ["gap"]
    planned = Planned({ref.id: _at(5, 12, 10)}, text("Words"))
    assert offers.warnings(who.workspace.id, [ref], planned, but=post.id, now=MONDAY) == ()


def test_the_same_words_are_told_whatever_their_looks_and_whoever_published_them(who: Owner, news: Channel) -> None:
    ref = _ref(who, news)
    scheduled(who, text("**Big**   sale"), news, at=_at(20, 12), now=MONDAY)
    assert _kinds(who, ref, _at(5, 12), "big sale") == ["same_words"]
    assert _kinds(who, ref, _at(5, 12), "small sale") == []
    fact = readings.PostFacts(
        5, MONDAY - timedelta(days=3), text_hash=readings_hash("By hand"), text_length=len("By hand")
    )
    readings.record_posts(news.chat, [fact])
    assert _kinds(who, ref, _at(5, 12), "By hand") == ["same_words"]


def readings_hash(words: str) -> str | None:
    from app.readings.collectors.base import hash_text

    return hash_text(words)


def test_quiet_hours_and_time_in_top_ask_for_anyway(who: Owner, news: Channel) -> None:
    ref = _rules(who, news, blackout=[("22:00", "07:00")], quiet_days=[6])
    scheduled(who, text("Ad"), news, at=_at(5, 12), now=MONDAY, top_minutes=180)
    assert _kinds(who, ref, _at(5, 23)) == ["blackout"]
    assert _kinds(who, ref, _at(8, 12)) == ["quiet_day"]
    assert _kinds(who, ref, _at(5, 14)) == ["in_top"]
    assert _kinds(who, ref, _at(5, 15)) == []
    assert _kinds(who, ref, _at(5, 10), top=timedelta(hours=3)) == ["pushes_down"]
    planned = Planned({ref.id: _at(5, 14)}, text("Words"))
    with pytest.raises(Conflict) as told:
        offers.require_free(who.workspace.id, [ref], planned, is_anyway=False)
    assert told.value.code == "needs_anyway" and "15:00" in told.value.message
    offers.require_free(who.workspace.id, [ref], planned, is_anyway=True)


def test_a_series_that_comes_near_is_told_before_its_post_is_made(who: Owner, news: Channel) -> None:
    ref = _ref(who, news)
    wish = Wish(Rule("daily"), time(9), ZONE, MONDAY.date())
    series.start(who.workspace.id, _draft(who, news).public_id, wish, user_id=who.user.id, now=MONDAY)
    assert _kinds(who, ref, _at(30, 9, 20)) == ["series"]
    assert _kinds(who, ref, _at(30, 11)) == []
    assert _kinds(who, ref, _at(5, 9, 20)) == ["same_hour"]


def test_wrong_rules_are_told_by_their_field_and_right_ones_are_read_back(who: Owner, news: Channel) -> None:
    for field, change in (
        ("slots_0", {"slots": "25:00"}),
        ("blackout", {"blackout": [("22:00", "")]}),
        ("min_gap", {"min_gap": "-1"}),
        ("template", {"template": "x" * 1001}),
    ):
        with pytest.raises(Invalid) as told:
            _rules(who, news, **change)  # type: ignore[arg-type]
        assert set(told.value.fields) == {field}
    ref = _rules(
        who, news, blackout=[("22:00", "07:00")], quiet_days=[6], min_gap="45", signature="— [us](https://a.uz)"
    )
    rules = settings.rules_of(who.workspace.id, [ref])[ref.id]
    typed = settings.typed_of(rules)
    assert (typed.slots[3], typed.blackout[0], typed.quiet_days, typed.min_gap) == (
        "11:00, 19:30", ("22:00", "07:00"), [6], "45",
    )  # fmt: skip
    assert rules.dressed(text("Words")).blocks != text("Words").blocks


@given(contents)
def test_the_words_read_from_what_is_stored_are_those_of_the_post(content: Content) -> None:
    doc = tree.to_json(content)
    assert words_in(doc) == words_of(content)
    assert bool(words_of(content)) == bool(tree.text_hash(content))
