"""What is booked or issued cannot be changed behind the services' back either: the database refuses."""

from __future__ import annotations

import pytest
from peewee import DatabaseError

from app.boot import Runtime
from app.core import db
from tests.billing import buying
from tests.billing.buying import order
from tests.world import Owner

REFUSED = (
    "UPDATE invoice SET total_minor = 1",
    "UPDATE invoice SET number = number + 1",
    "UPDATE invoice SET period_end = period_end + 1",
    "UPDATE invoice SET tax_rate_bp = 1500",
    "UPDATE invoice_line SET amount_minor = 1",
    "UPDATE ledger_posting SET amount_minor = amount_minor + 1",
    "UPDATE ledger_entry SET kind = 'other'",
    "UPDATE mrr_movement SET delta_minor = 0",
    "UPDATE subscription_event SET event = 'other'",
    "UPDATE credit_note SET total_minor = 1",
    *(f"DELETE FROM {table}" for table in ("invoice_line", "ledger_posting", "mrr_movement", "credit_note")),
    *("DELETE FROM subscription_event", "DELETE FROM invoice"),
)
ALLOWED = ("UPDATE invoice SET buyer = NULL", "UPDATE invoice SET state = 'paid'")


@pytest.fixture
def issued(runtime: Runtime, buyer: Owner) -> None:
    """An invoice that was paid and taken back, and its books."""
    buying.bought_by_payme(order(runtime, buyer, "payme"), "0" * 24)
    assert buying.payme("CancelTransaction", id="0" * 24, reason=5)["state"] == -2


@pytest.mark.parametrize("sql", REFUSED)
def test_what_is_issued_stays(issued: None, sql: str) -> None:
    with pytest.raises(DatabaseError), db.write():
        db.execute(sql)


@pytest.mark.parametrize("sql", ALLOWED)
def test_a_payers_name_can_be_blanked_and_a_state_can_change(issued: None, sql: str) -> None:
    with db.write():
        assert db.execute(sql) == 1


def test_a_draft_is_nobodys_paper(runtime: Runtime, buyer: Owner) -> None:
    of = order(runtime, buyer, "payme")
    with db.write():
        assert db.execute("UPDATE invoice_line SET amount_minor = 1 WHERE invoice_id = ?", of.invoice) == 1


def test_without_the_guard_an_issued_invoice_would_change(issued: None) -> None:
    on = " ON invoice" if db.is_postgres() else ""
    with db.write():
        db.execute(f"DROP TRIGGER invoice_stays_update{on}")
        assert db.execute("UPDATE invoice SET total_minor = 1, tax_minor = 0") == 1
