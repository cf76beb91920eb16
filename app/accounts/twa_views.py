"""The Mini App's door: a shell that holds nobody's data, and a session for what Telegram signed.

The session's token goes to the page, which sends it with every request, and into a cookie: frames of other sites may
refuse cookies (shared facts/telegram.md 1.3).
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, current_app, g, jsonify, render_template, request
from flask_login import current_user

from app.accounts import door
from app.accounts.service import files, people, sessions
from app.core import db
from app.core.errors import Invalid, Unauthenticated
from app.core.htmx import page
from app.core.policy import Act, policy
from app.core.ratelimit import limiter
from app.telegram import initdata
from app.telegram import service as telegram

blueprint = Blueprint("twa", __name__)


@blueprint.get("/twa")
@policy(Act.PUBLIC)
def shell() -> str:
    return render_template("twa/shell.html", script_url=current_app.extensions["runtime"].settings.telegram_script_url)


@blueprint.get("/twa/menu")
@policy(Act.SEE)
def menu() -> str:
    """What stands around the pages: whose workspace this is, the ways to others and out, and the pages the role opens."""
    return render_template("twa/menu.html")


@blueprint.get("/twa/left")
@policy(Act.PUBLIC)
def left() -> Any:
    """What stays of the Mini App once its person signed out."""
    return page("twa/left.html")


@blueprint.post("/twa/session")
@policy(Act.PUBLIC)
@limiter.limit("30 per minute")
def session() -> Any:
    """Signed launch data in, a session out; the same launch from another device is refused.

    The answer names the workspace, so that a page of another one sends nothing with this session.
    """
    runtime = current_app.extensions["runtime"]
    bot, device = telegram.service_bot(), request.form.get("device", "")
    if bot is None:
        raise Unauthenticated("The bot is not set up yet.", code="no_bot")
    if len(device) < 16:
        raise Invalid("The device secret is missing.", fields={"device": "missing"})
    launch = initdata.verify(
        request.form.get("init_data", ""), bot_token=runtime.bots.token(bot), now=g.now, max_age=sessions.LAUNCH_WINDOW
    )
    with db.write():  # a refused launch makes nobody known
        person = people.ensure_person(
            launch.telegram_user_id,
            name=launch.name,
            language=launch.language,
            timezone=runtime.settings.default_timezone,
            now=g.now,
        )
        token = sessions.start_from_launch(
            person.id,
            launch_hash=launch.launch_hash,
            launched_at=launch.auth_date,
            device=device,
            ip=door.ip(),
            user_agent=door.agent(),
            now=g.now,
        )
    door.enter(token, "twa")
    opened = sessions.signed_in(token, now=g.now)
    workspace = opened.workspace_public_id if opened else ""
    return jsonify(token=token, location="/network", language=person.language, workspace=workspace)


@blueprint.post("/twa/file")
@policy(Act.OWN_ACCOUNT)
@limiter.limit("30 per minute")
def file_link() -> Any:
    """An address that gives one file of ours for a minute, to whoever opens it: Telegram downloads outside the frame."""
    settings = current_app.extensions["runtime"].settings
    path = files.local_file(request.form.get("path", ""))
    ticket = files.ticket(settings.secret_key.get_secret_value(), current_user.session_id, path, now=g.now)
    return jsonify(url=f"{settings.base_url}{path}{'&' if '?' in path else '?'}{files.PARAMETER}={ticket}")
