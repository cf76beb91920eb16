"""What may be done with readings: record them, check the rollups, rebuild them.

Names are looked up on first use (PEP 562): pages need few of these verbs, and numpy behind the others would be a third
of the web process's memory.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from app.readings.service.checking import CheckResult, check_feeds
    from app.readings.service.collecting import DuePage, collect, due_page, utilisation
    from app.readings.service.deletions import mark_deleted, mark_messages_deleted, mark_standing
    from app.readings.service.facts import PostFacts
    from app.readings.service.following import follow, room
    from app.readings.service.imports import Imported, import_desktop_export, import_view_readings
    from app.readings.service.ingest import ensure_feed, record_reactions, record_readings, record_subscribers
    from app.readings.service.onboard import connect_owned, watch_public
    from app.readings.service.pages import record_page, record_seen
    from app.readings.service.posts import record_posts
    from app.readings.service.repair import rebuild
    from app.readings.service.sources import BOT_UPDATES, PREVIEW_PAGE, ensure_source

_HOMES = {
    "checking": "CheckResult check_feeds",
    "collecting": "DuePage collect due_page utilisation",
    "deletions": "mark_deleted mark_messages_deleted mark_standing",
    "facts": "PostFacts",
    "following": "follow room",
    "imports": "Imported import_desktop_export import_view_readings",
    "ingest": "ensure_feed record_reactions record_readings record_subscribers",
    "onboard": "connect_owned watch_public",
    "pages": "record_page record_seen",
    "posts": "record_posts",
    "repair": "rebuild",
    "sources": "BOT_UPDATES PREVIEW_PAGE ensure_source",
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}

__all__ = [
    "BOT_UPDATES",
    "PREVIEW_PAGE",
    "CheckResult",
    "DuePage",
    "Imported",
    "PostFacts",
    "check_feeds",
    "collect",
    "connect_owned",
    "due_page",
    "ensure_feed",
    "ensure_source",
    "follow",
    "import_desktop_export",
    "import_view_readings",
    "mark_deleted",
    "mark_messages_deleted",
    "mark_standing",
    "rebuild",
    "record_page",
    "record_posts",
    "record_reactions",
    "record_readings",
    "record_seen",
    "record_subscribers",
    "room",
    "utilisation",
    "watch_public",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
