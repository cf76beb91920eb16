"""Making what a piece of work asks for: a child process makes a file of a file, and its row stands with the work's end.

Who makes it holds the work by its lease. The lease is renewed while the child works; when it is lost, or nobody wants the
result any more, the child is ended and nothing is kept.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.core import clock, db, ids
from app.core.errors import AppError
from app.core.i18n import N_
from app.media import child
from app.media.child import Limits
from app.media.models import MediaFile
from app.media.service import content, copies, invisible, store, work
from app.media.service.marking import MARK, PAYLOAD
from app.media.service.store import Draft, StoreAway
from app.media.service.thumbnails import THUMBNAIL
from app.media.service.work import Job, Why

_LOOK_EVERY_S = 3.0
_VIDEO_WALL_S = 30 * 60
_PICTURE_WALL_S, _MARKED_MB, _TRACED_MB = 60, 512, 1024  # an animation of some hundred frames takes its time
_GONE = Why(N_("The file is gone."), {})


class _Lost(Exception):
    """Somebody else holds the work by now: what was made here is not kept."""


@dataclass(frozen=True, slots=True)
class Source:
    """The file that something is made of."""

    id: int
    workspace_id: int
    sha256: str
    mime: str
    name: str
    created_by: int
    kind: str


class _Hold:
    """The lease of a piece of work, renewed every few seconds, and how far it is."""

    def __init__(self, job: Job) -> None:
        self._job, self._share, self._looked_at, self._is_ours = job, 0.0, time.monotonic(), True

    def note(self, share: float) -> None:
        self._share = share

    def is_lost(self) -> bool:
        if time.monotonic() - self._looked_at >= _LOOK_EVERY_S:
            self._looked_at = time.monotonic()
            self._is_ours = work.go_on(self._job, self._share, now=clock.utcnow())
        return not self._is_ours


class Maker:
    """Makes one piece of work after the other, with files under `data_dir`."""

    def __init__(self, data_dir: Path, secret_keys: Sequence[str]) -> None:
        self._data_dir, self._trace_key = data_dir, invisible.mark_keys(secret_keys)[0]

    def make(self, job: Job) -> None:
        """Make it and end it: done, failed with a sentence, or stopped because it was called off."""
        source = source_of(job)
        try:
            path = store.fetched(self._data_dir, source.sha256) if source else None
            if source is None or path is None:
                work.fail(job, _GONE, now=clock.utcnow())
                return
            self._make(job, source, path)
        except StoreAway:
            work.give_back(job)  # no run of its own: the sweep takes it up again
            raise

    def _make(self, job: Job, source: Source, path: Path) -> None:
        target = store.folder(self._data_dir) / f"{job.lease}.part"
        hold = _Hold(job)
        try:
            task, params, limits = self._task(job, source, path, target)
            child.run(task, params, limits=limits, on_progress=hold.note, is_cancelled=hold.is_lost, slots=self._slots)
            self._keep(job, source, target)
        except child.Cancelled:
            work.stopped(job, now=clock.utcnow())
        except _Lost:
            return
        except StoreAway:
            raise
        except AppError as error:
            work.fail(job, Why(error.sentence, error.params), now=clock.utcnow())
        finally:
            target.unlink(missing_ok=True)

    @property
    def _slots(self) -> Path:
        return self._data_dir / "encoders"

    def _task(self, job: Job, source: Source, path: Path, target: Path) -> tuple[str, dict[str, Any], Limits]:
        given = {"source": str(path), "target": str(target)}
        if job.kind == THUMBNAIL:
            return "thumbnail", {**given, **job.params}, Limits()
        if job.kind != MARK:
            raise ValueError(f"nobody makes {job.kind}")
        payload = job.params.get(PAYLOAD)
        shown = {name: value for name, value in job.params.items() if name != PAYLOAD}
        wish = mark_params(shown, self._data_dir) if shown else {"mark": None}
        if source.mime.startswith("video/"):
            return "mark_video", given | wish, Limits.for_video(_VIDEO_WALL_S)
        trace = None if payload is None else {"payload": payload, "key": self._trace_key.hex()}
        limits = Limits(wall_s=_PICTURE_WALL_S, memory_mb=_TRACED_MB if trace else _MARKED_MB)
        return "mark_image", given | {"mark": wish["mark"], "trace": trace}, limits

    def _keep(self, job: Job, source: Source, target: Path) -> None:
        """The bytes get their name, the row stands, the work is done: all or nothing."""
        made = Draft(target, target.stat().st_size, store.digest_of(target))
        found = content.look(target, made.size)
        with store.coming(self._data_dir, made), db.write():
            row = MediaFile.create(
                public_id=ids.public_id(),
                workspace=source.workspace_id,
                kind=content.DOCUMENT if source.kind == content.DOCUMENT and job.kind == MARK else found.kind,
                name=_named(source, found.mime),
                mime=found.mime,
                size=made.size,
                sha256=made.sha256,
                width=found.width,
                height=found.height,
                created_by=source.created_by,
                created_at=clock.utcnow(),
                origin=source.id,
            )
            if not work.finish(job, row.id, now=clock.utcnow()):
                raise _Lost
            if job.kind == MARK and PAYLOAD not in job.params:  # a copy that goes to one place is sent once
                copies.want_as(source.id, row.id, now=clock.utcnow())
            store.settle(made, self._data_dir)


def source_of(job: Job) -> Source | None:
    """What a piece of work is made of; None when it is gone."""
    found = db.row(
        "SELECT id, workspace_id, sha256, mime, name, created_by, kind FROM media_file WHERE id = ? AND workspace_id = ?"
        " AND deleted_at IS NULL",
        *(job.media_id, job.workspace_id),
    )
    return Source(*found) if found else None


def _named(source: Source, mime: str) -> str:
    """The source's name; where another kind of file came out, as of HEIC, with the ending of that kind."""
    if mime == source.mime or mime != "image/jpeg":
        return source.name
    return f"{source.name.rpartition('.')[0] or source.name}.jpg"


def _logo(data_dir: Path, sha256: str) -> str:
    """Where the child finds a logo; of one that is nowhere it says so itself."""
    return str(store.fetched(data_dir, sha256) or store.path_of(data_dir, sha256))


def mark_params(mark: Mapping[str, Any], data_dir: Path) -> dict[str, Any]:
    """A watermark's document as the child's tasks take it: shares instead of per cent, a path instead of a digest."""
    seconds = int(mark["seconds"])
    drawn = {
        "text": mark["text"],
        "logo": _logo(data_dir, mark["logo"]) if mark["logo"] else None,
        "position": None if mark["position"] == "tiled" else mark["position"],
        "is_tiled": mark["position"] == "tiled",
        "opacity": mark["opacity"] / 100,
        "scale": mark["width"] / 100,
        "margin": mark["margin"] / 100,
    }
    return {"mark": drawn, "ends": {"first_s": seconds, "last_s": seconds} if seconds else None}
