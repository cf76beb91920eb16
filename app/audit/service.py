"""Recording acts and proving that no record was changed, moved, inserted or cut off."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.audit.models import AuditAnchor, AuditEntry
from app.core import db

SERVICE_CHAIN = 0
_key = b""


@dataclass(frozen=True, slots=True)
class Break:
    """The first record of a chain that does not hold, and why."""

    chain: int
    seq: int
    why: str


def configure(secret_key: str) -> None:
    """Give the key of the chain's HMAC; without it nobody can forge a record that verifies."""
    global _key
    _key = hashlib.sha256(b"audit-chain" + secret_key.encode()).digest()


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
    """Append one act to the workspace's chain (or the service's), inside the transaction of the act itself."""
    chain = workspace_id or SERVICE_CHAIN
    with db.write():
        if db.is_postgres():
            db.row("SELECT pg_advisory_xact_lock(?)", chain)
        head = db.row("SELECT seq, hash FROM audit_entry WHERE chain = ? ORDER BY seq DESC LIMIT 1", chain)
        seq, prev_hash = (int(head[0]) + 1, str(head[1])) if head else (1, "")
        fields = {"chain": chain, "seq": seq, "at": now, "actor": actor, "action": action, "subject": subject}
        content = fields | {"before": before, "after": after, "ip": ip, "prev_hash": prev_hash}
        AuditEntry.insert(**content, hash=_hash(content)).execute()


def _hash(content: dict[str, Any]) -> str:
    body = db.canonical_json(content | {"at": db.to_ms(content["at"])})
    return hmac.new(_key, body.encode(), hashlib.sha256).hexdigest()


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


def verify() -> tuple[int, list[Break]]:
    """Walk every chain; returns how many records were read and the first break of each broken chain."""
    read, breaks = 0, []
    for (chain,) in db.rows("SELECT DISTINCT chain FROM audit_entry UNION SELECT DISTINCT chain FROM audit_anchor"):
        entries: list[Any] = list(AuditEntry.select().where(AuditEntry.chain == chain).order_by(AuditEntry.seq).dicts())
        read += len(entries)
        broken = next(_breaks(int(chain), entries), None)
        if broken:
            breaks.append(broken)
    return read, breaks


def _breaks(chain: int, entries: list[dict[str, Any]]) -> Iterator[Break]:
    previous = ""
    for expected, entry in enumerate(entries, start=1):
        digest = entry["hash"]
        content = {k: v for k, v in entry.items() if k not in ("id", "hash")}
        if entry["seq"] != expected:
            yield Break(chain, expected, "a record is missing here")
        if entry["prev_hash"] != previous:
            yield Break(chain, expected, "the record before it was changed or removed")
        if not hmac.compare_digest(_hash(content), digest):
            yield Break(chain, expected, "its content was changed")
        previous = digest
    by_seq = {e["seq"]: e["hash"] for e in entries}
    for seq, digest in db.rows("SELECT seq, hash FROM audit_anchor WHERE chain = ? ORDER BY seq", chain):
        if by_seq.get(seq) != digest:
            yield Break(chain, int(seq), "the chain no longer reaches its daily anchor")
