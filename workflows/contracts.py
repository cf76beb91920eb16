"""Names, queues and messages shared by definitions, activities and dispatcher. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass

MAINTENANCE_QUEUE = "maintenance"
QUEUES = (MAINTENANCE_QUEUE,)

CHECK_ROLLUPS = "check_rollups"
KEEP_HOUSE = "keep_house"
DAILY_CHECK_SCHEDULE = "daily-rollup-check"
DAILY_CHECK_CRON = "30 3 * * *"
ALL_CHATS = "all"

# Outbox topics (app names topics, never workflows).
ROLLUPS_CHECK_TOPIC = "rollups.check"


@dataclass(frozen=True)
class CheckRequest:
    """Which chat's rollups to check; `all` for every chat."""

    chat: str


@dataclass(frozen=True)
class CheckReport:
    """What the check found, in numbers that the database also holds (table rollup_check)."""

    feeds: int
    readings: int
    differences: int


def rollup_check_id(chat: str) -> str:
    return f"rollup-check:{chat}"
