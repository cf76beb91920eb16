"""What the pages of files show."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from app.accounts.models import User
from app.core.htmx import explained
from app.media import queries
from app.media.models import MediaFile
from app.media.ports import Use, Uses
from app.media.queries import ON_A_PAGE, CopyRow, Wanted
from app.media.service import library, marking, room, thumbnails
from app.media.service.room import Room
from app.media.upload_models import MediaUpload

_MOST_DRAWN_BYTES = 2_000_000  # until its still is made a picture is drawn from the file itself
_MOST_USES = 20
UrlOf = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Tile:
    """A file in the grid. `picture_url`: of its still, or of itself; "" where its kind stands for it."""

    public_id: str
    url: str
    kind: str
    name: str
    size: int
    picture_url: str
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LibraryPage:
    """Files of a workspace, a page of them; `unfinished` are the person's own uploads that wait to go on."""

    wanted: Wanted
    tiles: tuple[Tile, ...]
    tags: tuple[str, ...]
    room: Room
    unfinished: tuple[MediaUpload, ...]
    most_bytes: int
    url: str
    first_url: str | None
    next_url: str | None
    error: str = ""


@dataclass(frozen=True, slots=True)
class FilePage:
    """One file with all that is known of it. `unmarkable`: why no watermark can be put on it, "" where nothing says so."""

    tile: Tile
    row: MediaFile
    by: str
    uses: Sequence[Use]
    copies: Sequence[CopyRow]
    is_used: bool
    gone_at: datetime | None
    unmarkable: str = ""
    error: str = ""
    error_field: str = ""


def library_page(
    workspace_id: int,
    wanted: Wanted,
    *,
    before: int | None,
    user_id: int,
    most_bytes: int,
    url_of: UrlOf,
    now: datetime,
    error: str = "",
) -> LibraryPage:
    """A page of the library; `before` is the number of the file that ended the page before."""
    rows = queries.library(workspace_id, wanted, before=before, limit=ON_A_PAGE + 1)
    shown = rows[:ON_A_PAGE]
    return LibraryPage(
        wanted=wanted,
        tiles=tuple(tiles(shown, url_of)),
        tags=tuple(queries.tags_of(workspace_id)),
        room=room.room_of(workspace_id, now=now),
        unfinished=tuple(queries.open_uploads(workspace_id, user_id)),
        most_bytes=most_bytes,
        url=_url(wanted),
        first_url=_url(wanted) if before is not None else None,
        next_url=_url(wanted, before=shown[-1].id) if len(rows) > ON_A_PAGE else None,
        error=error,
    )


def file_page(workspace_id: int, row: MediaFile, uses: Uses, *, url_of: UrlOf) -> FilePage:
    """One file."""
    found = uses.of_file(workspace_id, row.public_id, limit=_MOST_USES)
    refusal = marking.why_not(row)
    person = User.get_or_none(User.id == row.created_by)
    return FilePage(
        tile=tiles([row], url_of)[0],
        row=row,
        by=person.name if person else "",
        uses=found,
        copies=queries.copies_of(workspace_id, row.id),
        is_used=any(use.is_open for use in found),
        gone_at=row.trashed_at + library.STAYS if row.trashed_at else None,
        unmarkable=explained(refusal) if refusal else "",
    )


def tiles(rows: Sequence[MediaFile], url_of: UrlOf) -> list[Tile]:
    """Files as the grid shows them."""
    stills = thumbnails.of_files([row.id for row in rows])
    return [_tile(row, stills.get(row.id), url_of) for row in rows]


def _tile(row: MediaFile, still: str | None, url_of: UrlOf) -> Tile:
    is_drawn = row.kind in ("photo", "animation") and row.size <= _MOST_DRAWN_BYTES
    drawn = still or (row.public_id if is_drawn else None)
    return Tile(
        row.public_id,
        f"/media/{row.public_id}/about",
        row.kind,
        row.name,
        row.size,
        url_of(drawn) if drawn else "",
        tuple(queries.split_tags(row.tags)),
    )


def _url(wanted: Wanted, *, before: int | None = None) -> str:
    told = {"q": wanted.words, "kind": wanted.kind, "tag": wanted.tag, "show": "trash" if wanted.is_trash else ""}
    query = urlencode({key: value for key, value in {**told, "before": before or ""}.items() if value})
    return f"/media?{query}" if query else "/media"
