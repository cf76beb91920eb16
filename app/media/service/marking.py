"""Marked copies of files: asked for when a post is scheduled, found when it is sent. An equal wish is one piece of work."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from app.billing.service import limits
from app.core import db
from app.core.errors import Invalid
from app.media.marks.bounds import Bounds
from app.media.marks.refusal import Refusal
from app.media.models import MediaFile
from app.media.service import content, invisible, work

MARK = "mark"
PAYLOAD = "payload"  # of the invisible mark, in the parameters of the work
# What a mark can stand on, whether Telegram shows it as a photo or as a file; a file of another kind goes as it is.
_PICTURES = frozenset({"image/jpeg", "image/png", "image/webp", content.HEIC})
MARKED = _PICTURES | {"image/gif", "video/mp4", "video/quicktime"}
_LEAST_SIDE = 320  # app.media.invisible.MIN_SIDE: importing that costs numpy


@dataclass(frozen=True, slots=True)
class Place:
    """Where a copy goes: the channel and the authored post (ids)."""

    channel_id: int
    post_id: int


@dataclass(frozen=True, slots=True)
class Wish:
    """What is put on files: a watermark's document, and, where the copies go to one `place`, an invisible mark of it."""

    mark: Mapping[str, Any] | None = None
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class _File:
    id: int
    public_id: str
    kind: str
    mime: str
    short_side: int | None


def want(
    workspace_id: int, public_ids: Collection[str], wish: Wish, *, is_needed: bool = False, now: datetime
) -> list[int]:
    """Ask for the marked copies of those files that can carry a mark; returns the numbers of the work.

    Each copy that was not asked for before uses up one of the plan's watermarks of the month, all or none of them:
    raises LimitReached. One that failed is tried again for nothing. Inside the caller's transaction, if there is one.
    `is_needed`: a post waits for it, so that nobody who only tries it can call it off.
    """
    with db.write():
        asked = {file.id: _issued(workspace_id, file, wish, now=now) for file in _files(workspace_id, public_ids)}
        asked = {number: params for number, params in asked.items() if params}
        recipes = {number: work.recipe_of(MARK, params) for number, params in asked.items()}
        new = [number for number, recipe in recipes.items() if not work.is_known(workspace_id, number, recipe)]
        if new:
            limits.consume(workspace_id, {"watermarks": len(new)}, now=now)
        for number, params in asked.items():
            work.ask(workspace_id, number, MARK, params, is_needed=is_needed, now=now)
        return [work.number_of(workspace_id, number, recipe) for number, recipe in recipes.items()]


def why_not(row: MediaFile) -> Invalid | None:
    """Why no watermark can be put on a file, as far as its header told when it came (a post with it would be held); None:
    nothing is known against it."""
    if row.mime not in MARKED or not (row.width and row.height):
        return None
    try:
        Bounds().check_picture(row.width, row.height, row.frames or 1)
    except Refusal as refusal:
        params: dict[str, Any] = dict(refusal.params)
        return Invalid(refusal.sentence, fields={"file": refusal.code}, **params)
    return None


def marked(workspace_id: int, public_ids: Collection[str], wish: Wish) -> dict[str, str]:
    """By file (public id), its marked copy's; those that can carry no mark stand for themselves, unready ones are missing."""
    pairs = {file.public_id: _copy_of(workspace_id, file, wish) for file in _files(workspace_id, public_ids)}
    return {public_id: copy for public_id, copy in pairs.items() if copy}


def _copy_of(workspace_id: int, file: _File, wish: Wish) -> str | None:
    payload = None
    if wish.place is not None and _can_be_traced(file):
        payload = invisible.payload_of(workspace_id, file.public_id, **asdict(wish.place))
        if payload is None:
            return None  # nobody asked for this copy yet
    params = _params(file, wish, payload)
    return _made(workspace_id, file, params) if params else file.public_id


def _issued(workspace_id: int, file: _File, wish: Wish, *, now: datetime) -> dict[str, Any]:
    if wish.place is None or not _can_be_traced(file):
        return _params(file, wish, None)
    return _params(file, wish, invisible.issue(workspace_id, file.public_id, **asdict(wish.place), now=now))


def _params(file: _File, wish: Wish, payload: int | None) -> dict[str, Any]:
    """All that the copy depends on beside the file; empty when it goes as it is."""
    shown = wish.mark if wish.mark and file.mime in MARKED else {}
    return {**shown, **({} if payload is None else {PAYLOAD: payload})}


def _can_be_traced(file: _File) -> bool:
    """A picture; one that turns out to move, or to be too small, goes without."""
    return file.mime in _PICTURES and (file.short_side is None or file.short_side >= _LEAST_SIDE)


def _made(workspace_id: int, file: _File, params: Mapping[str, Any]) -> str | None:
    found = db.row(
        "SELECT m.public_id FROM media_job j JOIN media_file m ON m.id = j.result_id"
        " WHERE j.workspace_id = ? AND j.media_id = ? AND j.recipe = ? AND j.state = ?",
        *(workspace_id, file.id, work.recipe_of(MARK, params), work.DONE),
    )
    return str(found[0]) if found else None


def _files(workspace_id: int, public_ids: Collection[str]) -> list[_File]:
    rows = db.rows(
        "SELECT id, public_id, kind, mime, width, height FROM media_file WHERE workspace_id = ? AND deleted_at IS NULL"
        f" AND public_id IN ({db.marks(public_ids)}) ORDER BY id",
        *(workspace_id, *public_ids),
    )
    return [
        _File(number, public_id, kind, mime, min(width, height) if width and height else None)
        for number, public_id, kind, mime, width, height in rows
    ]
