"""Erasing a payer: what names a person goes, what the books need stays."""

from __future__ import annotations

from datetime import datetime

from app.billing.method_models import PaymentMethod
from app.billing.models import BillingAccount, WorkspacePayer
from app.billing.money_models import Invoice
from app.billing.service import cards
from app.core import db
from app.core.errors import Conflict
from app.core.i18n import N_
from app.core.tenancy import unscoped
from app.mail import service as mail


def erase_payer(account_id: int, *, now: datetime) -> None:
    """Blank the payer's name, mail and tax number, also on invoices and letters, and forget the saved cards; once is enough.

    Orders, invoices, credit notes, fiscal rows and the ledger stay, with their numbers and amounts. Raises Conflict
    (`has_plan`) while a plan of the payer's runs.
    """
    with db.write():
        if db.row("SELECT 1 FROM subscription WHERE account_id = ? AND ended_at IS NULL", account_id) is not None:
            raise Conflict(N_("Cancel the plan first: it still runs."), code="has_plan")
        with unscoped("a payer may pay for several workspaces"):
            for card in PaymentMethod.select().where(PaymentMethod.account == account_id):
                cards.end(card, cards.REMOVED, "erased", now=now)
                PaymentMethod.update(payer_ref="", label="").where(PaymentMethod.id == card.id).execute()
            for paid in WorkspacePayer.select().where(WorkspacePayer.account == account_id):
                mail.erase(paid.workspace)
            Invoice.update(buyer={}).where(Invoice.account == account_id, Invoice.buyer.is_null(False)).execute()
        BillingAccount.update(name="", email="", tax_id="").where(BillingAccount.id == account_id).execute()
