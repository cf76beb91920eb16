"""The public preview page t.me/s/<channel>: fetched, parsed, printed. Measured markup: 2022 to 2026."""

from app.readings.collectors.preview_page.fetch import PreviewPages, fetch_preview
from app.readings.collectors.preview_page.lines import preview_lines
from app.readings.collectors.preview_page.numbers import parse_count
from app.readings.collectors.preview_page.page import parse_preview

__all__ = ["PreviewPages", "fetch_preview", "parse_count", "parse_preview", "preview_lines"]
