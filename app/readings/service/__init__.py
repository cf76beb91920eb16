"""What may be done with readings: record them, check the rollups, rebuild them."""

from app.readings.service.ingest import (
    BOT_UPDATES,
    PREVIEW_PAGE,
    PostFacts,
    ensure_feed,
    ensure_source,
    mark_deleted,
    record_posts,
    record_reactions,
    record_readings,
    record_subscribers,
)
from app.readings.service.repair import CheckResult, check_feeds, rebuild

__all__ = [
    "BOT_UPDATES",
    "PREVIEW_PAGE",
    "CheckResult",
    "PostFacts",
    "check_feeds",
    "ensure_feed",
    "ensure_source",
    "mark_deleted",
    "rebuild",
    "record_posts",
    "record_reactions",
    "record_readings",
    "record_subscribers",
]
