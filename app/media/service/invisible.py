"""Which copy is which: payloads of invisible marks are issued before a copy leaves and looked up when one is found.

The marks themselves are in `app.media.invisible`, which knows nothing of copies.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from app.core import db
from app.core.crypto import keyed_hash
from app.media.invisible_models import MarkedCopy

_PAYLOAD_BITS = 48  # app.media.invisible.PAYLOAD_BITS: importing that costs numpy


@dataclass(frozen=True, slots=True)
class Copy:
    """What a mark stands for: the file (public id), the channel and the authored post that it went to."""

    payload: int
    media: str
    channel_id: int | None
    post_id: int | None
    issued_at: datetime


def issue(
    workspace_id: int, media: str, *, channel_id: int | None = None, post_id: int | None = None, now: datetime
) -> int:
    """The payload for the copy of a file (public id) in a channel and a post; for the same copy always the same one."""
    fingerprint = _fingerprint(media, channel_id, post_id)
    with db.write():
        db.execute(
            "INSERT INTO marked_copy (payload, workspace_id, media, channel_id, post_id, fingerprint, issued_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (workspace_id, fingerprint) DO NOTHING",
            *(secrets.randbits(_PAYLOAD_BITS), workspace_id, media, channel_id, post_id, fingerprint, db.stamp(now)),
        )
        kept = payload_of(workspace_id, media, channel_id=channel_id, post_id=post_id)
    assert kept is not None
    return kept


def payload_of(workspace_id: int, media: str, *, channel_id: int | None, post_id: int | None) -> int | None:
    """The payload of a copy; None when none was issued for it."""
    kept = db.row(
        "SELECT payload FROM marked_copy WHERE workspace_id = ? AND fingerprint = ?",
        *(workspace_id, _fingerprint(media, channel_id, post_id)),
    )
    return int(kept[0]) if kept else None


def _fingerprint(media: str, channel_id: int | None, post_id: int | None) -> str:
    return hashlib.sha256(f"{media} {channel_id} {post_id}".encode()).hexdigest()


def copy_of(workspace_id: int, payload: int) -> Copy | None:
    """Which copy of the workspace carries this payload; None for a stranger's."""
    found = MarkedCopy.get_or_none(MarkedCopy.workspace == workspace_id, MarkedCopy.payload == payload)
    if found is None:
        return None
    return Copy(found.payload, found.media, found.channel_id, found.post_id, found.issued_at)


def mark_keys(secret_keys: Sequence[str]) -> tuple[bytes, ...]:
    """The keys of marks: the first writes, all read, as the service's secret was changed since."""
    return tuple(bytes.fromhex(keyed_hash(secret, "media", "invisible mark")) for secret in secret_keys)
