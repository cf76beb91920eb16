"""A ticket that opens one live stream: EventSource can send no headers, and the stream is another process's."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from itsdangerous import BadSignature, URLSafeSerializer

from app.accounts.service.sessions import SignedIn
from app.core import db, ids

LIFE = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Claim:
    """Whose stream a ticket opens. `number` is the ticket's own, good once in the process that takes it."""

    number: str
    session_id: int
    user_id: int
    workspace_id: int
    until: float


def ticket(secret: str, who: SignedIn, *, now: datetime) -> str:
    """A ticket for a stream of the person's workspace, good for half a minute."""
    claim = (ids.public_id(), who.session_id, who.user_id, who.workspace_id, (now + LIFE).timestamp())
    return str(_serializer(secret).dumps(claim))


def claim_of(secret: str, given: str, *, now: datetime) -> Claim | None:
    """What a ticket says, or None when it is none of ours or too old."""
    try:
        claim = Claim(*_serializer(secret).loads(given))
    except (BadSignature, TypeError):
        return None
    return claim if now.timestamp() <= claim.until else None


def still_open(session_ids: list[int], *, now: datetime) -> set[tuple[int, int]]:
    """(session, workspace it is in) of those that neither ended nor were revoked, and whose person still belongs there."""
    if not session_ids:
        return set()
    marks = db.marks(session_ids)
    found = db.rows(
        "SELECT s.id, s.workspace_id FROM session s"
        " JOIN membership m ON m.workspace_id = s.workspace_id AND m.user_id = s.user_id"
        f" WHERE s.id IN ({marks}) AND s.revoked_at IS NULL AND s.expires_at > ?",
        *(*session_ids, db.stamp(now)),
    )
    return {(int(session), int(workspace)) for session, workspace in found}


def _serializer(secret: str) -> URLSafeSerializer:
    return URLSafeSerializer(secret, salt="live-stream")
