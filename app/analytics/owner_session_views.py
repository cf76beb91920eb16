"""The page on which an owner connects the own Telegram account. It writes rows; the jobs process speaks to Telegram."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from flask import Blueprint, Response, current_app, g, redirect, request, url_for
from flask_login import current_user
from markupsafe import Markup

from app.analytics.annotations import Note, notes_of
from app.analytics.build.notes import by_days
from app.channels.queries import channel_of
from app.core.charts import Point, Series
from app.core.errors import AppError, Invalid
from app.core.formats import day, number
from app.core.htmx import explained, page, redirect_or_hx
from app.core.policy import Act, policy
from app.core.ratelimit import limiter
from app.readings.service import owner_session as own
from app.readings.service.owner_session.accounts import last_failure
from app.readings.service.owner_session.queries import OwnChannelState, OwnGraph

blueprint = Blueprint("owner_session", __name__, url_prefix="/settings/own-account")
_TEMPLATE = "channels/owner_session.html"


@dataclass(frozen=True, slots=True)
class GraphCard:
    """One of Telegram's graphs, ready to be drawn; `error` instead of lines where Telegram has none."""

    id: str
    kind: str
    fetched_at: datetime
    lines: tuple[Series, ...]
    error: str | None
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class OwnChannelRow:
    """A channel that the account runs, with its graphs, what was noted on their days and where its history is asked for."""

    state: OwnChannelState
    import_url: str
    graphs: tuple[GraphCard, ...]
    annotations: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class OwnAccountPage:
    """How far the workspace's own account is. `state` "" none; `qr` is the code to scan, for its asker alone."""

    is_configured: bool
    is_enabled: bool
    state: str = ""
    is_mine: bool = False
    problem: str | None = None
    qr: Markup | None = None
    qr_url: str = ""
    connected_at: datetime | None = None
    not_before: datetime | None = None
    channels: tuple[OwnChannelRow, ...] = ()
    error: str = ""
    phone: str = ""

    @property
    def moves(self) -> bool:
        """Whether the page should ask again by itself."""
        is_importing = any(row.state.history == "running" for row in self.channels)
        return self.state.startswith("waiting") or is_importing or (self.state == "connected" and not self.channels)


@blueprint.get("")
@policy(Act.MANAGE_CHANNELS)
def show() -> Response:
    return page(_TEMPLATE, page=_page())


def _page(*, error: str = "", phone: str = "") -> OwnAccountPage:
    settings = current_app.extensions["runtime"].settings
    is_configured, is_enabled = own.is_configured(settings), settings.owner_sessions_enabled
    row = own.live_session(current_user.workspace_id)
    if row is None:
        problem = last_failure(current_user.workspace_id)
        return OwnAccountPage(is_configured, is_enabled, problem=problem, error=error, phone=phone)
    url = own.shown_code(_sealer(), row, user_id=current_user.user_id, now=g.now)
    is_resting = row.not_before is not None and row.not_before > g.now
    return OwnAccountPage(
        is_configured,
        is_enabled,
        state=row.state,
        is_mine=row.user == current_user.user_id,
        problem=row.last_error,
        qr=_drawn(url) if url else None,
        qr_url=url,
        connected_at=row.connected_at,
        not_before=row.not_before if is_resting else None,
        channels=tuple(_channel(state) for state in own.own_channels(current_user.workspace_id)),
        error=error,
        phone=phone,
    )


def _sealer() -> Any:
    return current_app.extensions["runtime"].sealer


def _drawn(url: str) -> Markup:
    """The code as SVG without a style of its own; always dark on light, since some cameras read nothing else."""
    import segno  # costs 1 MiB: only for who looks at a code

    code = segno.make(url, error="m", micro=False)
    return Markup(code.svg_inline(scale=5, border=3, dark="#000", light="#fff", svgclass="qr"))


def _channel(state: OwnChannelState) -> OwnChannelRow:
    url = url_for("owner_session.import_history", public_id=state.public_id)
    notes = _notes(state)
    return OwnChannelRow(state, url, tuple(_graph(state, one, notes) for one in state.graphs), notes)


def _notes(state: OwnChannelState) -> tuple[Note, ...]:
    """The notes on the days of Telegram's graphs of a channel."""
    days = [day for graph in state.graphs for day in _days(graph)]
    ref = channel_of(current_user.workspace_id, state.public_id) if days else None
    return notes_of(current_user.workspace_id, {ref.id: ""}, min(days), max(days)) if ref else ()


def _days(graph: OwnGraph) -> list[date]:
    """Telegram's days are UTC ones; none of a graph over hours of the day."""
    return [datetime.fromtimestamp(x / 1000, UTC).date() for x in graph.x] if graph.is_time else []


def _graph(state: OwnChannelState, graph: OwnGraph, notes: tuple[Note, ...]) -> GraphCard:
    lang = str(current_user.language)
    labels = [_label(x, graph.is_time, lang) for x in graph.x]
    lines = tuple(
        Series(
            name,
            tuple(Point(at, v, "—" if v is None else number(v, lang)) for at, v in zip(labels, values, strict=True)),
            tone=1 + n % 4,
        )
        for n, (name, values) in enumerate(graph.series)
    )
    return GraphCard(
        f"own_{graph.kind}_{state.public_id}",
        graph.kind,
        graph.fetched_at,
        lines,
        graph.error,
        by_days(notes, _days(graph)),
    )


def _label(x: int, is_time: bool, lang: str) -> str:
    return day(datetime.fromtimestamp(x / 1000, g.now.tzinfo).date(), lang, short=True) if is_time else f"{x:02}:00"


@blueprint.post("/start")
@policy(Act.MANAGE_CHANNELS, is_fresh=True)
@limiter.limit("6 per minute; 20 per hour")
def start() -> Any:
    """Ask for a QR code, or for a code to the phone number given."""
    phone = request.form.get("phone", "") if request.form.get("way") == "phone" else None
    try:
        _require_open()
        own.start(_sealer(), **_who(), phone=phone)
    except AppError as error:
        return page(_TEMPLATE, status=error.status, page=_page(error=explained(error), phone=(phone or "")[:32]))
    return _shown()


def _require_open() -> None:
    settings = current_app.extensions["runtime"].settings
    if not settings.owner_sessions_enabled or not own.is_configured(settings):
        raise Invalid("Own accounts are switched off on this service.")


def _who() -> dict[str, Any]:
    return {"workspace_id": current_user.workspace_id, "user_id": current_user.user_id, "now": g.now}


def _shown() -> Any:
    if request.headers.get("HX-Request") == "true":
        return page(_TEMPLATE, page=_page())
    return redirect(url_for("owner_session.show"), 303)


@blueprint.post("/answer")
@policy(Act.MANAGE_CHANNELS, is_fresh=True)
@limiter.limit("6 per minute; 30 per hour")
def answer() -> Any:
    """Hand in the code or the second password that Telegram asked for."""
    try:
        own.answer(_sealer(), request.form.get("answer", ""), **_who())
    except Invalid as error:
        return page(_TEMPLATE, status=422, page=_page(error=explained(error)))
    return _shown()


@blueprint.post("/disconnect")
@policy(Act.MANAGE_CHANNELS)
@limiter.limit("20 per minute")
def disconnect() -> Any:
    own.disconnect(**_who())
    return redirect_or_hx(url_for("owner_session.show"))


@blueprint.post("/history/<public_id>")
@policy(Act.MANAGE_CHANNELS)
@limiter.limit("20 per minute")
def import_history(public_id: str) -> Any:
    """Ask for a channel's whole history."""
    own.want_history(current_user.workspace_id, public_id, user_id=current_user.user_id, now=g.now)
    return _shown()
