"""Experiments in one channel: planned from its own numbers, refused when too small, read once they are complete."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from app.audit import service as audit
from app.channels.queries import ChannelRef, channel_of, channels_of
from app.core import db, ids
from app.core.errors import Conflict, NotFound
from app.core.i18n import N_
from app.posting.experiments import design
from app.posting.experiments.design import Result, Seen
from app.posting.experiments.models import Experiment, ExperimentPost
from app.posting.experiments.plan import plan, require_possible, require_words
from app.posting.states import BLOCKED, CLAIMED, PUBLISH, WAITING

METRIC = "views_24h"
_AHEAD = (WAITING, CLAIMED, BLOCKED)
_MOST_LISTED = 20


@dataclass(frozen=True, slots=True)
class Counted:
    """Posts of an arm: in the experiment, and with their views at 24 hours."""

    posts: int
    measured: int


@dataclass(frozen=True, slots=True)
class Candidate:
    """A scheduled post of the channel that is in no experiment, with the arm that it would get."""

    public_id: str
    target_id: int
    due_at: datetime
    day_part: int
    arm: str


def start(
    workspace_id: int,
    channel: str,
    *,
    question: str,
    arm_a: str,
    arm_b: str,
    smallest_percent: int,
    user_id: int,
    now: datetime,
) -> Experiment:
    """Begin an experiment. Raises Invalid by field, NotFound, Conflict when it cannot give an answer or one runs."""
    ref = own_channel(workspace_id, channel)
    words = {"question": question, "arm_a": arm_a, "arm_b": arm_b}
    require_words(words, smallest_percent)
    found = plan(ref, smallest_percent, now=now)
    require_possible(found, smallest_percent)
    with db.write():
        db.serialise("channel", ref.id)
        if any(one.channel == ref.id for one in running(workspace_id)):
            raise Conflict(N_("An experiment runs in this channel already. End it first."), code="running")
        experiment: Experiment = Experiment.create(
            public_id=ids.public_id(),
            workspace=workspace_id,
            channel=ref.id,
            **{name: " ".join(text.split()) for name, text in words.items()},
            metric=METRIC,
            smallest_percent=smallest_percent,
            needed=found.needed,
            created_by=user_id,
            started_at=now,
        )
        _record("experiment.started", experiment, user_id, after=words | {"needed": found.needed}, now=now)
    return experiment


def running(workspace_id: int) -> list[Experiment]:
    """The experiments that have not ended."""
    return [one for one in listed(workspace_id) if one.ended_at is None]


def listed(workspace_id: int) -> list[Experiment]:
    """The newest first, at most 100."""
    found = Experiment.select().where(Experiment.workspace == workspace_id)
    return list(found.order_by(Experiment.id.desc()).limit(100))


def experiment_of(workspace_id: int, public_id: str) -> Experiment:
    """One of the workspace's. Raises NotFound."""
    found: Experiment | None = Experiment.get_or_none(
        Experiment.workspace == workspace_id, Experiment.public_id == public_id
    )
    if found is None:
        raise NotFound(N_("There is no such experiment."))
    return found


def own_channel(workspace_id: int, channel: str) -> ChannelRef:
    """A channel that the workspace runs. Raises NotFound."""
    ref = channel_of(workspace_id, channel)
    if ref is None or ref.relation != "owned":
        raise NotFound(N_("There is no such channel."))
    return ref


def channel_ref(experiment: Experiment) -> ChannelRef | None:
    """Where an experiment runs, None once the channel is no longer the workspace's."""
    return next((ref for ref in channels_of(experiment.workspace) if ref.id == experiment.channel), None)


def next_arms(experiment: Experiment) -> list[str]:
    """By part of the day, the arm that its next post gets."""
    turns = dict(
        db.rows(
            "SELECT day_part, COUNT(*) FROM experiment_post WHERE workspace_id = ? AND experiment_id = ? GROUP BY day_part",
            *(experiment.workspace, experiment.id),
        )
    )
    return [design.arm_of(experiment.public_id, part, int(turns.get(part, 0))) for part in range(4)]


def candidates(experiment: Experiment, ref: ChannelRef) -> list[Candidate]:
    """The channel's next posts that are in no experiment, each with the arm that it would get if it is next."""
    arms = next_arms(experiment)
    rows = db.rows(
        "SELECT p.public_id, t.id, a.due_at FROM due_action a JOIN post_target t ON t.id = a.target_id"
        " JOIN authored_post p ON p.id = a.post_id WHERE a.workspace_id = ? AND t.channel_id = ? AND a.kind = ?"
        f" AND a.slot = 0 AND a.state IN ({db.marks(_AHEAD)}) AND NOT EXISTS (SELECT 1 FROM experiment_post e"
        " WHERE e.target_id = t.id) ORDER BY a.due_at LIMIT ?",
        *(experiment.workspace, ref.id, PUBLISH, *_AHEAD, _MOST_LISTED),
    )
    found = []
    for public_id, target_id, due_at in rows:
        part = design.day_part(db.moment(due_at), ref.timezone)
        found.append(Candidate(public_id, target_id, db.moment(due_at), part, arms[part]))
    return found


def count_in(workspace_id: int, public_id: str, post: str, arm: str, *, user_id: int, now: datetime) -> None:
    """Take a scheduled post into an experiment, in the arm whose turn it is. Raises NotFound, Conflict.

    `arm` is what the person was shown: another one may have come to its turn meanwhile.
    """
    with db.write():
        experiment = experiment_of(workspace_id, public_id)
        db.serialise("experiment", experiment.id)
        ref = channel_ref(experiment)
        found = next((one for one in candidates(experiment, ref) if one.public_id == post), None) if ref else None
        if experiment.ended_at is not None or found is None:
            raise Conflict(
                N_("This post cannot be counted in: it is out, or in an experiment already."), code="not_free"
            )
        if found.arm != arm:
            raise Conflict(N_("Meanwhile another way has come to its turn. Load the page again."), code="stale")
        ExperimentPost.create(
            target=found.target_id,
            experiment=experiment.id,
            workspace=workspace_id,
            day_part=found.day_part,
            arm=arm,
            assigned_at=now,
        )
        _record("experiment.counted_in", experiment, user_id, after={"post": post, "arm": arm}, now=now)


def counted(experiment: Experiment) -> dict[str, Counted]:
    """By arm, how many posts are in and how many of them are measured."""
    posts = dict(
        db.rows(
            "SELECT arm, COUNT(*) FROM experiment_post WHERE workspace_id = ? AND experiment_id = ? GROUP BY arm",
            *(experiment.workspace, experiment.id),
        )
    )
    measured = [one.arm for one in _measured(experiment)]
    return {arm: Counted(int(posts.get(arm, 0)), measured.count(arm)) for arm in design.ARMS}


def result(experiment: Experiment) -> Result | None:
    """B against A, None before each arm has as many measured posts as the design asks for.

    Who looks earlier, and stops when it pleases, finds differences that chance made.
    """
    if any(one.measured < experiment.needed for one in counted(experiment).values()):
        return None
    return design.compare(_measured(experiment))


def _measured(experiment: Experiment) -> list[Seen]:
    rows = db.rows(
        "SELECT e.day_part, s.views_24h, e.arm FROM experiment_post e JOIN post_target t ON t.id = e.target_id"
        " JOIN channel c ON c.id = t.channel_id JOIN delivery d ON d.target_id = t.id AND d.slot = 0 AND d.part = 0"
        " AND d.state = 'sent' JOIN delivery_message m ON m.delivery_id = d.id AND m.number = 0"
        " JOIN post p ON p.chat_id = c.chat_id AND p.message_id = m.message_id"
        " JOIN post_stat s ON s.feed_id = c.feed_id AND s.post_id = p.id WHERE e.workspace_id = ?"
        " AND e.experiment_id = ? AND s.views_24h IS NOT NULL AND s.is_deleted = ? ORDER BY e.assigned_at, e.target_id",
        *(experiment.workspace, experiment.id, False),
    )
    return [Seen(part, int(views), arm) for part, views, arm in rows]


def end(workspace_id: int, public_id: str, *, user_id: int, now: datetime) -> None:
    """End an experiment; what was measured stays. Raises NotFound."""
    with db.write():
        experiment = experiment_of(workspace_id, public_id)
        if experiment.ended_at is None:
            experiment.ended_at = now
            experiment.save()
            _record("experiment.ended", experiment, user_id, now=now)


def _record(action: str, experiment: Experiment, user_id: int, *, after: object = None, now: datetime) -> None:
    audit.record(
        action,
        actor=f"user:{user_id}",
        subject=f"experiment:{experiment.public_id}",
        workspace_id=experiment.workspace,
        after=after,
        now=now,
    )
