"""Asking the remote store whether it does what a file needs of it."""

from __future__ import annotations

import hashlib
import secrets
import tempfile
from pathlib import Path

from app.media.ports import Remote
from app.media.service.store import StoreAway


def probe(remote: Remote) -> None:
    """Put a new object, read it back, delete it and see it gone. Raises StoreAway, with the cause, for what fails."""
    content = secrets.token_bytes(64)
    sha256 = hashlib.sha256(content).hexdigest()
    with tempfile.TemporaryDirectory() as folder:
        sent, back = Path(folder) / "sent", Path(folder) / "back"
        sent.write_bytes(content)
        remote.put(sha256, sent)
        is_whole = remote.bring(sha256, back) and back.read_bytes() == content
        remote.delete(sha256)
    if not is_whole:
        raise StoreAway from ValueError("it gave other bytes than it took")
    if remote.has(sha256):
        raise StoreAway from ValueError("it keeps what it was told to delete")
