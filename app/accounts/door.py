"""What a view knows of whoever knocks, and how a session gets into the cookie."""

from __future__ import annotations

from flask import request, session

from app.accounts.service.sessions import SignedIn
from app.core.errors import Conflict
from app.core.i18n import N_


def ip() -> str:
    return request.remote_addr or ""


def agent() -> str:
    return request.headers.get("User-Agent", "")


SESSION_HEADER = "X-Session"
WORKSPACE_HEADER, WORKSPACE_FIELD = "X-Workspace", "page_workspace"
_WANTED = "wanted"


def is_by_header() -> bool:
    """Whether the request brings its session in a header, as the Mini App's do: no other site can make a browser do that.

    Such a request needs no CSRF token, and the cookie says nothing in it.
    """
    return SESSION_HEADER in request.headers


def token() -> str | None:
    """The session token of the request: the header's, else the cookie's."""
    return request.headers[SESSION_HEADER] if is_by_header() else session.get("token")


def require_own_page(who: SignedIn) -> None:
    """A page changes only the workspace that it was made for: another tab may have entered another one meanwhile.

    Raises Conflict. Requests that change nothing, or do not say where they come from, pass.
    """
    if request.method in ("GET", "HEAD", "OPTIONS"):
        return
    told = {request.headers.get(WORKSPACE_HEADER), request.form.get(WORKSPACE_FIELD)} - {None, ""}
    if told - {who.workspace_public_id}:
        raise Conflict(
            N_(
                "This page is of another workspace than “%(name)s”, which is open now. Nothing was saved. Load the page again."
            ),
            code="other_workspace",
            name=who.workspace_name,
        )


def remember_page() -> None:
    """Who signs in next in this browser goes on where they wanted to: a page, no picture or part of one."""
    if request.headers.get("Sec-Fetch-Dest", "document") == "document":
        session[_WANTED] = request.full_path.rstrip("?")


def enter(token: str, kind: str) -> str:
    """The cookie holds this session and nothing of before. Returns where to go on."""
    wanted = local_path(session.get(_WANTED))
    session.clear()
    session["token"], session["kind"] = token, kind
    return wanted


def local_path(given: str | None) -> str:
    """Where to go on, if that is a page of ours; else the network. A browser reads `//host` and `/\\host` as hosts."""
    path = given or ""
    is_plain = path.isascii() and path.isprintable() and "\\" not in path
    return path if is_plain and path.startswith("/") and not path.startswith("//") else "/network"
