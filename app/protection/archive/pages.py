"""What the pages of archives and rebuilds show."""

from __future__ import annotations

from dataclasses import dataclass

from app.channels.queries import ChannelRef
from app.protection.archive.models import Archive
from app.protection.archive.queries import ArchiveRow, Contents, PostRow, Progress, RebuildRow, Unsent, Whole
from app.protection.archive.states import ACTIVE, PAUSED, STUCK, UNENDED


@dataclass(frozen=True, slots=True)
class ArchivesPage:
    """All archives, channels (public id, title) that have none, and the newest rebuilds."""

    archives: tuple[ArchiveRow, ...]
    others: tuple[tuple[str, str], ...]
    rebuilds: tuple[RebuildRow, ...]
    error: str = ""


@dataclass(frozen=True, slots=True)
class ArchivePage:
    """One archive. `channel`: its public id, "" once it is not the workspace's any more. `next_skip` 0: these are all the
    posts that are not whole. `most_bytes`: how large a file can come."""

    archive: Archive
    title: str
    channel: str
    whole: Whole
    lacking: tuple[PostRow, ...]
    next_skip: int
    most_bytes: int
    is_local_server: bool
    error: str = ""

    @property
    def can_rebuild(self) -> bool:
        return self.whole.whole + self.whole.partly + self.whole.waiting > 0


@dataclass(frozen=True, slots=True)
class FormPage:
    """Before a rebuild: what it would do. `sample` is the line of the date; `channels` those to choose from.

    `marks_left`: of the plan's watermarks; None: as many as one likes, or none are put on in the chosen channel.
    """

    archive: Archive
    title: str
    contents: Contents
    channels: tuple[ChannelRef, ...]
    chosen: str
    language: str
    has_deleted: bool
    sample: str
    posts_left: int | None
    marks_left: int | None
    errors: dict[str, str]
    error: str = ""

    @property
    def is_over_plan(self) -> bool:
        return self.posts_left is not None and self.posts_left < self.contents.sendable

    @property
    def is_over_marks(self) -> bool:
        return self.marks_left is not None and self.marks_left < self.contents.pictures


@dataclass(frozen=True, slots=True)
class RebuildPage:
    """How far a rebuild is."""

    progress: Progress
    unsent: tuple[Unsent, ...]
    skip: int
    next_skip: int
    error: str = ""

    @property
    def state(self) -> str:
        return self.progress.row.state

    @property
    def is_moving(self) -> bool:
        return self.state in ACTIVE

    @property
    def is_all_out(self) -> bool:
        return not (self.progress.failed or self.progress.skipped or self.progress.left_out)

    @property
    def can_go_on(self) -> bool:
        return self.state in (PAUSED, STUCK)

    @property
    def can_stop(self) -> bool:
        return self.state in UNENDED
