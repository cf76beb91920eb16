"""Telegram sends a bot no update for its own posts: what was sent enters the readings here, as an update would."""

from __future__ import annotations

import threading

from app.core import clock
from app.posting.service import collecting

_IDLE_S = 0.3


class OwnPosts:
    """Takes up what the lanes have sent."""

    def run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            if not collecting.collect_sent(now=clock.utcnow()):
                stop.wait(_IDLE_S)
