"""Readings that somebody recorded before us: CSV files and Telegram Desktop's export."""

from app.readings.collectors.imports.desktop import DesktopExport, read_desktop_export
from app.readings.collectors.imports.merge import (
    MOST_AHEAD,
    TELEGRAM_BEGAN,
    MergedReadings,
    RejectedRow,
    merge_readings,
)
from app.readings.collectors.imports.view_readings import (
    RecordedReading,
    SubscriberReading,
    read_subscribers,
    read_view_readings,
)

__all__ = [
    "MOST_AHEAD",
    "TELEGRAM_BEGAN",
    "DesktopExport",
    "MergedReadings",
    "RecordedReading",
    "RejectedRow",
    "SubscriberReading",
    "merge_readings",
    "read_desktop_export",
    "read_subscribers",
    "read_view_readings",
]
