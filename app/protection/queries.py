"""Reads on the radar: what is watched, scans, and cases with what is left of their evidence."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from app.core import db
from app.core.errors import NotFound
from app.core.i18n import N_
from app.media.models import MediaFile
from app.protection.models import TheftScan

PAGE = 50


@dataclass(frozen=True, slots=True)
class WatchedChannel:
    """A watched channel as the radar sees it. `read_at` None: no scan came to it yet.

    `is_whole` False: of the last month only what was published since `back_to` is read, or is read but for a gap below it.
    """

    title: str
    username: str
    read_at: datetime | None
    error: str
    is_whole: bool
    back_to: datetime | None


@dataclass(frozen=True, slots=True)
class CaseRow:
    """A case in one line."""

    public_id: str
    state: str
    channel: str
    found_in: str
    own_posted_at: datetime
    found_posted_at: datetime
    opened_at: datetime


@dataclass(frozen=True, slots=True)
class Case:
    """A case with both posts. `text` and `has_picture`: what is left of the evidence; `kept_at` None: nothing is."""

    row: CaseRow
    own_link: str
    found_link: str
    own_text: str
    own_picture: str | None
    text: str
    has_picture: bool
    text_percent: int | None
    alike_percent: int | None
    text_sha256: str | None
    picture_sha256: str | None
    own_sha256: str | None
    kept_at: datetime | None
    ended_at: datetime | None


def watched_of(workspace_id: int) -> list[WatchedChannel]:
    """Watched channels by title; those without a public name cannot be read and are left out."""
    rows = db.rows(
        "SELECT t.title, t.username, w.read_at, w.error, w.gap_to, w.gap_at FROM channel c JOIN chat t ON t.id = c.chat_id"
        " LEFT JOIN print_watch w ON w.chat_id = c.chat_id WHERE c.workspace_id = ? AND c.relation = 'watched'"
        " AND c.deleted_at IS NULL AND t.username IS NOT NULL ORDER BY t.title, c.id",
        workspace_id,
    )
    return [
        WatchedChannel(title, name, db.moment(at), error or "", gap is None, db.moment(back_to))
        for title, name, at, error, gap, back_to in rows
    ]


def last_scan(workspace_id: int) -> TheftScan | None:
    found: TheftScan | None = (
        TheftScan.select().where(TheftScan.workspace == workspace_id).order_by(TheftScan.id.desc()).first()
    )
    return found


_ROW = (
    "SELECT k.public_id, k.state, o.title, f.title, k.own_posted_at, k.found_posted_at, k.opened_at{more}"
    " FROM theft_case k JOIN channel c ON c.id = k.channel_id JOIN chat o ON o.id = c.chat_id"
    " JOIN chat f ON f.id = k.chat_id{joins} WHERE k.workspace_id = ?"
)


def cases_of(workspace_id: int, *, is_open: bool, skip: int = 0) -> list[CaseRow]:
    """Open cases or ended ones, the newest first; one more than a page, which says that there are more."""
    state = " AND k.state = 'open'" if is_open else " AND k.state <> 'open'"
    rows = db.rows(
        _ROW.format(more="", joins="") + state + " ORDER BY k.opened_at DESC, k.id DESC LIMIT ? OFFSET ?",
        *(workspace_id, PAGE + 1, skip),
    )
    return [_row(row) for row in rows]


def _row(row: tuple[object, ...]) -> CaseRow:
    return CaseRow(*row[:4], *(db.moment(at) for at in row[4:7]))  # type: ignore[arg-type]


_MORE = (
    ", o.username, o.telegram_chat_id, k.own_message_id, f.username, f.telegram_chat_id, k.found_message_id, k.post_id,"
    " k.text_permille, k.picture_bits, k.text_sha256, k.picture_sha256, k.own_sha256, k.ended_at, e.kept_at, e.text"
)


def case_of(workspace_id: int, public_id: str) -> Case:
    """Raises NotFound, also for another workspace's."""
    found = db.row(
        _ROW.format(more=_MORE, joins=" LEFT JOIN theft_evidence e ON e.case_id = k.id") + " AND k.public_id = ?",
        *(workspace_id, public_id),
    )
    if found is None:
        raise NotFound(N_("There is no such case."))
    own_name, own_chat, own_id, found_name, found_chat, found_id, post_id, permille, bits, *rest = found[7:]
    text_sha256, picture_sha256, own_sha256, ended_at, kept_at, text = rest
    return Case(
        row=_row(found),
        own_link=_link(own_name, own_chat, own_id),
        found_link=_link(found_name, found_chat, found_id),
        own_text=_own_text(post_id),
        own_picture=_own_picture(workspace_id, own_sha256),
        text=text or "",
        has_picture=kept_at is not None and picture_sha256 is not None,
        text_percent=None if permille is None else round(permille / 10),
        alike_percent=None if bits is None else round(100 - bits * 100 / 128),
        text_sha256=text_sha256,
        picture_sha256=picture_sha256,
        own_sha256=own_sha256,
        kept_at=db.moment(kept_at),
        ended_at=db.moment(ended_at),
    )


def _link(username: str | None, telegram_chat_id: int | None, message_id: int) -> str:
    """Where Telegram shows a message; those of private channels open for members only."""
    if username:
        return f"https://t.me/{username}/{message_id}"
    return f"https://t.me/c/{str(telegram_chat_id or 0).removeprefix('-100')}/{message_id}"


def _own_text(post_id: int) -> str:
    found = db.row(
        "SELECT text FROM post_version WHERE post_id = ? AND text IS NOT NULL ORDER BY number DESC, id DESC LIMIT 1",
        post_id,
    )
    return str(found[0]) if found else ""


def _own_picture(workspace_id: int, sha256: str | None) -> str | None:
    """The file's public id, while the workspace keeps it."""
    found = sha256 and MediaFile.get_or_none(
        MediaFile.workspace == workspace_id, MediaFile.sha256 == sha256, MediaFile.deleted_at.is_null()
    )
    return str(found.public_id) if found else None
