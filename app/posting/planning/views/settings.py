"""A channel's rules for posting, and the composer's buttons that choose a time by themselves."""

from __future__ import annotations

import json
from typing import Any

from flask import Blueprint, Response, g, request
from flask_login import current_user

from app.channels.queries import ChannelRef, channel_of
from app.core import policy as roles
from app.core.errors import Conflict, Forbidden, Invalid, LimitReached, NotFound
from app.core.htmx import explained, page, redirect_or_hx
from app.core.i18n import N_
from app.core.policy import Act, policy
from app.posting.planning import moving, settings
from app.posting.planning.pages import SettingsPage
from app.posting.planning.settings import Rules, Typed
from app.posting.views.sent_form import sent_draft, sent_version

blueprint = Blueprint("planning", __name__)
_TEMPLATE = "posting/planning/settings.html"
_LONGEST = 4_000


def _owned(public_id: str) -> ChannelRef:
    ref = channel_of(current_user.workspace_id, public_id)
    if ref is None or ref.relation != "owned":
        raise NotFound(N_("There is no such channel."))
    return ref


@blueprint.get("/channels/<public_id>/posting")
@policy(Act.MANAGE_CHANNELS)
def show(public_id: str) -> Response:
    ref = _owned(public_id)
    return page(_TEMPLATE, page=_kept(ref))


def _rules(ref: ChannelRef) -> Rules:
    return settings.rules_of(current_user.workspace_id, [ref])[ref.id]


def _kept(ref: ChannelRef) -> SettingsPage:
    rules = _rules(ref)
    return _page(ref, settings.typed_of(rules), rules.version)


def _page(ref: ChannelRef, typed: Typed, version: int, **more: Any) -> SettingsPage:
    url = f"/channels/{ref.public_id}"
    return SettingsPage(f"{url}/posting", ref.title, url, ref.timezone, typed, version, **more)


@blueprint.post("/channels/<public_id>/posting")
@policy(Act.MANAGE_CHANNELS)
def save(public_id: str) -> Any:
    """What the form says, unless somebody changed the rules since it was made: then both are shown."""
    ref, typed, version = _owned(public_id), _typed(), _version()
    try:
        settings.save(current_user.workspace_id, ref, typed, version=version, user_id=current_user.user_id, now=g.now)
    except Invalid as error:
        shown = _page(ref, typed, version, errors=dict.fromkeys(error.fields, explained(error)))
        return page(_TEMPLATE, status=422, page=shown)
    except LimitReached as error:
        return page(_TEMPLATE, status=error.status, page=_page(ref, typed, version, error=explained(error)))
    except Conflict as error:
        rules = _rules(ref)
        kept = settings.kept_beside(typed, rules)
        return page(_TEMPLATE, status=409, page=_page(ref, typed, rules.version, error=explained(error), kept=kept))
    if request.headers.get("HX-Request") == "true":
        return page(_TEMPLATE, page=_kept(ref), toast=N_("Saved."))
    return redirect_or_hx(f"/channels/{public_id}/posting")


def _version() -> int:
    """The version that the form was made from; 0, of a channel without rules, for what is none."""
    given = request.form.get("version", "")
    return int(given) if given.isascii() and given.isdigit() and len(given) < 16 else 0


def _typed() -> Typed:
    form = request.form
    pairs = [(form.get(f"from_{n}", "")[:5], form.get(f"to_{n}", "")[:5]) for n in range(settings.MOST_BLACKOUTS)]
    return Typed(
        slots=[form.get(f"slots_{weekday}", "")[:300] for weekday in range(7)],
        blackout=pairs,
        quiet_days=[int(day) for day in form.getlist("quiet") if day in "0123456" and len(day) == 1],
        min_gap=form.get("min_gap", "")[:10],
        signature=form.get("signature", "")[:_LONGEST],
        template=form.get("template", "")[:_LONGEST],
        is_protected="protected" in form,
        is_traced="traced" in form,
    )


@blueprint.post("/posts/<public_id>/queue")
@policy(Act.COMPOSE)
def enqueue(public_id: str) -> Any:
    """What the composer's form says, at the next free queue slot of each channel."""
    _require_publisher()
    post = moving.enqueue(current_user.workspace_id, public_id, sent_version(), sent_draft(), **_who())
    return redirect_or_hx(f"/posts/{post.public_id}")


@blueprint.post("/posts/<public_id>/best")
@policy(Act.COMPOSE)
def put_on_best(public_id: str) -> Any:
    """The same at the best free slot; the toast says why that is the best."""
    _require_publisher()
    post, offers = moving.put_on_best(current_user.workspace_id, public_id, sent_version(), sent_draft(), **_who())
    answer = redirect_or_hx(f"/posts/{post.public_id}")
    reasons = dict.fromkeys(_reason(*reason) for offer in offers for reason in offer.reasons)
    answer.headers["HX-Trigger"] = json.dumps({"toast": {"text": " ".join(reasons)}})
    return answer


def _reason(sentence: str, params: Any) -> str:
    given: dict[str, Any] = dict(params)
    return explained(Invalid(sentence, **given))


def _require_publisher() -> None:
    """Who only composes asks for approval of a time of his own choice."""
    if not roles.may(current_user.role, Act.PUBLISH):
        raise Forbidden(N_("Choose a time and ask for approval: the queue is for those who may publish."))


def _who() -> dict[str, Any]:
    return {"user_id": current_user.user_id, "now": g.now}
