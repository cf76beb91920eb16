"""What the pages of protection show."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from app.protection.models import TheftScan
from app.protection.queries import Case, CaseRow, WatchedChannel
from app.protection.service import scans


@dataclass(frozen=True, slots=True)
class RadarPage:
    """The radar. `can_compare`: there is something on both sides. `next_skip` 0: these are all."""

    watched: tuple[WatchedChannel, ...]
    scan: TheftScan | None
    cases: tuple[CaseRow, ...]
    show: str
    next_skip: int
    can_compare: bool
    may_act: bool
    error: str = ""

    @property
    def is_under_way(self) -> bool:
        return self.scan is not None and self.scan.state in (scans.WANTED, scans.RUNNING)

    @property
    def is_full(self) -> bool:
        """Whether the last scan opened as many cases as one may."""
        return self.scan is not None and self.scan.cases >= scans.MOST_CASES

    @property
    def reading_errors(self) -> tuple[WatchedChannel, ...]:
        return tuple(one for one in self.watched if one.error)

    @property
    def not_whole(self) -> tuple[WatchedChannel, ...]:
        return tuple(one for one in self.watched if not one.is_whole)


@dataclass(frozen=True, slots=True)
class CasePage:
    case: Case
    may_act: bool
    error: str = ""


@dataclass(frozen=True, slots=True)
class CopyPage:
    """Which copy is this? `is_asked`: a picture was sent. `is_ours` False with a mark: it stands for nothing of ours."""

    is_asked: bool = False
    has_mark: bool = False
    is_ours: bool = False
    payload: str = ""
    file_name: str = ""
    file_id: str = ""
    channel: str = ""
    post_id: str = ""
    issued_at: datetime | None = None
    error: str = ""
