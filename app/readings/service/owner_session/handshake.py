"""Signing in, one step at a time, in the jobs process; and signing out."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from app.audit import service as audit
from app.core import db
from app.core.crypto import Sealer
from app.readings.collectors.owner_session.base import AskedPassword, OwnerAccount, Person, QrCode, WrongAnswer
from app.readings.collectors.owner_session.models import OwnerSession
from app.readings.service.owner_session import states

# Telegram takes a wrong code a few times; these end the attempt at once.
_FINAL = ("old_code", "wrong_phone")


def is_over(row: OwnerSession, *, now: datetime) -> bool:
    """Whether a sign-in was not finished in time."""
    return bool(row.state in states.WAITING and now > row.created_at + states.SIGN_IN_WITHIN)


def has_a_step(row: OwnerSession, sealer: Sealer) -> bool:
    """Whether Telegram has to be asked now: a QR code always needs listening, a code or password only when it is there."""
    if row.state == states.WAITING_QR or row.answer_sealed:
        return True
    return row.state == states.WAITING_CODE and "token" not in states.handshake_of(sealer, row)


def step(row: OwnerSession, account: OwnerAccount, sealer: Sealer, *, wait_s: float, now: datetime) -> None:
    """Take the next step of a sign-in and keep what came of it. Raises the port's FloodWait, SessionRevoked, Upstream."""
    try:
        found = _ask(row, account, sealer, wait_s=wait_s, now=now)
    except AskedPassword:
        _keep(row, account, sealer, state=states.WAITING_PASSWORD, handshake={}, now=now)
    except WrongAnswer as error:
        _refuse(row, error.code, now=now)
    else:
        if isinstance(found, Person):
            _connect(row, account, sealer, found, now=now)
        elif isinstance(found, QrCode):
            _keep(row, account, sealer, handshake={"url": found.url}, until=found.expires_at, now=now)
        elif found is not None:
            _keep(row, account, sealer, handshake=found, now=now)


def _ask(
    row: OwnerSession, account: OwnerAccount, sealer: Sealer, *, wait_s: float, now: datetime
) -> Person | QrCode | dict[str, Any] | None:
    known, answer = states.handshake_of(sealer, row), states.unseal(sealer, row, "answer_sealed")
    if row.state == states.WAITING_QR:
        if row.handshake_until is None or row.handshake_until <= now:
            return account.start_qr()
        return account.wait_qr(wait_s)
    if row.state == states.WAITING_PASSWORD:
        return account.finish_password(answer)
    if "token" not in known:
        return known | {"token": account.start_code(known["phone"])}
    return account.finish_code(known["phone"], known["token"], answer)


def _keep(
    row: OwnerSession,
    account: OwnerAccount,
    sealer: Sealer,
    *,
    handshake: dict[str, Any],
    state: str | None = None,
    until: datetime | None = None,
    now: datetime,
) -> None:
    """Store where the sign-in stands, unless the person ended it meanwhile."""
    changes = {
        "state": state or row.state,
        "session_sealed": states.seal(sealer, row, "session_sealed", account.session()),
        "handshake_sealed": states.seal(sealer, row, "handshake_sealed", json.dumps(handshake)) if handshake else None,
        "handshake_until": until,
        "answer_sealed": None,
        "last_error": None,
    }
    with db.write():
        _update(row, changes)


def _refuse(row: OwnerSession, code: str, *, now: datetime) -> None:
    with db.write():
        if code in _FINAL:
            states.end(row, states.FAILED, error=code, now=now)
        else:
            _update(row, {"answer_sealed": None, "last_error": code})


def _connect(row: OwnerSession, account: OwnerAccount, sealer: Sealer, person: Person, *, now: datetime) -> None:
    changes = {
        "state": states.CONNECTED,
        "telegram_user_id": person.telegram_user_id,
        "session_sealed": states.seal(sealer, row, "session_sealed", account.session()),
        "handshake_sealed": None,
        "handshake_until": None,
        "answer_sealed": None,
        "last_error": None,
        "connected_at": now,
    }
    with db.write():
        states.source_of(row.workspace, now=now)
        if not _update(row, changes):
            # ended by the person while Telegram let us in: keep what is needed to sign out again
            OwnerSession.update(session_sealed=changes["session_sealed"]).where(
                OwnerSession.workspace == row.workspace, OwnerSession.id == row.id
            ).execute()
            return
        states.switch(row.workspace, is_on=True)
        audit.record(
            "owner_session.connected",
            actor=f"user:{row.user}",
            subject=f"owner_session:{row.public_id}",
            workspace_id=row.workspace,
            now=now,
        )


def _update(row: OwnerSession, changes: dict[str, Any]) -> bool:
    """Change a session that nobody ended meanwhile; False when somebody did."""
    alive = (OwnerSession.workspace == row.workspace, OwnerSession.id == row.id, OwnerSession.revoked_at.is_null())
    return bool(OwnerSession.update(**changes).where(*alive).execute())
