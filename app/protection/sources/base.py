"""What a scan asks of a place where others post: their posts with words and pictures."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class FoundPost:
    """A post as anybody sees it. `pictures` are addresses for `PostSource.picture`, in page order."""

    message_id: int
    posted_at: datetime
    text: str
    pictures: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FoundPage:
    """Posts in page order, oldest first. `before` asks for older ones; None when there are none."""

    posts: tuple[FoundPost, ...]
    before: int | None


class PostSource(Protocol):
    """Raises Upstream (permanent where asking again cannot help) and Invalid for a name that cannot be one.

    Waits between two questions by itself, so that no scan presses on the place it reads.
    """

    def page(self, username: str, *, before: int | None = None) -> FoundPage:
        """The page of posts older than message id `before`, or the newest page."""
        ...

    def picture(self, address: str) -> bytes | None:
        """A picture's bytes; None when it is gone, too large, or lies where we do not go."""
        ...
