"""The replies kept under idempotency keys: who runs a request, and what came of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.core import db
from app.core.errors import Conflict, Invalid
from app.core.i18n import N_

DEAD_AFTER = timedelta(seconds=60)
_MINE = "workspace_id = ? AND user_id = ? AND endpoint = ? AND key_hash = ?"
_RUNNING = f"{_MINE} AND claimed_at = ? AND status IS NULL"


@dataclass(frozen=True, slots=True)
class Asked:
    """A request under a key: whose it is, at which door, and the hash of all that it says."""

    workspace_id: int
    user_id: int
    endpoint: str
    key_hash: str
    fingerprint: str

    @property
    def place(self) -> tuple[int, int, str, str]:
        return self.workspace_id, self.user_id, self.endpoint, self.key_hash


@dataclass(frozen=True, slots=True)
class Reply:
    """What is said again, byte by byte."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to run a request, until it is given back or has been silent for `DEAD_AFTER`."""

    asked: Asked
    at: datetime


def claim(asked: Asked, *, now: datetime) -> Claim | Reply:
    """The right to run a request, or the reply that it got before; of those who ask at once one gets the right.

    Raises Invalid (`key_reused`) when the key stood for another request, Conflict (`in_flight`) while the first runs.
    """
    if _begin(asked, now=now):
        return Claim(asked, now)
    found = db.row(
        f"SELECT fingerprint, claimed_at, status, headers, body FROM idempotency_key WHERE {_MINE}", *asked.place
    )
    if found is None:  # given back between the two statements
        raise _in_flight()
    fingerprint, claimed_at, status, headers, body = found
    if fingerprint != asked.fingerprint:
        raise Invalid(N_("This idempotency key was used for another request. Use a new one."), code="key_reused")
    if status is not None:
        return Reply(int(status), json.loads(headers), bytes(body))
    if _take_over(asked, db.moment(claimed_at), now=now):
        return Claim(asked, now)
    raise _in_flight()


def _begin(asked: Asked, *, now: datetime) -> bool:
    with db.write():
        made = db.execute(
            "INSERT INTO idempotency_key (workspace_id, user_id, endpoint, key_hash, fingerprint, claimed_at)"
            " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (workspace_id, user_id, endpoint, key_hash) DO NOTHING",
            *(*asked.place, asked.fingerprint, db.stamp(now)),
        )
    return made > 0


def _take_over(asked: Asked, claimed_at: datetime, *, now: datetime) -> bool:
    """Whoever had the right died with it; one of those who wait gets it."""
    if now - claimed_at < DEAD_AFTER:
        return False
    with db.write():
        moved = db.execute(
            f"UPDATE idempotency_key SET claimed_at = ? WHERE {_RUNNING}",
            *(db.stamp(now), *asked.place, db.stamp(claimed_at)),
        )
    return moved > 0


def keep(claim: Claim, reply: Reply) -> None:
    """What the request came to. Nothing, if somebody else has taken it over meanwhile."""
    with db.write():
        db.execute(
            f"UPDATE idempotency_key SET status = ?, headers = ?, body = ? WHERE {_RUNNING}",
            *(reply.status, db.canonical_json(reply.headers), reply.body, *claim.asked.place, db.stamp(claim.at)),
        )


def give_back(claim: Claim) -> None:
    """It came to nothing: the next request under the key runs."""
    with db.write():
        db.execute(f"DELETE FROM idempotency_key WHERE {_RUNNING}", *claim.asked.place, db.stamp(claim.at))


def _in_flight() -> Conflict:
    return Conflict(
        N_("The first request with this idempotency key is still running. Try again in a second."), code="in_flight"
    )
