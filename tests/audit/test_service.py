"""Whoever edits, removes, swaps or cuts the record is found."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from app.audit import service as audit
from app.boot import Runtime
from app.core import db


def _five_acts(now: datetime) -> None:
    for n in range(5):
        audit.record(f"act.{n}", actor="user:1", subject="thing:1", workspace_id=3, after={"n": n}, now=now)
    audit.anchor(now=now)


def test_an_untouched_chain_verifies(runtime: Runtime, now: datetime) -> None:
    _five_acts(now)
    audit.record("service.act", actor="operator", subject="x", now=now)
    assert audit.verify(now=now) == (6, [])


def test_records_of_a_key_of_before_verify_only_while_it_is_given(runtime: Runtime, now: datetime) -> None:
    present = runtime.settings.secret_key.get_secret_value()
    try:
        audit.configure("the key of before")
        _five_acts(now)
        audit.configure("the new key", "the key of before")
        audit.record("service.act", actor="operator", subject="x", now=now)
        assert audit.verify(now=now) == (6, [])
        audit.configure("the new key")
        assert [broken.seq for broken in audit.verify(now=now)[1]] == [1]
    finally:
        audit.configure(present)


@pytest.mark.parametrize(
    ("harm", "seq"),
    [
        ("UPDATE audit_entry SET after = '{\"n\":9}' WHERE seq = 3", 3),
        ("DELETE FROM audit_entry WHERE seq = 2", 2),
        ("DELETE FROM audit_entry WHERE seq = 5", 5),
        ("UPDATE audit_entry SET prev_hash = hash WHERE seq = 4", 4),
        ("UPDATE audit_entry SET actor = 'user:2' WHERE seq = 1", 1),
    ],
)
def test_a_harmed_chain_names_the_record(runtime: Runtime, now: datetime, harm: str, seq: int) -> None:
    _five_acts(now)
    with db.write():
        db.execute(harm)
    _, breaks = audit.verify(now=now)
    assert [(b.chain, b.seq) for b in breaks] == [(3, seq)]


LATER = timedelta(days=800)


def test_after_two_years_acts_are_forgotten_and_the_rest_still_verifies(runtime: Runtime, now: datetime) -> None:
    _five_acts(now)
    audit.record("late.act", actor="user:1", subject="thing:1", workspace_id=3, now=now + LATER)
    audit.anchor(now=now + LATER)
    assert audit.forget(now=now + timedelta(days=700)) == 0
    assert audit.forget(now=now + LATER) == 5
    assert db.rows("SELECT seq FROM audit_entry") == [(6,)]
    assert audit.verify(now=now + LATER) == (1, [])
    assert audit.forget(now=now + LATER) == 0


@pytest.mark.parametrize(
    "harm",
    [
        "DELETE FROM audit_entry WHERE seq = 6",
        "UPDATE audit_entry SET actor = 'user:2' WHERE seq = 6",
        "UPDATE audit_anchor SET hash = 'x' WHERE seq = 5",
    ],
)
def test_what_is_left_after_forgetting_cannot_be_harmed_either(runtime: Runtime, now: datetime, harm: str) -> None:
    _five_acts(now)
    audit.record("late.act", actor="user:1", subject="thing:1", workspace_id=3, now=now + LATER)
    audit.anchor(now=now + LATER)
    audit.forget(now=now + LATER)
    with db.write():
        db.execute(harm)
    assert len(audit.verify(now=now + LATER)[1]) == 1


def test_cutting_off_the_beginning_before_its_time_is_found(runtime: Runtime, now: datetime) -> None:
    _five_acts(now)
    audit.record("next.act", actor="user:1", subject="thing:1", workspace_id=3, now=now + timedelta(days=1))
    with db.write():
        db.execute("DELETE FROM audit_entry WHERE seq <= 5")
    _, breaks = audit.verify(now=now + timedelta(days=1))
    assert [(b.chain, b.seq) for b in breaks] == [(3, 1)]
