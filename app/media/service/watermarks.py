"""Watermarks and which channel's posts carry which; one that is changed holds for what is scheduled from then on."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.audit import service as audit
from app.channels.queries import channels_of
from app.core import db, ids
from app.core.errors import Invalid, NotFound
from app.core.i18n import N_
from app.media import queries
from app.media.mark_models import ChannelMark, Watermark

TEXT, LOGO = "text", "logo"
TILED = "tiled"
POSITIONS = (
    *("top_left", "top", "top_right", "left", "center", "right", "bottom_left", "bottom", "bottom_right"),
    TILED,
)
MOST_TEXT, MOST_LINES, MOST_NAME, MOST_KEPT = 200, 5, 60, 50  # as app/media/marks/wishes.py draws them
_BOUNDS = {"width": (2, 100), "margin": (0, 20), "opacity": (5, 100), "seconds": (0, 60)}
_FACTS = ("name", "kind", "text", "logo", "position", "width", "margin", "opacity", "seconds")
Doc = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Typed:
    """The form of a watermark: numbers as they are typed, `logo` a file's public id, `channels` public ids."""

    name: str = ""
    kind: str = TEXT
    text: str = ""
    logo: str = ""
    position: str = "bottom_right"
    width: str = "25"
    margin: str = "3"
    opacity: str = "60"
    seconds: str = "0"
    channels: Sequence[str] = ()


def of_workspace(workspace_id: int) -> list[Watermark]:
    """The workspace's watermarks, by name."""
    found = Watermark.select().where(Watermark.workspace == workspace_id, Watermark.deleted_at.is_null())
    return sorted(found, key=lambda row: (row.name.casefold(), row.id))


def by_public_id(workspace_id: int, public_id: str) -> Watermark:
    """One of them. Raises NotFound."""
    found: Watermark | None = Watermark.get_or_none(
        Watermark.workspace == workspace_id, Watermark.public_id == public_id, Watermark.deleted_at.is_null()
    )
    if found is None:
        raise NotFound(N_("There is no such watermark."))
    return found


def channels_with(workspace_id: int) -> dict[int, list[str]]:
    """By watermark (id), the channels (public ids) whose posts carry it."""
    rows = db.rows(
        "SELECT m.watermark_id, c.public_id FROM channel_mark m JOIN channel c ON c.id = m.channel_id"
        " WHERE m.workspace_id = ? AND c.deleted_at IS NULL ORDER BY c.id",
        workspace_id,
    )
    found: dict[int, list[str]] = {}
    for number, channel in rows:
        found.setdefault(number, []).append(channel)
    return found


def marks_of(workspace_id: int) -> dict[str, Doc]:
    """By channel (public id), what its posts are marked with, whole: nothing else has to be looked up to make it."""
    kept = {row.id: row for row in of_workspace(workspace_id)}
    return {
        channel: params_of(kept[number])
        for number, channels in channels_with(workspace_id).items()
        for channel in channels
        if number in kept
    }


def params_of(row: Watermark) -> Doc:
    """What a picture of it depends on: equal documents make equal pictures."""
    logo = db.row("SELECT sha256 FROM media_file WHERE id = ?", row.logo) if row.logo else None
    return {
        "kind": row.kind,
        "text": row.text if row.kind == TEXT else "",
        "logo": logo[0] if logo and row.kind == LOGO else "",
        "position": row.position,
        "width": row.width,
        "margin": row.margin,
        "opacity": row.opacity,
        "seconds": row.seconds,
    }


def save(workspace_id: int, public_id: str | None, typed: Typed, *, user_id: int, now: datetime) -> Watermark:
    """Keep a watermark as it is typed, a new one without an id. Its channels carry no other from now on.

    Raises Invalid by field (name, text, logo, position, width, margin, opacity, seconds), NotFound.
    """
    values = _values(workspace_id, typed)
    with db.write():
        db.serialise("workspace", workspace_id)  # of two who put theirs on one channel the later counts
        row = by_public_id(workspace_id, public_id) if public_id else _new(workspace_id, user_id=user_id, now=now)
        before = {name: getattr(row, name) for name in _FACTS} if public_id else None
        for name, value in values.items():
            setattr(row, name, value)
        row.updated_at = now
        row.save()
        _put_on(workspace_id, row.id, typed.channels)
        _record("watermark.saved", row, user_id, before=before, after=values | {"channels": [*typed.channels]}, now=now)
    return row


def delete(workspace_id: int, public_id: str, *, user_id: int, now: datetime) -> None:
    """It is gone, and its channels' next posts carry none. What was scheduled with it keeps it. Raises NotFound."""
    with db.write():
        row = by_public_id(workspace_id, public_id)
        row.deleted_at = now
        row.save()
        db.execute("DELETE FROM channel_mark WHERE workspace_id = ? AND watermark_id = ?", workspace_id, row.id)
        _record("watermark.deleted", row, user_id, now=now)


def _new(workspace_id: int, *, user_id: int, now: datetime) -> Watermark:
    if len(of_workspace(workspace_id)) >= MOST_KEPT:
        sentence = N_("A workspace keeps at most %(most)s watermarks.")
        raise Invalid(sentence, fields={"name": sentence}, most=MOST_KEPT)
    return Watermark(public_id=ids.public_id(), workspace=workspace_id, created_by=user_id, created_at=now)


def _put_on(workspace_id: int, number: int, channels: Collection[str]) -> None:
    owned = {ref.public_id: ref.id for ref in channels_of(workspace_id) if ref.relation == "owned"}
    wanted = [owned[channel] for channel in channels if channel in owned]
    db.execute(
        f"DELETE FROM channel_mark WHERE workspace_id = ? AND (watermark_id = ? OR channel_id IN ({db.marks(wanted)}))",
        *(workspace_id, number, *wanted),
    )
    for channel in wanted:
        ChannelMark.insert(channel=channel, workspace=workspace_id, watermark=number).execute()


def _values(workspace_id: int, typed: Typed) -> Doc:
    text = "\n".join(" ".join(line.split()) for line in typed.text.strip().splitlines())
    name = " ".join(typed.name.split()) or text.split("\n")[0] or N_("Logo")
    if len(name) > MOST_NAME:
        raise _wrong("name", N_("This is too long."))
    if typed.kind not in (TEXT, LOGO) or typed.position not in POSITIONS:
        raise _wrong("position", N_("Choose one of the places."))
    if typed.kind == TEXT and not _is_seen(text):
        raise _wrong("text", N_("Write what shall stand on the picture."))
    if len(text) > MOST_TEXT or text.count("\n") >= MOST_LINES:
        sentence = N_("The text of a watermark has at most %(letters)s characters on %(lines)s lines.")
        raise _wrong("text", sentence, letters=MOST_TEXT, lines=MOST_LINES)
    numbers = {field: _number(field, getattr(typed, field)) for field in _BOUNDS}
    logo = _logo(workspace_id, typed.logo) if typed.kind == LOGO else None
    return {"name": name, "kind": typed.kind, "text": text, "logo": logo, "position": typed.position, **numbers}


def _is_seen(text: str) -> bool:
    """Whether anything of it would stand on the picture: letters, digits, signs, not joiners and marks of direction alone."""
    return any(unicodedata.category(letter)[0] in "LNPS" for letter in text)


def _logo(workspace_id: int, public_id: str) -> int:
    row = queries.file_of(workspace_id, public_id)
    if row is None or row.trashed_at is not None or row.mime not in ("image/png", "image/webp", "image/jpeg"):
        raise _wrong("logo", N_("Choose a picture of the library, best a PNG with a transparent ground."))
    return int(row.id)


def _number(field: str, typed: str) -> int:
    least, most = _BOUNDS[field]
    text = typed.strip()
    if not (text.isascii() and text.isdigit() and len(text) < 5 and least <= int(text) <= most):
        raise _wrong(field, N_("A whole number from %(least)s to %(most)s."), least=least, most=most)
    return int(text)


def _wrong(field: str, sentence: str, **params: Any) -> Invalid:
    return Invalid(sentence, fields={field: sentence % params if params else sentence}, **params)


def _record(action: str, row: Watermark, user_id: int, *, now: datetime, **what: Any) -> None:
    audit.record(
        action,
        actor=f"user:{user_id}",
        subject=f"watermark:{row.public_id}",
        workspace_id=row.workspace,
        now=now,
        **what,
    )
