"""Work on files as rows: asked for, taken up under a lease, carried out once, begun at most twice.

A lease that ends lets somebody else begin; the result is written by compare-and-set on the lease, so of two who work on
the same only the one that holds it counts. What was interrupted twice ends as failed: it is the work that kills.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from app.core import db, ids
from app.core.errors import Conflict, NotFound
from app.core.i18n import N_

WAITING, RUNNING, DONE, FAILED, CANCELLED = "waiting", "running", "done", "failed", "cancelled"
UNHURRIED = "thumbnail"  # the kind of work that no post waits for
LEASE = timedelta(seconds=30)
MOST_RUNS = 2
INTERRUPTED = N_("It was interrupted twice.")
BROKE = N_("This broke on our side. We have been told.")
_MINE = "id = ? AND workspace_id = ? AND state = 'running' AND lease = ?"
_wake: Callable[[], None] = lambda: None  # noqa: E731  set by `configure`


@dataclass(frozen=True, slots=True)
class Job:
    """A job that somebody holds, with all that it needs."""

    id: int
    workspace_id: int
    media_id: int
    kind: str
    params: Mapping[str, Any]
    lease: str


@dataclass(frozen=True, slots=True)
class Why:
    """Why something was not made: an English sentence, translated where it is shown, and what is filled into it."""

    sentence: str
    params: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Standing:
    """How a job stands: `progress` in thousandths; `error` says why it failed; `result_id` the file that was made."""

    public_id: str
    kind: str
    state: str
    progress: int
    error: Why | None
    result_id: int | None


def configure(wake: Callable[[], None]) -> None:
    """Name what wakes those who do the work; a wake that is lost is found by the sweep."""
    global _wake
    _wake = wake


def recipe_of(kind: str, params: Mapping[str, Any]) -> str:
    """The hash of all that a result depends on beside the file."""
    return hashlib.sha256(db.canonical_json([kind, params]).encode()).hexdigest()


def ask(
    workspace_id: int, media_id: int, kind: str, params: Mapping[str, Any], *, is_needed: bool = False, now: datetime
) -> str:
    """Want something made of a file; the same wish again is the same job, one that failed or was cancelled begins anew.

    What `is_needed` is called off by nobody, and nobody's earlier wish to call it off counts any more.

    Inside or outside a transaction. Returns the job's public id.
    """
    with db.write():
        db.execute(
            "INSERT INTO media_job (public_id, workspace_id, media_id, kind, recipe, params, state, progress, runs,"
            " is_cancel_wanted, is_needed, asked_at) VALUES (?, ?, ?, ?, ?, ?, ?, 0, 0, ?, ?, ?) ON CONFLICT (media_id, recipe)"
            " DO UPDATE SET state = excluded.state, progress = 0, runs = 0, is_cancel_wanted = excluded.is_cancel_wanted,"
            " error = NULL, ended_at = NULL, asked_at = excluded.asked_at WHERE media_job.state IN (?, ?)",
            *(ids.public_id(), workspace_id, media_id, kind, recipe_of(kind, params), db.canonical_json(params)),
            *(WAITING, False, is_needed, db.stamp(now), FAILED, CANCELLED),
        )
        if is_needed:
            db.execute(
                "UPDATE media_job SET is_needed = ?, is_cancel_wanted = ? WHERE media_id = ? AND recipe = ? AND workspace_id = ?",
                *(True, False, media_id, recipe_of(kind, params), workspace_id),
            )
        found = db.row(
            "SELECT public_id, state FROM media_job WHERE media_id = ? AND recipe = ? AND workspace_id = ?",
            *(media_id, recipe_of(kind, params), workspace_id),
        )
        assert found is not None, "it was written above"
        if found[1] == WAITING:
            db.after_commit(_wake)
    return str(found[0])


def is_known(workspace_id: int, media_id: int, recipe: str) -> bool:
    """Whether this was asked for before."""
    sql = "SELECT 1 FROM media_job WHERE workspace_id = ? AND media_id = ? AND recipe = ?"
    return db.row(sql, workspace_id, media_id, recipe) is not None


def number_of(workspace_id: int, media_id: int, recipe: str) -> int:
    """The number of work that was asked for."""
    found = db.row(
        "SELECT id FROM media_job WHERE workspace_id = ? AND media_id = ? AND recipe = ?",
        workspace_id,
        media_id,
        recipe,
    )
    assert found is not None, "it was asked for"
    return int(found[0])


def states_of(numbers: Collection[int]) -> dict[int, str]:
    """By number, how each piece of work stands."""
    return dict(db.rows(f"SELECT id, state FROM media_job WHERE id IN ({db.marks(numbers)})", *numbers))


def ask_again(numbers: Collection[int], *, now: datetime) -> None:
    """What failed or was cancelled among these begins anew, inside the running transaction."""
    if db.execute(
        "UPDATE media_job SET state = ?, progress = 0, runs = 0, is_cancel_wanted = ?, error = NULL, ended_at = NULL,"
        f" asked_at = ? WHERE state IN (?, ?) AND id IN ({db.marks(numbers)})",
        *(WAITING, False, db.stamp(now), FAILED, CANCELLED, *numbers),
    ):
        db.after_commit(_wake)


def standing_of(workspace_id: int, public_id: str) -> Standing:
    """How a job stands. Raises NotFound."""
    found = db.row(
        "SELECT public_id, kind, state, progress, error, result_id FROM media_job WHERE workspace_id = ? AND public_id = ?",
        *(workspace_id, public_id),
    )
    if found is None:
        raise NotFound(N_("There is no such work."))
    public, kind, state, progress, error, result_id = found
    return Standing(public, kind, state, progress, _why(error) if error else None, result_id)


def _why(kept: str) -> Why:
    """A sentence alone, or [sentence, params] as JSON."""
    sentence, params = json.loads(kept) if kept.startswith("[") else (kept, {})
    return Why(sentence, params)


def newest(workspace_id: int, media_id: int, recipe: str) -> Standing | None:
    """How what was asked for of a file stands; None when it never was."""
    found = db.row(
        "SELECT public_id FROM media_job WHERE workspace_id = ? AND media_id = ? AND recipe = ?",
        *(workspace_id, media_id, recipe),
    )
    return standing_of(workspace_id, found[0]) if found else None


def cancel(workspace_id: int, public_id: str, *, now: datetime) -> None:
    """Stop: what waits ends at once, what runs as soon as whoever does it looks.

    Raises NotFound, Conflict (`ended`, and `needed` for what a post waits for).
    """
    with db.write():
        standing = standing_of(workspace_id, public_id)
        if db.row("SELECT 1 FROM media_job WHERE public_id = ? AND is_needed = ?", public_id, True):
            raise Conflict(N_("A post waits for this: it is not stopped."), code="needed")
        mine = "workspace_id = ? AND public_id = ?"
        if db.execute(
            f"UPDATE media_job SET state = ?, ended_at = ? WHERE {mine} AND state = ?",
            *(CANCELLED, db.stamp(now), workspace_id, public_id, WAITING),
        ):
            return
        if not db.execute(
            f"UPDATE media_job SET is_cancel_wanted = ? WHERE {mine} AND state = ?",
            *(True, workspace_id, public_id, RUNNING),
        ):
            raise Conflict(N_("This work has ended already."), code="ended", state=standing.state)


def is_waiting() -> bool:
    """Whether there is anything to take up: a look into the index, without a lock."""
    return db.row("SELECT 1 FROM media_job WHERE state = ? LIMIT 1", WAITING) is not None


def claim(*, now: datetime) -> Job | None:
    """Take up the job that has waited longest, of the workspace that has least running; None when there is none.

    What nobody waits for comes behind all others.
    """
    with db.write():
        skip = " FOR UPDATE OF j SKIP LOCKED" if db.is_postgres() else ""
        found = db.row(
            "SELECT j.id, j.workspace_id, j.media_id, j.kind, j.params FROM media_job j WHERE j.state = ? ORDER BY"
            " CASE WHEN j.kind = ? THEN 1 ELSE 0 END,"
            " (SELECT COUNT(*) FROM media_job r WHERE r.workspace_id = j.workspace_id AND r.state = ?), j.asked_at, j.id"
            f" LIMIT 1{skip}",
            *(WAITING, UNHURRIED, RUNNING),
        )
        if found is None:
            return None
        lease = ids.public_id()
        db.execute(
            "UPDATE media_job SET state = ?, runs = runs + 1, progress = 0, lease = ?, lease_until = ?, started_at = ?"
            " WHERE id = ?",
            *(RUNNING, lease, db.stamp(now + LEASE), db.stamp(now), found[0]),
        )
    number, workspace_id, media_id, kind, params = found
    return Job(number, workspace_id, media_id, kind, json.loads(params), lease)


def go_on(job: Job, progress: float, *, now: datetime) -> bool:
    """Renew the lease and say how far it is (0 to 1). False: stop, it is somebody else's by now or nobody wants it."""
    with db.write():
        wanted = db.rows(
            f"UPDATE media_job SET lease_until = ?, progress = ? WHERE {_MINE} RETURNING is_cancel_wanted",
            *(db.stamp(now + LEASE), int(min(max(progress, 0), 1) * 1000), *_key(job)),
        )
    return bool(wanted) and not wanted[0][0]


def finish(job: Job, result_id: int, *, now: datetime) -> bool:
    """It is made. Inside the transaction that wrote the result; False, and nothing changed, when the lease was lost."""
    return bool(
        db.execute(
            f"UPDATE media_job SET state = ?, progress = 1000, lease = NULL, lease_until = NULL, ended_at = ?, error = NULL,"
            f" result_id = ? WHERE {_MINE}",
            *(DONE, db.stamp(now), result_id, *_key(job)),
        )
    )


def fail(job: Job, why: Why, *, now: datetime) -> bool:
    """It cannot be made."""
    return _end(job, FAILED, db.canonical_json([why.sentence, dict(why.params)]), now=now)


def stopped(job: Job, *, now: datetime) -> bool:
    """Whoever does it has stopped, as was wanted."""
    return _end(job, CANCELLED, None, now=now)


def _end(job: Job, state: str, error: str | None, *, now: datetime) -> bool:
    with db.write():
        return bool(
            db.execute(
                f"UPDATE media_job SET state = ?, lease = NULL, lease_until = NULL, ended_at = ?, error = ? WHERE {_MINE}",
                *(state, db.stamp(now), error, *_key(job)),
            )
        )


def give_back(job: Job) -> None:
    """This process ends in good order: the job waits again as if it had not been begun."""
    with db.write():
        db.execute(
            f"UPDATE media_job SET state = ?, runs = runs - 1, lease = NULL, lease_until = NULL WHERE {_MINE}",
            *(WAITING, *_key(job)),
        )


def sweep(*, now: datetime) -> int:
    """Take up again whose lease has ended, or end it when nobody wants it or it was begun twice; how many wait now."""
    over, at = "state = 'running' AND lease_until < ?", db.stamp(now)
    with db.write():
        for state, error, why, value in (
            (CANCELLED, None, "is_cancel_wanted = ?", True),
            (FAILED, INTERRUPTED, "runs >= ?", MOST_RUNS),
        ):
            db.execute(
                f"UPDATE media_job SET state = ?, error = ?, ended_at = ?, lease = NULL WHERE {over} AND {why}",
                *(state, error, at, at, value),
            )
        db.execute(f"UPDATE media_job SET state = ?, lease = NULL WHERE {over}", WAITING, at)
        found = db.row("SELECT COUNT(*) FROM media_job WHERE state = ?", WAITING)
        if found and found[0]:
            db.after_commit(_wake)
    return int(found[0]) if found else 0


def _key(job: Job) -> tuple[int, int, str]:
    return job.id, job.workspace_id, job.lease
