"""API keys: a prefix to recognise, a secret shown once, scopes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.accounts.models import ApiKey
from app.audit import service as audit
from app.core import db, ids
from app.core.errors import Invalid, NotFound

SCOPES = ("channels:read",)
_TOUCH_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class KeyHolder:
    """What a program may do: the workspace of its key, that one's time zone, and the key's scopes."""

    key_id: int
    workspace_id: int
    timezone: str
    scopes: frozenset[str]


def create(workspace_id: int, *, user_id: int, name: str, now: datetime) -> str:
    """Make a key; the returned secret is told this one time. Raises Invalid without a name."""
    name = name.strip()
    if not name or "\0" in name:
        raise Invalid("Give the key a name.", fields={"name": "Give the key a name."})
    secret = f"ab_{ids.secret_token()}"
    with db.write():
        key = ApiKey.create(
            workspace=workspace_id,
            public_id=ids.public_id(),
            name=name[:64],
            prefix=secret[:10],
            secret_hash=ids.token_hash(secret),
            scopes=list(SCOPES),
            created_by=user_id,
            created_at=now,
        )
        audit.record(
            "api_key.created",
            actor=f"user:{user_id}",
            subject=f"api_key:{key.public_id}",
            workspace_id=workspace_id,
            after={"name": key.name, "scopes": list(SCOPES)},
            now=now,
        )
    return secret


def revoke(workspace_id: int, public_id: str, *, user_id: int, now: datetime) -> None:
    with db.write():
        changed = (
            ApiKey.update(revoked_at=now)
            .where(ApiKey.workspace == workspace_id, ApiKey.public_id == public_id, ApiKey.revoked_at.is_null())
            .execute()
        )
        if not changed:
            raise NotFound("There is no such key.")
        audit.record(
            "api_key.revoked",
            actor=f"user:{user_id}",
            subject=f"api_key:{public_id}",
            workspace_id=workspace_id,
            now=now,
        )


def keys_of(workspace_id: int) -> list[ApiKey]:
    return list(
        ApiKey.select().where(ApiKey.workspace == workspace_id, ApiKey.revoked_at.is_null()).order_by(ApiKey.id)
    )


def holder_of(secret: str, *, now: datetime) -> KeyHolder | None:
    """Whose key this is, or None when unknown, revoked or ended. Notes the use at most once a minute."""
    found = db.row(
        "SELECT k.id, k.workspace_id, k.scopes, k.last_used_at, w.timezone FROM api_key k"
        " JOIN workspace w ON w.id = k.workspace_id AND w.deleted_at IS NULL"
        " WHERE k.secret_hash = ? AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > ?)",
        *(ids.token_hash(secret), db.stamp(now)),
    )
    if not found:
        return None
    last = db.moment(found[3])
    if last is None or now - last > _TOUCH_EVERY:
        with db.write():
            db.execute("UPDATE api_key SET last_used_at = ? WHERE id = ?", db.stamp(now), found[0])
    return KeyHolder(int(found[0]), int(found[1]), str(found[4]), frozenset(json.loads(found[2])))
