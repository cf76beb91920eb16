"""What media asks of others. It knows no posts: whoever has posts says which files they use. Bytes lie in the folder and,
where one is set, in a store far away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Use:
    """A post that has a file. `is_open`: it is still to go out, or may."""

    url: str
    words: str
    changed_at: datetime
    is_open: bool


class Uses(Protocol):
    """Who uses a file; composed in boot."""

    def of_file(self, workspace_id: int, public_id: str, *, limit: int) -> Sequence[Use]:
        """The posts with this file, those that are still to go out first, then the newest; bounded by `limit`."""


@dataclass(frozen=True, slots=True)
class Lying:
    """Bytes in the remote store, and since when they lie there."""

    sha256: str
    since: datetime


class Remote(Protocol):
    """Where bytes lie for good under their SHA-256. Every method raises store.StoreAway when it cannot be reached."""

    def has(self, sha256: str) -> bool:
        """Whether the bytes lie there."""

    def put(self, sha256: str, path: Path) -> None:
        """Store a file's bytes, which hash to `sha256`; on return they are durable."""

    def bring(self, sha256: str, target: Path) -> bool:
        """Write the bytes into `target`; False when there are none."""

    def delete(self, sha256: str) -> None:
        """Delete the bytes; nothing happens when there are none."""

    def listed(self, after: str) -> tuple[Sequence[Lying], str]:
        """A page of what lies there, in an order that stays, from a place on ("": the beginning), and the place where it
        goes on ("": nowhere)."""
