"""Experiments over HTTP: the design in words before the start, the turns while it runs, the answer at its end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from flask import Blueprint, Response, g, request
from flask_login import current_user

from app.channels.queries import ChannelRef
from app.core import policy as roles
from app.core.errors import Conflict, Invalid
from app.core.htmx import explained, page, redirect_or_hx
from app.core.policy import Act, policy
from app.posting.experiments import service as experiments
from app.posting.experiments.design import EFFECTS, Result
from app.posting.experiments.models import Experiment
from app.posting.experiments.plan import Design, plan, require_possible, require_words
from app.posting.experiments.service import Candidate, Counted
from app.posting.pages import lists as pages_lists
from app.posting.queries import posts as queries
from app.posting.service import planning, writing

blueprint = Blueprint("experiments", __name__, url_prefix="/posts/experiments")
_ALL, _ONE = "posting/experiments.html", "posting/experiment.html"
_WORDS = ("question", "arm_a", "arm_b")


@dataclass(frozen=True, slots=True)
class AllPage:
    """The experiments, and the form of a new one; with all filled in, the design that it would have."""

    rows: tuple[Experiment, ...]
    channels: tuple[ChannelRef, ...]
    titles: Mapping[int, str]
    effects: tuple[int, ...]
    may_publish: bool
    sent: Mapping[str, str] = field(default_factory=dict)
    smallest: int = 20
    design: Design | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class OnePage:
    """An experiment as it stands. `candidates`: scheduled posts with the arm each would get, and its first words."""

    experiment: Experiment
    url: str
    title: str
    timezone: str
    counted: Mapping[str, Counted]
    next_arms: tuple[str, ...]
    candidates: tuple[tuple[Candidate, str], ...]
    result: Result | None
    may_publish: bool

    def words(self, arm: str) -> str:
        return str(self.experiment.arm_a if arm == "A" else self.experiment.arm_b)


def _may_publish() -> bool:
    return roles.may(current_user.role, Act.PUBLISH)


def _all_page() -> AllPage:
    refs = planning.own_channels(current_user.workspace_id)
    return AllPage(
        rows=tuple(experiments.listed(current_user.workspace_id)),
        channels=tuple(refs),
        titles={ref.id: ref.title for ref in refs},
        effects=EFFECTS,
        may_publish=_may_publish(),
    )


def _filled(shown: AllPage, given: Mapping[str, str]) -> AllPage:
    sent = {name: given.get(name, "")[:300] for name in ("channel", *_WORDS)}
    return replace(shown, sent=sent, smallest=_smallest(given))


def _smallest(given: Mapping[str, str]) -> int:
    text = given.get("smallest", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 else 0


@blueprint.get("")
@policy(Act.COMPOSE)
def show_all() -> Response:
    """With a whole form in the address: the design in words, and whether the channel can answer."""
    shown = _all_page()
    if "channel" not in request.args:
        return page(_ALL, page=shown)
    shown = _filled(shown, request.args)
    try:
        ref = experiments.own_channel(current_user.workspace_id, shown.sent["channel"])
        require_words({name: shown.sent[name] for name in _WORDS}, shown.smallest)
        found = plan(ref, shown.smallest, now=g.now)
        shown = replace(shown, design=found)
        require_possible(found, shown.smallest)
    except (Invalid, Conflict) as error:
        return page(_ALL, status=422, page=replace(shown, error=explained(error)))
    return page(_ALL, page=shown)


@blueprint.post("")
@policy(Act.PUBLISH)
def start() -> Any:
    shown = _filled(_all_page(), request.form)
    try:
        made = experiments.start(
            *(current_user.workspace_id, shown.sent["channel"]),
            question=shown.sent["question"],
            arm_a=shown.sent["arm_a"],
            arm_b=shown.sent["arm_b"],
            smallest_percent=shown.smallest,
            user_id=current_user.user_id,
            now=g.now,
        )
    except (Invalid, Conflict) as error:
        return page(_ALL, status=error.status, page=replace(shown, error=explained(error)))
    return redirect_or_hx(f"/posts/experiments/{made.public_id}")


@blueprint.get("/<public_id>")
@policy(Act.COMPOSE)
def show(public_id: str) -> Response:
    experiment = experiments.experiment_of(current_user.workspace_id, public_id)
    ref = experiments.channel_ref(experiment)
    is_open = experiment.ended_at is None and ref is not None
    listed = experiments.candidates(experiment, ref) if is_open and ref else []
    shown = OnePage(
        experiment=experiment,
        url=f"/posts/experiments/{public_id}",
        title=ref.title if ref else "",
        timezone=ref.timezone if ref else current_user.workspace_timezone,
        counted=experiments.counted(experiment),
        next_arms=tuple(experiments.next_arms(experiment)),
        candidates=tuple((one, _words_of(one.public_id)) for one in listed),
        result=experiments.result(experiment),
        may_publish=_may_publish(),
    )
    return page(_ONE, page=shown)


def _words_of(public_id: str) -> str:
    post = writing.post_of(current_user.workspace_id, public_id)
    (shown,) = queries.posts_by_id(current_user.workspace_id, [post.id])
    return pages_lists.words_of(shown)


@blueprint.post("/<public_id>/count-in")
@policy(Act.PUBLISH)
def count_in(public_id: str) -> Any:
    """Take a scheduled post into the experiment, in the arm that was shown."""
    post, arm = request.form.get("post", ""), request.form.get("arm", "")
    who = {"user_id": current_user.user_id, "now": g.now}
    experiments.count_in(current_user.workspace_id, public_id, post, arm, **who)
    return redirect_or_hx(f"/posts/experiments/{public_id}")


@blueprint.post("/<public_id>/end")
@policy(Act.PUBLISH)
def end(public_id: str) -> Any:
    experiments.end(current_user.workspace_id, public_id, user_id=current_user.user_id, now=g.now)
    return redirect_or_hx(f"/posts/experiments/{public_id}")
