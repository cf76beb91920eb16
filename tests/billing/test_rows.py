"""Rows read by text are the rows that the models read; a save writes what was changed, and nothing that others changed."""

from __future__ import annotations

from datetime import datetime

from app.billing.models import BillingAccount, Subscription
from app.billing.money_models import CheckoutOrder
from app.boot import Runtime
from app.core import db
from app.core.tenancy import unscoped
from tests.billing import buying
from tests.world import Owner


def test_a_row_read_by_text_is_the_row_that_its_model_reads(runtime: Runtime, buyer: Owner, now: datetime) -> None:
    order = buying.order(runtime, buyer, "payme", now=now)
    with unscoped("this test compares a whole row"):
        known = CheckoutOrder.get(CheckoutOrder.id == order.id)
    found = db.one(CheckoutOrder, "public_id = ?", order.public_id)
    assert found is not None and found.__data__ == known.__data__ and not found.is_dirty()
    assert found.expires_at.tzinfo is not None and found.subscription == known.subscription
    assert db.one(Subscription, "id = ?", -1) is None


def test_a_save_leaves_alone_what_others_changed_meanwhile(runtime: Runtime, now: datetime) -> None:
    made = BillingAccount.create(public_id="a" * 22, name="Before", timezone="UTC", created_at=now)
    mine, theirs = BillingAccount.get_by_id(made.id), BillingAccount.get_by_id(made.id)
    with db.write():
        theirs.email = "a@example.org"
        theirs.save()
        mine.name = "After"
        mine.save()
    kept = BillingAccount.get_by_id(made.id)
    assert (kept.name, kept.email) == ("After", "a@example.org")
