"""Cases of theft: opened by a scan once for each own post and copy, ended by a person; the evidence ends with them."""

from __future__ import annotations

import hashlib
import os
import tempfile
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from app.audit import service as audit
from app.core import db, ids
from app.core.errors import Conflict, NotFound
from app.core.i18n import N_
from app.core.uploads import PART
from app.media.service import store
from app.protection.models import TheftCase, TheftEvidence

OPEN, CLOSED, DISMISSED = "open", "closed", "dismissed"
KEEP_EVIDENCE = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Finding:
    """What a scan found. `text` and `picture` are the copy as it stands; None where it is gone or has none."""

    post_id: int
    chat_id: int
    message_id: int
    posted_at: datetime
    score: float | None
    distance: int | None
    text: str | None
    picture: bytes | None
    own_sha256: str | None


def is_known(workspace_id: int, post_id: int, chat_id: int, message_id: int) -> bool:
    found = db.row(
        "SELECT 1 FROM theft_case WHERE workspace_id = ? AND post_id = ? AND chat_id = ? AND found_message_id = ?",
        *(workspace_id, post_id, chat_id, message_id),
    )
    return found is not None


def open_case(workspace_id: int, found: Finding, *, data_dir: Path, now: datetime) -> bool:
    """Open a case with its evidence; False when it is known already, whatever became of it."""
    public_id = ids.public_id()
    with db.write():
        opened = db.execute(
            "INSERT INTO theft_case (public_id, workspace_id, channel_id, post_id, own_message_id, own_posted_at,"
            " chat_id, found_message_id, found_posted_at, text_permille, picture_bits, text_sha256, picture_sha256,"
            " own_sha256, state, opened_at) SELECT ?, o.workspace_id, o.channel_id, o.post_id, o.message_id,"
            " o.posted_at, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? FROM own_print o WHERE o.workspace_id = ? AND o.post_id = ?"
            " ON CONFLICT (workspace_id, post_id, chat_id, found_message_id) DO NOTHING",
            *(public_id, found.chat_id, found.message_id, db.stamp(found.posted_at)),
            *(None if found.score is None else round(1000 * found.score), found.distance),
            *(_sha256(found.text.encode() if found.text else None), _sha256(found.picture), found.own_sha256),
            *(OPEN, db.stamp(now), workspace_id, found.post_id),
        )
        if not opened:
            return False
        if found.picture:
            _write(picture_path(data_dir, public_id), found.picture)
        case = TheftCase.get(TheftCase.workspace == workspace_id, TheftCase.public_id == public_id)
        TheftEvidence.create(case=case.id, workspace=workspace_id, text=found.text, kept_at=now)
        subject = f"theft_case:{public_id}"
        audit.record("theft_case.opened", actor="system", subject=subject, workspace_id=workspace_id, now=now)
    return True


def end(workspace_id: int, public_id: str, state: str, *, user_id: int, data_dir: Path, now: datetime) -> None:
    """Close a case (`closed`: the copy is gone or agreed on) or dismiss it (`dismissed`: no theft).

    Its evidence is erased. Raises NotFound, and Conflict for one that was ended otherwise.
    """
    assert state in (CLOSED, DISMISSED)
    case = TheftCase.get_or_none(TheftCase.workspace == workspace_id, TheftCase.public_id == public_id)
    if case is None:
        raise NotFound(N_("There is no such case."))
    if case.state == state:
        return
    with db.write():
        ended = db.execute(
            "UPDATE theft_case SET state = ?, ended_at = ?, ended_by = ? WHERE id = ? AND workspace_id = ?"
            " AND state = ?",
            *(state, db.stamp(now), user_id, case.id, workspace_id, OPEN),
        )
        if not ended:
            raise Conflict(N_("This case was ended otherwise meanwhile."))
        audit.record(
            f"theft_case.{state}",
            actor=f"user:{user_id}",
            subject=f"theft_case:{public_id}",
            workspace_id=workspace_id,
            now=now,
        )
        db.execute("DELETE FROM theft_evidence WHERE case_id = ? AND workspace_id = ?", case.id, workspace_id)
    picture_path(data_dir, public_id).unlink(missing_ok=True)


def forget_evidence(*, data_dir: Path, now: datetime) -> int:
    """Erase evidence that is older than 90 days, and pictures without evidence; returns how many rows are gone."""
    with db.write():
        gone = db.execute("DELETE FROM theft_evidence WHERE kept_at < ?", db.stamp(now - KEEP_EVIDENCE))
    kept = {
        name for (name,) in db.rows("SELECT c.public_id FROM theft_evidence e JOIN theft_case c ON c.id = e.case_id")
    }
    for path in _folder(data_dir).iterdir():
        is_young = now.timestamp() - path.stat().st_mtime < store.ORPHAN_AFTER.total_seconds()
        if path.name not in kept and not is_young:  # a young one may wait for its row
            path.unlink(missing_ok=True)
    return gone


def picture_path(data_dir: Path, public_id: str) -> Path:
    """Where the picture of a case's copy lies."""
    return _folder(data_dir) / public_id


def _folder(data_dir: Path) -> Path:
    path = store.folder(data_dir) / "evidence"
    path.mkdir(mode=0o700, exist_ok=True)
    return path


def _write(path: Path, data: bytes) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, suffix=PART)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(name, path)


def _sha256(data: bytes | None) -> str | None:
    return hashlib.sha256(data).hexdigest() if data else None
