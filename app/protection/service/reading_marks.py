"""Which copy is this? A picture's invisible mark, and the copy of the workspace that it stands for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from app.core import db
from app.media import child
from app.media.service import invisible, store
from app.media.service.invisible import Copy

MOST_BYTES = 10_000_000


@dataclass(frozen=True, slots=True)
class Found:
    """A mark. `copy` None: it stands for no copy of this workspace."""

    payload: int
    copy: Copy | None


def mark_of(workspace_id: int, stream: IO[bytes], secret_keys: Sequence[str], *, data_dir: Path) -> Found | None:
    """What the picture carries; None for no mark. It is read in a process of its own, and nothing of it is kept.

    Raises Invalid for what is no picture or too large a one, TimedOut and Crashed for one that breaks its reader.
    """
    keys = [key.hex() for key in invisible.mark_keys(secret_keys)]
    with store.draft(stream, data_dir) as given:
        told = child.run("read_mark", {"source": str(given.path), "keys": keys})
    payload = told["payload"]
    return None if payload is None else Found(payload, invisible.copy_of(workspace_id, payload))


def told_of(workspace_id: int, copy: Copy) -> tuple[str, str, str]:
    """Name of the file, title of the channel, public id of the post, as far as they are still there."""
    found = db.row(
        "SELECT (SELECT name FROM media_file WHERE workspace_id = ? AND public_id = ?),"
        " (SELECT t.title FROM channel c JOIN chat t ON t.id = c.chat_id WHERE c.workspace_id = ? AND c.id = ?),"
        " (SELECT public_id FROM authored_post WHERE workspace_id = ? AND id = ? AND deleted_at IS NULL)",
        *(workspace_id, copy.media, workspace_id, copy.channel_id, workspace_id, copy.post_id),
    )
    name, title, post = found or (None, None, None)
    return name or "", title or "", post or ""
