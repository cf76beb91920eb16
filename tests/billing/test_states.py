"""Every pair of state and event is listed or refused; what a row waits for next follows from the row alone."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest

from app.billing import states, timeline
from app.billing.timeline import Standing
from app.core.errors import Conflict

END = datetime(2026, 4, 1, 12, tzinfo=UTC)
DUE = Standing(states.PAST_DUE, "Asia/Tashkent", END, past_due_at=END)


@pytest.mark.parametrize(("state", "event"), itertools.product(states.STATES, states.EVENTS))
def test_each_pair_leads_somewhere_or_is_refused(state: str, event: str) -> None:
    listed = states.TRANSITIONS.get((state, event))
    if listed is None:
        with pytest.raises(Conflict) as refused:
            states.after(state, event)
        assert refused.value.code == "not_now"
    else:
        assert states.after(state, event) == listed in states.STATES


def test_what_has_ended_is_never_left() -> None:
    assert not [pair for pair in states.TRANSITIONS if pair[0] in states.ENDED]


def test_every_state_is_reached_and_every_event_is_used() -> None:
    assert {event for _, event in states.TRANSITIONS} == set(states.EVENTS)
    assert set(states.TRANSITIONS.values()) >= set(states.STATES) - {states.INCOMPLETE, states.TRIALING}


def test_who_pays_by_link_is_asked_three_days_before_the_end_and_lapses_at_it() -> None:
    active = Standing(states.ACTIVE, "Asia/Tashkent", END)
    assert timeline.next_action(active) == ("invite", END - timedelta(days=3))
    assert timeline.next_action(Standing(states.ACTIVE, "Asia/Tashkent", END, is_invited=True)) == ("lapse", END)
    assert timeline.next_action(Standing(states.ACTIVE, "Asia/Tashkent", END, is_charged=True)) == ("charge", END)
    assert timeline.next_action(Standing(states.ACTIVE, "Asia/Tashkent", END, is_ending=True)) == ("end", END)
    for state in (states.INCOMPLETE, states.PAUSED, *states.ENDED):
        assert timeline.next_action(Standing(state, "Asia/Tashkent", END)) is None


def test_dunning_is_told_by_day_and_ends_after_fourteen() -> None:
    steps = [timeline.dunning_at(END, n, "Asia/Tashkent") for n in range(8)]
    assert steps[0] == END + timedelta(hours=1) and steps[6] == END + timedelta(days=14) and steps[7] is None
    local = [step.hour for step in steps[1:6] if step]
    assert local == [5] * 5, "10:00 in Tashkent"
    acted = []
    standing = DUE
    while (found := timeline.next_action(standing)) is not None:
        acted.append(found)
        if found[0] == "expire":
            break
        standing = Standing(states.PAST_DUE, "Asia/Tashkent", END, past_due_at=END, step=standing.step + 1)
    assert [name for name, _ in acted] == ["remind"] * 7 + ["expire"]
    moments = [at for _, at in acted]
    assert moments == sorted(moments) and moments[-1] == END + timedelta(days=14)


def test_access_is_full_for_seven_days_past_due() -> None:
    assert timeline.has_full_access(DUE, now=END + timedelta(days=7) - timedelta(milliseconds=1))
    assert not timeline.has_full_access(DUE, now=END + timedelta(days=7))
    assert timeline.has_full_access(Standing(states.ACTIVE, "UTC", END), now=END + timedelta(days=99))
