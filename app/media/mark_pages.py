"""What the pages of watermarks show."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from app.channels.queries import channels_of
from app.core import db
from app.media import queries
from app.media.mark_models import Watermark
from app.media.models import MediaFile
from app.media.service import marking, watermarks, work
from app.media.service.marking import Wish
from app.media.service.watermarks import POSITIONS, Typed
from app.media.service.work import Standing

_MOST_OFFERED = 100
_MARKABLE, _LOGOS = tuple(sorted(marking.MARKED)), ("image/png", "image/webp", "image/jpeg")


@dataclass(frozen=True, slots=True)
class Row:
    """A watermark in the list, with the channels whose posts carry it."""

    public_id: str
    name: str
    kind: str
    words: str
    channels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """A file or a channel that can be chosen."""

    public_id: str
    title: str


@dataclass(frozen=True, slots=True)
class Tried:
    """What is being tried: the file, how its work stands, and where the result is once there is one."""

    file: Choice
    job: Standing
    url: str
    is_film: bool


@dataclass(frozen=True, slots=True)
class MarkPage:
    """One watermark. `public_id` is "" of one that is to be made. `words`: what the files to try it on are searched by."""

    public_id: str
    typed: Typed
    positions: tuple[str, ...]
    channels: tuple[Choice, ...]
    logos: tuple[Choice, ...]
    files: tuple[Choice, ...]
    words: str
    tried: Tried | None
    may_change: bool
    errors: Mapping[str, str]

    @property
    def has_more(self) -> bool:
        """Whether only the newest of the files are offered."""
        return len(self.files) >= _MOST_OFFERED


@dataclass(frozen=True, slots=True)
class ListPage:
    """The workspace's watermarks."""

    rows: tuple[Row, ...]
    may_change: bool


def list_page(workspace_id: int, *, may_change: bool) -> ListPage:
    """The workspace's watermarks."""
    titles = {ref.public_id: ref.title for ref in channels_of(workspace_id)}
    on = watermarks.channels_with(workspace_id)
    rows = tuple(
        Row(
            row.public_id,
            row.name,
            row.kind,
            row.text,
            tuple(titles[key] for key in on.get(row.id, ()) if key in titles),
        )
        for row in watermarks.of_workspace(workspace_id)
    )
    return ListPage(rows, may_change)


def mark_page(
    workspace_id: int,
    public_id: str,
    typed: Typed | None,
    *,
    tried: str,
    words: str = "",
    may_change: bool,
    errors: Mapping[str, str],
    url_of: Callable[[str], str],
) -> MarkPage:
    """A watermark's form, as it is kept or as it was typed. Raises NotFound."""
    row = watermarks.by_public_id(workspace_id, public_id) if public_id else None
    shown = typed or (_typed_of(workspace_id, row) if row else Typed())
    return MarkPage(
        public_id=public_id,
        typed=shown,
        positions=POSITIONS,
        channels=tuple(
            Choice(ref.public_id, ref.title) for ref in channels_of(workspace_id) if ref.relation == "owned"
        ),
        logos=_files(workspace_id, _LOGOS, chosen=shown.logo),
        files=_files(workspace_id, _MARKABLE, chosen=tried, words=words) if row else (),
        words=words,
        tried=_tried(workspace_id, row, tried, url_of) if row and tried else None,
        may_change=may_change,
        errors=errors,
    )


def _typed_of(workspace_id: int, row: Watermark) -> Typed:
    logo = db.row("SELECT public_id FROM media_file WHERE id = ?", row.logo) if row.logo else None
    return Typed(
        row.name,
        row.kind,
        row.text,
        logo[0] if logo else "",
        row.position,
        width=str(row.width),
        margin=str(row.margin),
        opacity=str(row.opacity),
        seconds=str(row.seconds),
        channels=watermarks.channels_with(workspace_id).get(row.id, []),
    )


def _files(workspace_id: int, mimes: Collection[str], *, chosen: str, words: str = "") -> tuple[Choice, ...]:
    """The chosen one first, of whatever age: a form that does not show it takes it away. Then the newest. With words,
    those alone that the library finds by them."""
    rows = (
        MediaFile.select(MediaFile.public_id, MediaFile.name)
        .where(
            *(MediaFile.workspace == workspace_id, MediaFile.deleted_at.is_null(), MediaFile.trashed_at.is_null()),
            *(MediaFile.origin.is_null(), MediaFile.mime.in_(mimes), *queries.found_by(words)),
        )
        .order_by((MediaFile.public_id == chosen).desc(), MediaFile.id.desc())
        .limit(_MOST_OFFERED)
    )
    return tuple(Choice(*row) for row in rows.tuples())


def _tried(workspace_id: int, row: Watermark, file: str, url_of: Callable[[str], str]) -> Tried | None:
    source, mark = queries.file_of(workspace_id, file), watermarks.params_of(row)
    job = work.newest(workspace_id, source.id, work.recipe_of(marking.MARK, mark)) if source else None
    if source is None or job is None:
        return None
    made = marking.marked(workspace_id, [file], Wish(mark)).get(file)
    return Tried(Choice(file, source.name), job, url_of(made) if made else "", source.mime.startswith("video/"))
