"""Whoever edits, removes, swaps or cuts the record is found."""

from __future__ import annotations

from datetime import datetime

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
    assert audit.verify() == (6, [])


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
    _, breaks = audit.verify()
    assert [(b.chain, b.seq) for b in breaks] == [(3, seq)]
