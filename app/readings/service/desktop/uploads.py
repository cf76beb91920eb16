"""Taking a file in: a look at its first bytes, a row, and a place under DATA_DIR. Reading it is the jobs process's."""

from __future__ import annotations

import hashlib
import os
from datetime import datetime
from pathlib import Path
from typing import IO

from app.audit import service as audit
from app.channels.queries import ChannelRef
from app.core import db, ids
from app.core.errors import Conflict, Invalid
from app.core.i18n import N_
from app.readings.desktop_models import DesktopImport
from app.readings.service.desktop.states import UNFINISHED, WAITING, file_of

MOST_BYTES = 200 * 1024 * 1024
MOST_WAITING = 3  # files of one workspace at a time: each takes its place on the disk
_FIRST_BYTES = 65536
_BOM = b"\xef\xbb\xbf"


def take(
    given: IO[bytes], *, workspace_id: int, channel: ChannelRef, data_dir: Path, user_id: int, now: datetime
) -> DesktopImport:
    """Keep a file for the jobs process to read into the channel's feed of this workspace.

    Raises Invalid with the field `file` for what cannot be an export, Conflict while another one is being read.
    """
    _require_export(given)
    size, digest = _measured(given)
    public_id = ids.public_id()
    path = file_of(data_dir, public_id)
    _store(given, path)
    try:
        with db.write():
            _require_room(workspace_id, channel.id)
            row = DesktopImport.create(
                public_id=public_id,
                workspace=workspace_id,
                channel=channel.id,
                state=WAITING,
                digest=digest,
                size=size,
                observed_at=now.replace(microsecond=0),
                created_by=user_id,
                created_at=now,
                updated_at=now,
            )
            audit.record(
                "desktop_import.started",
                actor=f"user:{user_id}",
                subject=f"channel:{channel.public_id}",
                workspace_id=workspace_id,
                after={"import": public_id, "size": size, "digest": digest},
                now=now,
            )
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return row  # type: ignore[no-any-return]


def newest(workspace_id: int, channel_id: int) -> DesktopImport | None:
    """The last file handed in for a channel."""
    found: DesktopImport | None = (
        DesktopImport.select()
        .where(DesktopImport.workspace == workspace_id, DesktopImport.channel == channel_id)
        .order_by(DesktopImport.id.desc())
        .first()
    )
    return found


def _require_export(given: IO[bytes]) -> None:
    """The kind of a file is what it holds, not what it is called."""
    given.seek(0)
    first = given.read(_FIRST_BYTES).removeprefix(_BOM).lstrip()
    if not first:
        raise Invalid(N_("Choose a file."), fields={"file": "missing"})
    if not first.startswith(b"{") or b'"messages"' not in first:
        raise Invalid(
            N_("This is not the result.json of one channel, exported by Telegram Desktop."), fields={"file": "kind"}
        )


def _measured(given: IO[bytes]) -> tuple[int, str]:
    given.seek(0)
    digest = hashlib.file_digest(given, "sha256").hexdigest()  # type: ignore[arg-type]
    return given.tell(), digest


def _store(given: IO[bytes], path: Path) -> None:
    """The upload came into a file of the same folder: it gets its name there, nothing is copied."""
    given.flush()
    os.link(given.name, path)
    path.chmod(0o600)


def _require_room(workspace_id: int, channel_id: int) -> None:
    waiting = [
        row.channel
        for row in DesktopImport.select().where(
            DesktopImport.workspace == workspace_id, DesktopImport.state.in_(UNFINISHED)
        )
    ]
    if channel_id in waiting:
        raise Conflict(N_("A file of this channel is being read. Wait until it is done."), code="import_running")
    if len(waiting) >= MOST_WAITING:
        raise Conflict(N_("Three files are waiting already. Hand this one in later."), code="imports_waiting")
