"""What the library asks of those above it: media knows no posts, and whoever has posts says which files they use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
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
