"""The owner's connected account: asked to look at once, through the one process that may hold its line."""

from __future__ import annotations

import time

from app.core import clock
from app.core.errors import Upstream
from app.posting.readers.base import Look, Place
from app.posting.readers.collected import CollectedPosts
from app.readings.service import owner_session

_WAIT_S, _EVERY_S = 20.0, 0.5
_A_PAGE = 90  # of the hundred newest messages; as many since then may hide one


class OwnerAccountReader:
    """Asks the jobs process for a look and waits for it: a second line to the same session would end the session.

    What the account showed stands in the collected posts. A look that began after the question saw everything.
    """

    name = "owner_account"

    def __init__(self, wait_s: float = _WAIT_S) -> None:
        self._wait_s = wait_s

    def look(self, place: Place) -> Look | None:
        asked_at, until = clock.utcnow(), time.monotonic() + self._wait_s
        while owner_session.want_look(place.workspace_id, place.chat_id, now=asked_at):
            time.sleep(_EVERY_S)
            if owner_session.has_looked(place.workspace_id, place.chat_id, since=asked_at):
                seen = CollectedPosts().look(place).posts
                return Look(seen, is_whole=len(seen) < _A_PAGE)
            if time.monotonic() > until:
                raise Upstream("The owner's account has not looked yet.")
        return None
