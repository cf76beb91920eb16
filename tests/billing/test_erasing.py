"""A payer is erased: no name is left, and the books are as they were. Case 59 of facts/payments.md 5.4."""

from __future__ import annotations

import pytest

from app.billing.gateways.base import SavedCard
from app.billing.models import BillingAccount
from app.billing.service import erasing, payers, subscriptions
from app.boot import Runtime
from app.core import db
from app.core.errors import Conflict
from tests.billing import buying
from tests.conftest import NOW
from tests.world import Owner

_BOOKS = (
    "SELECT id, series, number, total_minor, tax_minor, state, period_start FROM invoice ORDER BY id",
    "SELECT * FROM ledger_entry ORDER BY id",
    "SELECT * FROM ledger_posting ORDER BY id",
    "SELECT * FROM mrr_movement ORDER BY id",
    "SELECT id, public_id, state, amount_minor FROM checkout_order ORDER BY id",
    "SELECT * FROM payme_transaction ORDER BY id",
)


def test_59_personal_fields_are_blank_and_books_stay(runtime: Runtime, buyer: Owner) -> None:
    buying.bought_by_payme(buying.order(runtime, buyer, "payme"), "0" * 24)
    with db.write():
        account = payers.payer_of(buyer.workspace.id, now=NOW)
        BillingAccount.update(email="bobur@example.com", tax_id="301").where(BillingAccount.id == account.id).execute()
    runtime.vault.save(buyer.workspace.id, SavedCard("payme", "token", "payer", "8600 •••• 6478"), now=NOW)
    with pytest.raises(Conflict):
        erasing.erase_payer(account.id, now=NOW)
    sub = subscriptions.live(buyer.workspace.id)
    assert sub is not None
    with db.write():
        subscriptions.end(sub, "cancel_now", now=NOW)
    before = [db.rows(sql) for sql in _BOOKS]
    for _ in range(2):
        erasing.erase_payer(account.id, now=NOW)
    assert [db.rows(sql) for sql in _BOOKS] == before and buying.books_are_right()
    everything = [
        *db.rows("SELECT name, email, tax_id FROM billing_account"),
        *db.rows("SELECT buyer FROM invoice"),
        *db.rows("SELECT payer_ref, label FROM payment_method"),
    ]
    assert all(word not in str(everything) for word in ("Bobur", "bobur@example.com", "301", "6478", "'payer'"))
    assert db.rows("SELECT state FROM payment_method") == [("removed",)]
