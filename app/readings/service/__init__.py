"""What may be done with readings: record them, check the rollups, rebuild them."""

from app.readings.service.checking import CheckResult, check_feeds
from app.readings.service.collecting import DuePage, collect, due_page, follow, room, utilisation
from app.readings.service.deletions import mark_deleted, mark_messages_deleted, mark_standing
from app.readings.service.facts import PostFacts
from app.readings.service.imports import Imported, import_desktop_export, import_view_readings
from app.readings.service.ingest import (
    BOT_UPDATES,
    PREVIEW_PAGE,
    ensure_feed,
    ensure_source,
    record_reactions,
    record_readings,
    record_subscribers,
)
from app.readings.service.onboard import connect_owned, watch_public
from app.readings.service.pages import record_page, record_seen
from app.readings.service.posts import record_posts
from app.readings.service.repair import rebuild

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
