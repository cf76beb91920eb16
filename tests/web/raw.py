"""Asking the database with plain SQL and nothing of the product's.

It reads either engine: SQLite keeps moments as milliseconds, PostgreSQL as timestamptz.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

Ask = Callable[[str], list[tuple[Any, ...]]]
MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


def moment(stored: Any) -> datetime:
    """To the second: readings are kept no finer."""
    at = stored.astimezone(UTC) if isinstance(stored, datetime) else datetime.fromtimestamp(stored / 1000, UTC)
    return at.replace(microsecond=0)
