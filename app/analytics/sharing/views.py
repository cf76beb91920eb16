"""A channel's own settings, and its and the network's read-only links: made, listed, revoked."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, current_app, g, redirect, request, url_for
from flask_login import current_user

from app.analytics import asked
from app.analytics.sharing import service as sharing
from app.channels.queries import ChannelRef, channel_of
from app.channels.service import timezone as channel_zone
from app.core import zones
from app.core.errors import Invalid, NotFound
from app.core.htmx import explained, page
from app.core.i18n import N_
from app.core.policy import Act, policy
from app.readings.desktop_models import DesktopImport
from app.readings.service.desktop import uploads
from app.readings.service.desktop.states import UNFINISHED

blueprint = Blueprint("sharing", __name__)
_TEMPLATE = "sharing/share.html"


@dataclass(frozen=True, slots=True)
class LinkRow:
    """A live link as its list shows it."""

    created_at: datetime
    expires_at: datetime
    has_password: bool
    uses: int
    last_used_at: datetime | None
    revoke_url: str


@dataclass(frozen=True, slots=True)
class SharePage:
    """A channel's settings and links, or (`timezone` None) the network's links. `new_url` is shown this one time.

    `export`: the file of Telegram Desktop that was handed in last; one has at most `most_mib`.
    """

    title: str
    channel: str
    back_url: str
    url: str
    lifetimes: tuple[int, ...]
    rows: tuple[LinkRow, ...]
    timezone: str | None = None
    zone_url: str = ""
    zones: tuple[str, ...] = ()
    new_url: str = ""
    error: str = ""
    zone_error: str = ""
    export: DesktopImport | None = None
    most_mib: int = 0
    export_error: str = ""

    @property
    def export_url(self) -> str:
        return f"/channels/{self.channel}/export"

    @property
    def is_reading(self) -> bool:
        """Whether the page should ask again how far the file is."""
        return self.export is not None and self.export.state in UNFINISHED


def channel_ref(public_id: str) -> ChannelRef:
    """One of the workspace's channels. Raises NotFound."""
    found = channel_of(current_user.workspace_id, public_id)
    if found is None:
        raise NotFound(N_("There is no such channel."))
    return found


def channel_page(public_id: str) -> SharePage:
    """The settings of one of the workspace's channels. Raises NotFound."""
    ref = channel_ref(public_id)
    return SharePage(
        title=ref.title,
        channel=public_id,
        back_url=url_for("analytics.channel", public_id=public_id),
        url=url_for("sharing.channel", public_id=public_id),
        lifetimes=sharing.LIFETIMES,
        rows=_rows(public_id),
        timezone=ref.timezone,
        zone_url=url_for("sharing.set_zone", public_id=public_id),
        zones=zones.names(),
        export=uploads.newest(current_user.workspace_id, ref.id),
        most_mib=uploads.MOST_BYTES >> 20,
    )


def _network_page() -> SharePage:
    return SharePage(
        title=current_user.workspace_name,
        channel="",
        back_url=url_for("analytics.network"),
        url=url_for("sharing.network"),
        lifetimes=sharing.LIFETIMES,
        rows=_rows(None),
    )


def _rows(channel: str | None) -> tuple[LinkRow, ...]:
    return tuple(
        LinkRow(
            link.created_at,
            link.expires_at,
            link.password_hash is not None,
            link.uses,
            link.last_used_at,
            url_for("sharing.revoke", public_id=link.public_id),
        )
        for link in sharing.links_of(current_user.workspace_id, channel, now=g.now)
    )


@blueprint.get("/channels/<public_id>/settings")
@policy(Act.MANAGE_CHANNELS)
def channel(public_id: str) -> Response:
    return page(_TEMPLATE, page=channel_page(public_id))


@blueprint.get("/network/share")
@policy(Act.MANAGE_CHANNELS)
def network() -> Response:
    return page(_TEMPLATE, page=_network_page())


@blueprint.post("/channels/<public_id>/settings")
@policy(Act.MANAGE_CHANNELS, is_fresh=True)
def share_channel(public_id: str) -> Response:
    channel_ref(public_id)
    return _made(public_id, lambda: channel_page(public_id))


@blueprint.post("/network/share")
@policy(Act.MANAGE_CHANNELS, is_fresh=True)
def share_network() -> Response:
    return _made(None, _network_page)


def _made(channel: str | None, build_page: Any) -> Response:
    try:
        token = sharing.create(
            current_user.workspace_id,
            channel,
            user_id=current_user.user_id,
            days=asked.small(request.form.get("days", "")) or 0,
            password=request.form.get("password", ""),
            now=g.now,
        )
    except Invalid as error:
        return page(_TEMPLATE, status=422, page=replace(build_page(), error=explained(error)))
    base = current_app.extensions["runtime"].settings.base_url
    return page(_TEMPLATE, page=replace(build_page(), new_url=base + url_for("shared.show", token=token)))


@blueprint.post("/share-links/<public_id>/revoke")
@policy(Act.MANAGE_CHANNELS)
def revoke(public_id: str) -> Any:
    sharing.revoke(current_user.workspace_id, public_id, user_id=current_user.user_id, now=g.now)
    channel = request.form.get("channel", "")
    known = channel_of(current_user.workspace_id, channel) if channel else None
    return redirect(url_for("sharing.channel", public_id=channel) if known else url_for("sharing.network"), 303)


@blueprint.post("/channels/<public_id>/timezone")
@policy(Act.MANAGE_CHANNELS)
def set_zone(public_id: str) -> Any:
    """The zone in which the channel's days begin."""
    try:
        channel_zone.move(
            current_user.workspace_id,
            public_id,
            request.form.get("timezone", ""),
            actor=f"user:{current_user.user_id}",
            now=g.now,
        )
    except Invalid as error:
        return page(_TEMPLATE, status=422, page=replace(channel_page(public_id), zone_error=explained(error)))
    if request.headers.get("HX-Request") == "true":
        return page(_TEMPLATE, toast=N_("Saved"), page=channel_page(public_id))
    return redirect(url_for("sharing.channel", public_id=public_id), 303)
