"""Recording acts and proving that no record was changed, moved, inserted or cut off."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from app.audit.models import AuditAnchor, AuditEntry
from app.core import db

SERVICE_CHAIN = 0
KEEP = timedelta(days=730)
_keys: tuple[bytes, ...] = ()
_address: ContextVar[str] = ContextVar("audit_address", default="")


@dataclass(frozen=True, slots=True)
class Break:
    """The first record of a chain that does not hold, and why."""

    chain: int
    seq: int
    why: str


def configure(*secret_keys: str) -> None:
    """Give the key of the chain's HMAC, then those of before, whose records still verify; without one nobody can forge a
    record that verifies."""
    global _keys
    _keys = tuple(hashlib.sha256(b"audit-chain" + key.encode()).digest() for key in secret_keys)


def come_from(ip: str) -> None:
    """From where the present request acts; its records tell it. Empty: nobody's address."""
    _address.set(ip[:64])


def record(
    action: str,
    *,
    actor: str,
    subject: str,
    workspace_id: int | None = None,
    before: Any = None,
    after: Any = None,
    ip: str = "",
    now: datetime,
) -> None:
    """Append one act to the workspace's chain (or the service's), inside the transaction of the act itself.

    Without `ip`, the address of the present request is recorded, if there is one.
    """
    chain = workspace_id or SERVICE_CHAIN
    with db.write():
        if db.is_postgres():
            db.row("SELECT pg_advisory_xact_lock(?)", chain)
        head = db.row("SELECT seq, hash FROM audit_entry WHERE chain = ? ORDER BY seq DESC LIMIT 1", chain)
        seq, prev_hash = (int(head[0]) + 1, str(head[1])) if head else (1, "")
        fields = {"chain": chain, "seq": seq, "at": now, "actor": actor, "action": action, "subject": subject}
        content = fields | {"before": before, "after": after, "ip": ip or _address.get(), "prev_hash": prev_hash}
        AuditEntry.insert(**content, hash=_hash(content, _keys[0])).execute()


def _hash(content: dict[str, Any], key: bytes) -> str:
    body = db.canonical_json(content | {"at": db.to_ms(content["at"])})
    return hmac.new(key, body.encode(), hashlib.sha256).hexdigest()


def anchor(*, now: datetime) -> int:
    """Note the head of every chain for today; a chain cut off later no longer reaches its anchor."""
    with db.write():
        heads = db.rows(
            "SELECT e.chain, e.seq, e.hash FROM audit_entry e JOIN (SELECT chain, MAX(seq) AS seq FROM audit_entry"
            " GROUP BY chain) m ON m.chain = e.chain AND m.seq = e.seq"
        )
        for chain, seq, digest in heads:
            AuditAnchor.insert(chain=chain, day=now.date(), seq=seq, hash=digest).on_conflict(
                conflict_target=[AuditAnchor.chain, AuditAnchor.day], update={"seq": seq, "hash": digest}
            ).execute()
    return len(heads)


def forget(*, now: datetime) -> int:
    """Delete acts older than KEEP, up to an anchor, which the rest of the chain then hangs on. Returns how many."""
    gone = 0
    for chain, day in db.rows(
        "SELECT chain, MAX(day) FROM audit_anchor WHERE day < ? GROUP BY chain", _day(now - KEEP)
    ):
        with db.write():
            (seq,) = db.row("SELECT seq FROM audit_anchor WHERE chain = ? AND day = ?", chain, day) or (0,)
            gone += db.execute("DELETE FROM audit_entry WHERE chain = ? AND seq <= ?", chain, seq)
            db.execute("DELETE FROM audit_anchor WHERE chain = ? AND seq < ?", chain, seq)
    return gone


def _day(moment: datetime) -> Any:
    return moment.date() if db.is_postgres() else moment.date().isoformat()


def verify(*, now: datetime) -> tuple[int, list[Break]]:
    """Walk every chain; returns how many records were read and the first break of each broken chain."""
    read, breaks = 0, []
    for (chain,) in db.rows("SELECT DISTINCT chain FROM audit_entry UNION SELECT DISTINCT chain FROM audit_anchor"):
        entries: list[Any] = list(AuditEntry.select().where(AuditEntry.chain == chain).order_by(AuditEntry.seq).dicts())
        read += len(entries)
        broken = next(_breaks(int(chain), entries, now), None)
        if broken:
            breaks.append(broken)
    return read, breaks


def _breaks(chain: int, entries: list[dict[str, Any]], now: datetime) -> Iterator[Break]:
    anchors = list(AuditAnchor.select().where(AuditAnchor.chain == chain).order_by(AuditAnchor.seq))
    root, root_hash = _root(anchors, now)
    previous = root_hash
    for expected, entry in enumerate(entries, start=root + 1):
        digest = entry["hash"]
        content = {k: v for k, v in entry.items() if k not in ("id", "hash")}
        if entry["seq"] != expected:
            yield Break(chain, expected, "a record is missing here")
        if entry["prev_hash"] != previous:
            yield Break(chain, expected, "the record before it was changed or removed")
        if not any(hmac.compare_digest(_hash(content, key), digest) for key in _keys):
            yield Break(chain, expected, "its content was changed")
        previous = digest
    by_seq = {root: root_hash} | {e["seq"]: e["hash"] for e in entries}
    for anchor_ in anchors:
        if by_seq.get(anchor_.seq) != anchor_.hash:
            yield Break(chain, int(anchor_.seq), "the chain no longer reaches its daily anchor")


def _root(anchors: list[Any], now: datetime) -> tuple[int, str]:
    """The record that a chain hangs on: none, or the anchor up to which `forget` may have deleted."""
    if anchors and anchors[0].day < (now - KEEP).date() and not _holds_first(anchors[0]):
        return int(anchors[0].seq), str(anchors[0].hash)
    return 0, ""


def _holds_first(anchor_: Any) -> bool:
    return AuditEntry.select().where(AuditEntry.chain == anchor_.chain, AuditEntry.seq <= anchor_.seq).exists()
