"""What people decide on the page: connect an account, answer Telegram's questions, end it. Nothing here calls Telegram."""

from __future__ import annotations

import json
import re
from datetime import datetime

from app.audit import service as audit
from app.core import db, ids
from app.core.crypto import Sealer
from app.core.errors import Conflict, Invalid, NotFound
from app.core.i18n import N_
from app.readings.collectors.owner_session.models import OwnerSession
from app.readings.service.owner_session import states

_PHONE = re.compile(r"\+?[0-9]{7,15}")
_MOST_ANSWER = 256


def live_session(workspace_id: int) -> OwnerSession | None:
    """The workspace's account that is connected or being connected."""
    found: OwnerSession | None = OwnerSession.get_or_none(
        OwnerSession.workspace == workspace_id, OwnerSession.revoked_at.is_null()
    )
    return found


def last_failure(workspace_id: int) -> str | None:
    """Why the workspace's latest session ended, when Telegram or time ended it."""
    found = db.row("SELECT last_error FROM owner_session WHERE workspace_id = ? ORDER BY id DESC LIMIT 1", workspace_id)
    return str(found[0]) if found and found[0] else None


def start(sealer: Sealer, *, workspace_id: int, user_id: int, phone: str | None = None, now: datetime) -> OwnerSession:
    """Begin to connect an account: by QR code, or by a code that Telegram sends to `phone`.

    An unfinished sign-in is thrown away. Raises Conflict while an account is connected, Invalid for a phone that cannot
    be one.
    """
    number = _number(phone) if phone is not None else None
    with db.write():
        db.serialise("workspace", workspace_id)
        before = live_session(workspace_id)
        if before is not None and before.state == states.CONNECTED:
            raise Conflict(N_("An account is connected already. Disconnect it first."), code="already_connected")
        if before is not None:
            states.end(before, states.FAILED, error="started_again", now=now)
        row = OwnerSession.create(
            public_id=ids.public_id(),
            workspace=workspace_id,
            user=user_id,
            state=states.WAITING_CODE if number else states.WAITING_QR,
            created_at=now,
        )
        if number:
            row.handshake_sealed = states.seal(sealer, row, "handshake_sealed", json.dumps({"phone": number}))
            row.save()
        _audit("owner_session.asked", row, user_id, now=now)
    return row  # type: ignore[no-any-return]


def _number(phone: str) -> str:
    plain = re.sub(r"[\s()-]", "", phone)
    if not _PHONE.fullmatch(plain):
        sentence = N_("Write the phone number with its country code, like +998 90 123 45 67.")
        raise Invalid(sentence, fields={"phone": sentence})
    return "+" + plain.removeprefix("+")


def answer(sealer: Sealer, text: str, *, workspace_id: int, user_id: int, now: datetime) -> None:
    """Hand in the code or the second password that Telegram asked for; the jobs process passes it on within seconds.

    Raises NotFound unless this person's sign-in waits for one, Invalid for a blank or too long answer.
    """
    text = text.strip() if len(text) <= _MOST_ANSWER else ""
    with db.write():
        row = live_session(workspace_id)
        if row is None or row.user != user_id or row.state not in (states.WAITING_CODE, states.WAITING_PASSWORD):
            raise NotFound(N_("Nobody waits for a code or a password here."))
        if row.state == states.WAITING_CODE:
            text = re.sub(r"[\s-]", "", text)
        if not text:
            sentence = N_("Write what Telegram asked for.")
            raise Invalid(sentence, fields={"answer": sentence})
        row.answer_sealed, row.last_error = states.seal(sealer, row, "answer_sealed", text), None
        row.save()


def shown_code(sealer: Sealer, row: OwnerSession, *, user_id: int, now: datetime) -> str:
    """The tg://login address to show as a QR code to the person who asked for it; "" while there is none."""
    is_fresh = row.handshake_until is not None and row.handshake_until > now
    if row.state != states.WAITING_QR or row.user != user_id or not is_fresh:
        return ""
    return str(states.handshake_of(sealer, row).get("url", ""))


def disconnect(workspace_id: int, *, user_id: int, now: datetime) -> None:
    """End the workspace's session at once; the jobs process tells Telegram and erases it. Twice changes nothing."""
    with db.write():
        row = live_session(workspace_id)
        if row is None:
            return
        was_connected = row.state == states.CONNECTED
        states.end(row, states.REVOKED, keep_session=True, now=now)
        db.execute(
            "UPDATE history_import SET state = 'stopped', updated_at = ? WHERE workspace_id = ? AND state = 'running'",
            *(db.stamp(now), workspace_id),
        )
        _audit("owner_session.disconnected" if was_connected else "owner_session.gave_up", row, user_id, now=now)


def _audit(action: str, row: OwnerSession, user_id: int, *, now: datetime) -> None:
    audit.record(
        action,
        actor=f"user:{user_id}",
        subject=f"owner_session:{row.public_id}",
        workspace_id=row.workspace,
        after={"state": row.state},
        now=now,
    )
