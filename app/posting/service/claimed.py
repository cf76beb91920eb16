"""An action in a lane's hand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from app.posting.states import SENDS


@dataclass(frozen=True, slots=True)
class Claimed:
    """An action in a lane's hand."""

    id: int
    workspace_id: int
    kind: str
    address: str
    ready_at: datetime
    post_id: int
    target_id: int
    slot: int
    channel_id: int

    @property
    def is_send(self) -> bool:
        return self.kind in SENDS
