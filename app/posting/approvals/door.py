"""The client's door: /client/<token> shows the posts of the link's channels and takes a yes or a no to each."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import Blueprint, Response, current_app, g, request, send_file

from app.core.errors import Invalid, NotFound
from app.core.htmx import explained, page, redirect_or_hx
from app.core.i18n import N_
from app.core.policy import Act, policy
from app.core.ratelimit import limiter
from app.media import queries as media
from app.media.service import fetched
from app.posting.approvals import deciding, links, pages, queries
from app.posting.approvals.links import Opened
from app.posting.approvals.pages import ClientPage, SharedPost
from app.posting.service import writing

blueprint = Blueprint("client_door", __name__, url_prefix="/client")
_TEMPLATE = "posting/approval_client.html"
_DRAWN = frozenset({"image/jpeg", "image/png", "image/webp", "image/gif", "video/mp4", "video/quicktime"})


@blueprint.after_request
def _unlisted(response: Response) -> Response:
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    response.headers["Cache-Control"] = "private, no-store"
    return response


@blueprint.get("/<token>")
@policy(Act.PUBLIC)
@limiter.limit("60 per minute")
def show(token: str) -> Response:
    """All posts of the link's channels that are proposed or scheduled."""
    link = links.opened(token, now=g.now)
    if not request.headers.get("HX-Request"):
        links.note_use(link, now=g.now)
    return page(_TEMPLATE, page=_page(link, token))


def _page(link: Opened, token: str) -> ClientPage:
    return pages.client_page(link, url=f"/client/{token}", url_of=lambda file: f"/client/{token}/media/{file}")


@blueprint.post("/<token>/posts/<public_id>")
@policy(Act.PUBLIC)
@limiter.limit("20 per minute")
@limiter.limit("200 per hour", key_func=lambda: f"client:{(request.view_args or {}).get('token', '')}")
def answer(token: str, public_id: str) -> Any:
    """A yes or a no to the words that were shown."""
    link = links.opened(token, now=g.now)
    post = _shared(link, public_id)
    verdict, comment = request.form.get("answer", ""), request.form.get("comment", "")
    try:
        if verdict not in ("yes", "no"):
            raise Invalid(N_("Approve the post or return it."), fields={"answer": "unknown"})
        deciding.client_answers(
            *(link.workspace_id, public_id, post.client),
            seen_hash=request.form.get("seen", ""),
            is_yes=verdict == "yes",
            comment=comment,
            now=g.now,
        )
    except Invalid as error:
        failed = replace(_page(link, token), error=explained(error), failed=public_id, comment=comment[:2000])
        return page(_TEMPLATE, status=422, page=failed)
    return redirect_or_hx(f"/client/{token}")


def _shared(link: Opened, public_id: str) -> SharedPost:
    """A post that this client sees. Raises NotFound for every other one."""
    one = queries.asked_of(writing.post_of(link.workspace_id, public_id))
    found = pages.shared_post(link, one, url_of=str) if queries.is_ahead(one) else None
    if found is None:
        raise NotFound(N_("There is no such post."))
    return found


@blueprint.get("/<token>/media/<file>")
@policy(Act.PUBLIC)
@limiter.limit("300 per minute")
def medium(token: str, file: str) -> Response:
    """The bytes of a file in one of the shown posts; what a browser could run is handed over as a download."""
    link = links.opened(token, now=g.now)
    row = media.file_of(link.workspace_id, file) if file in pages.files_of(link) else None
    path = fetched(current_app.extensions["runtime"].settings.data_dir, row.sha256) if row else None
    if row is None or path is None:
        raise NotFound(N_("There is no such file."))
    as_file = row.kind == "document" or row.mime not in _DRAWN
    return send_file(path.resolve(), mimetype=row.mime, as_attachment=as_file, download_name=row.name)
