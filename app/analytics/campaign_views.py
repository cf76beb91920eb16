"""Campaigns and their invite links. The web only asks for a link; the bot makes it."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, g, request
from flask_login import current_user

from app.analytics import files
from app.analytics.audience_pages import CampaignForm, CampaignsPage
from app.analytics.audience_views import mine
from app.analytics.build.audience import AGES_DAYS
from app.analytics.build.campaigns import NO_FORM, campaigns_page
from app.channels.queries import ChannelRef
from app.channels.service import campaigns, invite_links
from app.core import policy as roles
from app.core.clock import iso
from app.core.errors import Invalid
from app.core.htmx import explained, page, redirect_or_hx
from app.core.policy import Act, policy

blueprint = Blueprint("campaigns", __name__, url_prefix="/channels/<public_id>")
_FIELDS = tuple(campaigns.Plan.__dataclass_fields__)
_MONEY = ("spend", "cost", "cost_24h", "cost_7d", "cost_30d")
_FIGURES = ("joined", "kept_24h", "kept_7d", "kept_30d", "spend", "cost", "cost_24h", "cost_7d", "cost_30d")


def _page(ref: ChannelRef, form: CampaignForm = NO_FORM) -> CampaignsPage:
    return campaigns_page(
        current_user.workspace_id,
        ref,
        can_manage=roles.may(current_user.role, Act.MANAGE_CHANNELS),
        sees_money=_sees_money(),
        form=form,
        now=g.now,
    )


def _sees_money() -> bool:
    return roles.may(current_user.role, Act.SEE_MONEY)


@blueprint.get("/campaigns")
@policy(Act.SEE)
def show(public_id: str) -> Response:
    return page("channels/campaigns.html", page=_page(mine(public_id)))


@blueprint.post("/campaigns")
@policy(Act.MANAGE_CHANNELS)
def create(public_id: str) -> Any:
    ref = mine(public_id)
    values = {name: request.form.get(name, "")[:200] for name in _FIELDS}
    try:
        campaigns.create(
            current_user.workspace_id,
            ref,
            campaigns.Plan(**values),
            user_id=current_user.user_id,
            ip=request.remote_addr or "",
            now=g.now,
        )
    except Invalid as error:
        return _refused(ref, CampaignForm(values, _errors(error)))
    return _back(ref)


@blueprint.post("/campaigns/<key>/spend")
@policy(Act.MANAGE_CHANNELS)
def change_spend(public_id: str, key: str) -> Any:
    ref, spend = mine(public_id), request.form.get("spend", "")[:200]
    try:
        campaigns.change_spend(
            current_user.workspace_id,
            ref.id,
            key,
            spend,
            user_id=current_user.user_id,
            ip=request.remote_addr or "",
            now=g.now,
        )
    except Invalid as error:
        return _refused(ref, CampaignForm({f"spend:{key}": spend}, {f"spend:{key}": explained(error)}))
    return _back(ref)


@blueprint.post("/campaigns/<key>/links")
@policy(Act.MANAGE_CHANNELS)
def add_link(public_id: str, key: str) -> Any:
    ref, name = mine(public_id), request.form.get("link_name", "")[:200]
    try:
        campaigns.add_link(current_user.workspace_id, ref.id, key, name, user_id=current_user.user_id, now=g.now)
    except Invalid as error:
        return _refused(ref, CampaignForm({f"link:{key}": name}, {f"link:{key}": explained(error)}))
    return _back(ref)


@blueprint.post("/campaigns/<key>/archive")
@policy(Act.MANAGE_CHANNELS)
def archive(public_id: str, key: str) -> Any:
    ref, who = mine(public_id), current_user
    campaigns.archive(who.workspace_id, ref.id, key, user_id=who.user_id, ip=request.remote_addr or "", now=g.now)
    return _back(ref)


@blueprint.post("/links/<key>/revoke")
@policy(Act.MANAGE_CHANNELS)
def revoke_link(public_id: str, key: str) -> Any:
    ref = mine(public_id)
    invite_links.revoke(current_user.workspace_id, key, user_id=current_user.user_id, now=g.now)
    return _back(ref)


@blueprint.post("/links/<key>/again")
@policy(Act.MANAGE_CHANNELS)
def try_link_again(public_id: str, key: str) -> Any:
    ref = mine(public_id)
    invite_links.try_again(current_user.workspace_id, key, user_id=current_user.user_id, now=g.now)
    return _back(ref)


@blueprint.get("/campaigns.csv")
@policy(Act.SEE)
def campaigns_csv(public_id: str) -> Response:
    """Money is in minor units of the currency (cents, tiyin); Telegram Stars are whole. Only for who may see it.

    `is_so_far_…` is 1 where followers of the campaign are too young to tell, so what stayed and its cost still change.
    """
    sees_money = _sees_money()
    shown = [k for k in _FIGURES if sees_money or k not in _MONEY]
    rows = (
        [
            *(r.source, r.audience, r.creative, r.name),
            *([r.currency] if sees_money else []),
            *("" if at is None else iso(at) for at in (r.starts_at, r.ends_at)),
            *files.cells(r, shown),
            *(str(int(r.is_open[age])) for age in AGES_DAYS.values()),
        ]
        for r in _page(mine(public_id)).rows
    )
    currency = ["currency"] if sees_money else []
    names = [f"{k}_minor" if k in _MONEY else k.replace("kept", "stayed") for k in shown]
    so_far = [key.replace("kept", "is_so_far") for key in AGES_DAYS]
    head = ["ran_in", "audience", "creative", "name", *currency, "starts_at", "ends_at", *files.heads(names), *so_far]
    return files.answer("campaigns.csv", head, rows)


@blueprint.get("/campaigns/kept.csv")
@policy(Act.SEE)
def kept_csv(public_id: str) -> Response:
    rows = (
        [
            c.title,
            str(age),
            *files.figure_cells(c.told.says(share)),
            "; ".join(n.text for n in c.notes if n.place == age),
        ]
        for c in _page(mine(public_id)).all_curves
        for age, share in enumerate(c.kept)
    )
    head = ["name", "age_days", *files.heads(["kept_percent"]), "annotation"]
    return files.answer("campaigns_kept.csv", head, rows)


def _errors(error: Invalid) -> dict[str, str]:
    return dict.fromkeys(error.fields, explained(error))


def _refused(ref: ChannelRef, form: CampaignForm) -> Response:
    return page("channels/campaigns.html", status=422, page=_page(ref, form))


def _back(ref: ChannelRef) -> Response:
    return redirect_or_hx(f"/channels/{ref.public_id}/campaigns")
