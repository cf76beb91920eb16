"""Who pays for a workspace, and how invoices name them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from app.accounts.models import Workspace
from app.audit import service as audit
from app.billing.models import BillingAccount, WorkspacePayer
from app.core import db, ids
from app.core.errors import Invalid
from app.core.i18n import N_

_MOST = {"name": 128, "email": 200, "tax_id": 32}
_EMAIL = re.compile(r"[^@\s,;<>\"]+@[^@\s,;<>\"]+\.[^@\s,;<>\".]{2,}")


@dataclass(frozen=True, slots=True)
class Details:
    """What an invoice says of its buyer; `email` and `tax_id` may be empty."""

    name: str
    email: str = ""
    tax_id: str = ""


def payer_of(workspace_id: int, *, now: datetime) -> BillingAccount:
    """The account that pays for a workspace; the first time, one in the workspace's own name. Inside `db.write()`."""
    db.serialise("workspace", workspace_id)
    mine = "id = (SELECT account_id FROM workspace_payer WHERE workspace_id = ?)"
    known = db.one(BillingAccount, mine, workspace_id)
    if known is not None:
        return known
    workspace: Workspace = Workspace.get_by_id(workspace_id)
    made: BillingAccount = BillingAccount.create(
        public_id=ids.public_id(), name=workspace.name, timezone=workspace.timezone, created_at=now
    )
    WorkspacePayer.insert(workspace=workspace_id, account=made.id).execute()
    return made


def details_of(workspace_id: int) -> Details:
    """As the next invoice would name the payer; before anything was bought, by the workspace's own name."""
    found = db.row(
        "SELECT a.name, a.email, a.tax_id FROM billing_account a JOIN workspace_payer p ON p.account_id = a.id"
        " WHERE p.workspace_id = ?",
        workspace_id,
    )
    return Details(*found) if found else Details(Workspace.get_by_id(workspace_id).name)


def change_details(workspace_id: int, given: Details, *, user_id: int, now: datetime) -> None:
    """The next invoices name the payer so; those that have a number stay as they are. Raises Invalid with its fields."""
    cleaned = Details(*(" ".join(text.split()) for text in (given.name, given.email, given.tax_id)))
    if wrong := _wrong(cleaned):
        raise Invalid(N_("Nothing was changed."), fields=wrong)
    with db.write():
        account = payer_of(workspace_id, now=now)
        db.serialise("billing_account", account.id)  # it may pay for other workspaces too
        before = details_of(workspace_id)
        if before == cleaned:
            return
        account.name, account.email, account.tax_id = cleaned.name, cleaned.email, cleaned.tax_id
        account.save(only=["name", "email", "tax_id"])
        subject = f"billing_account:{account.public_id}"
        changed = [name for name in _MOST if getattr(before, name) != getattr(cleaned, name)]
        actor = f"user:{user_id}"
        audit.record("payer.changed", actor=actor, subject=subject, workspace_id=workspace_id, after=changed, now=now)


def _wrong(given: Details) -> dict[str, str]:
    wrong = {}
    if not given.name:
        wrong["name"] = N_("Say who pays.")
    if given.email and not _EMAIL.fullmatch(given.email):
        wrong["email"] = N_("This is no e-mail address.")
    for name, most in _MOST.items():
        text = getattr(given, name)
        if len(text) > most:
            wrong[name] = N_("This is too long.")
        elif not text.isprintable():
            wrong[name] = N_("This has a character that cannot be printed.")
    return wrong
