"""States of an owner's session, and what seals its secrets to their row."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

from app.core import db
from app.core.crypto import Sealer
from app.core.settings import Settings
from app.readings.collectors.owner_session.models import OwnerSession
from app.readings.service.sources import ensure_source

OWNER_SESSION = "owner_session"
WAITING_QR, WAITING_CODE, WAITING_PASSWORD = "waiting_qr", "waiting_code", "waiting_password"
CONNECTED, REVOKED, FAILED = "connected", "revoked", "failed"
WAITING = (WAITING_QR, WAITING_CODE, WAITING_PASSWORD)
# Signing in takes a person a minute; what was not finished by then is thrown away with its secrets.
SIGN_IN_WITHIN = timedelta(minutes=10)


def is_configured(settings: Settings) -> bool:
    """Whether Telegram's application keys are set, without which no account can be connected."""
    return settings.telegram_api_id is not None and bool(settings.telegram_api_hash.get_secret_value())


def seal(sealer: Sealer, row: OwnerSession, column: str, secret: str) -> str:
    return sealer.seal(secret, bound_to=_place(row, column))


def unseal(sealer: Sealer, row: OwnerSession, column: str) -> str:
    """The secret in a column; "" when there is none."""
    sealed = getattr(row, column)
    return sealer.open(sealed, bound_to=_place(row, column)) if sealed else ""


def handshake_of(sealer: Sealer, row: OwnerSession) -> dict[str, Any]:
    """What signing in has come to: `url` of a QR code, or `phone` and `token` of a code."""
    known: dict[str, Any] = json.loads(unseal(sealer, row, "handshake_sealed") or "{}")
    return known


def _place(row: OwnerSession, column: str) -> str:
    return f"owner_session.{column.removesuffix('_sealed')}:{row.public_id}"


def source_of(workspace_id: int, *, now: datetime) -> int:
    """The workspace's private source of everything that its owners' accounts read."""
    return ensure_source(OWNER_SESSION, workspace_id=workspace_id, now=now)


def switch(workspace_id: int, *, is_on: bool) -> None:
    """Switch the workspace's source on or off, inside the caller's transaction."""
    db.execute(
        "UPDATE source SET is_on = ? WHERE kind = ? AND workspace_id = ?",
        *(is_on, OWNER_SESSION, workspace_id),
    )


def end(row: OwnerSession, state: str, *, error: str | None = None, keep_session: bool = False, now: datetime) -> None:
    """Make a session one that nothing reads through any more, and erase its secrets, inside the caller's transaction.

    `keep_session`: its string stays until the jobs process has told Telegram to end it too.
    """
    row.state, row.last_error, row.revoked_at = state, error, now
    row.handshake_sealed = row.handshake_until = row.answer_sealed = None
    if not keep_session:
        row.session_sealed = row.telegram_user_id = None
    row.save()
    switch(row.workspace, is_on=False)
