"""The workspace's side of approvals: what waits, one post before those who decide, clients' links."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import Blueprint, Response, current_app, g, request
from flask_login import current_user

from app.core import policy as roles
from app.core.errors import Invalid
from app.core.htmx import explained, page, redirect_or_hx
from app.core.policy import Act, policy
from app.media.file_urls import file_url
from app.posting.approvals import deciding, links, pages
from app.posting.approvals.pages import ApprovalPage, LinksPage
from app.posting.service import writing
from app.posting.views.sent_form import sent_version

blueprint = Blueprint("approvals", __name__, url_prefix="/posts")
_ONE, _LINKS = "posting/approval.html", "posting/approval_links.html"


def _may_publish() -> bool:
    return roles.may(current_user.role, Act.PUBLISH)


def _who() -> dict[str, Any]:
    return {"user_id": current_user.user_id, "now": g.now}


@blueprint.get("/approvals")
@policy(Act.COMPOSE)
def waiting() -> Response:
    shown = pages.waiting_page(
        current_user.workspace_id, timezone=current_user.workspace_timezone, may_publish=_may_publish()
    )
    return page("posting/approvals.html", page=shown)


@blueprint.get("/<public_id>/approval")
@policy(Act.COMPOSE)
def show(public_id: str) -> Response:
    return page(_ONE, page=_page(public_id))


def _page(public_id: str) -> ApprovalPage:
    return pages.approval_page(
        writing.post_of(current_user.workspace_id, public_id),
        timezone=current_user.workspace_timezone,
        may_publish=_may_publish(),
        url_of=file_url,
        now=g.now,
    )


@blueprint.post("/<public_id>/approval/approve")
@policy(Act.PUBLISH)
def approve(public_id: str) -> Any:
    """Put it on the clock as it was proposed; with `override` also without the clients' yes."""
    is_override = "override" in request.form
    try:
        deciding.approve(current_user.workspace_id, public_id, sent_version(), is_override=is_override, **_who())
    except Invalid as error:
        return page(_ONE, status=422, page=replace(_page(public_id), error=explained(error)))
    return redirect_or_hx(f"/posts/{public_id}")


@blueprint.post("/<public_id>/approval/return")
@policy(Act.PUBLISH)
def give_back(public_id: str) -> Any:
    """Make it a draft again, with a comment or without."""
    comment = request.form.get("comment", "")
    try:
        deciding.give_back(current_user.workspace_id, public_id, sent_version(), comment=comment, **_who())
    except Invalid as error:
        shown = replace(_page(public_id), comment=comment[:2000], comment_error=explained(error))
        return page(_ONE, status=422, page=shown)
    return redirect_or_hx(f"/posts/{public_id}")


@blueprint.get("/clients")
@policy(Act.PUBLISH)
def clients() -> Response:
    return page(_LINKS, page=_links_page())


def _links_page() -> LinksPage:
    workspace_id = current_user.workspace_id
    return LinksPage(tuple(links.listed(workspace_id)), pages.own_channels(workspace_id), g.now)


@blueprint.post("/clients")
@policy(Act.PUBLISH, is_fresh=True)
def make_link() -> Response:
    """The link is shown this one time."""
    name, chosen = request.form.get("name", ""), tuple(request.form.getlist("channel"))
    is_required = "required" in request.form
    try:
        token = links.create(current_user.workspace_id, name, chosen, is_required=is_required, **_who())
    except Invalid as error:
        told = {key: explained(error) for key in error.fields}
        shown = replace(_links_page(), errors=told, name=name[:200], chosen=chosen, is_required=is_required)
        return page(_LINKS, status=422, page=shown)
    base = current_app.extensions["runtime"].settings.base_url
    return page(_LINKS, page=replace(_links_page(), new_url=f"{base}/client/{token}"))


@blueprint.post("/clients/<link>/revoke")
@policy(Act.PUBLISH)
def revoke_link(link: str) -> Any:
    links.revoke(current_user.workspace_id, link, **_who())
    return redirect_or_hx("/posts/clients")
