"""The public preview page: what it shows since then is all that there is."""

from __future__ import annotations

from app.posting.readers.base import Look, Place
from app.readings.collectors.base import Collector, NoPreview, SeenPost

_MOST_PAGES = 3


class PreviewReader:
    """Looks through t.me/s by the collector's own parser."""

    name = "preview_page"

    def __init__(self, pages: Collector) -> None:
        self._pages = pages

    def look(self, place: Place) -> Look | None:
        if not place.username:
            return None
        seen: list[SeenPost] = []
        before: int | None = None
        for _ in range(_MOST_PAGES):
            try:
                page = self._pages.read(place.username, before=before)
            except NoPreview:
                return None
            seen = [*page.posts, *seen]
            oldest = next((post for post in page.posts if post.posted_at is not None), None)
            before = page.before
            if before is None or (oldest and oldest.posted_at and oldest.posted_at < place.since):
                return Look(seen, is_whole=True)
        return Look(seen, is_whole=False)
