"""The pages of recurring posts."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from app.posting.content import draft as drafts
from app.posting.content import tree
from app.posting.content.blocks import Content, plain_text
from app.posting.models import AuthoredPost
from app.posting.planning import series
from app.posting.planning.models import ACTIVE, PostSeries
from app.posting.planning.occasions import all_series, moment_of, next_by_series, occasions, words_by_series
from app.posting.planning.pages import SeriesForm, SeriesPage, SeriesRow
from app.posting.service import planning

_SHOWN, _LONGEST_WORDS = 30, 90


def series_list(workspace_id: int, *, now: datetime) -> tuple[SeriesRow, ...]:
    """The workspace's series, the newest first."""
    coming = next_by_series(workspace_id, now=now)
    said = words_by_series(workspace_id)
    titles = {ref.public_id: ref.title for ref in planning.own_channels(workspace_id)}
    return tuple(
        SeriesRow(
            url=f"/posts/series/{one.public_id}",
            words=_words(tree.from_json(said[one.id])) if one.id in said else "",
            titles=tuple(titles[key] for key in one.plan["channels"] if key in titles),
            state=one.state,
            next_at=coming.get(one.id) or _first(one),
            rule=one.rule,
            time=one.time,
            timezone=one.timezone,
        )
        for one in all_series(workspace_id)
    )


def _first(one: PostSeries) -> datetime | None:
    """The next post of a series of which none is made yet."""
    return moment_of(one, one.next_on) if one.state == ACTIVE and one.next_on else None


def _words(content: Content) -> str:
    words = " ".join(plain_text(content.blocks).split()) or (content.poll.question if content.poll else "")
    return words if len(words) <= _LONGEST_WORDS else words[: _LONGEST_WORDS - 1].rstrip() + "…"


def new_page(post: AuthoredPost, *, form: SeriesForm | None, zone: str, now: datetime) -> SeriesPage:
    """The form for a post that is to come again: each day at this hour, from tomorrow on, until somebody changes that."""
    local = now.astimezone(ZoneInfo(zone))
    usual = {"kind": "daily", "every": "1", "day": str(local.day), "time": local.strftime("%H:00"), "timezone": zone}
    usual |= {"starts_on": local.date().isoformat(), "ends_on": "", "count": ""}
    draft = planning.draft_of(post, zone=zone)
    refs = planning.chosen(post.workspace, draft.channels)
    return SeriesPage(
        url="",
        form_url=f"/posts/series/new/{post.public_id}",
        post_url=f"/posts/{post.public_id}",
        words=_words(draft.content()),
        titles=tuple(ref.title for ref in refs),
        state="",
        version=0,
        next_at=None,
        timezone=zone,
        form=form or SeriesForm(usual, [local.weekday()]),
        zones=_zones(post.workspace, zone),
        may_publish=True,
    )


def series_page(one: PostSeries, *, form: SeriesForm, may_publish: bool, now: datetime) -> SeriesPage:
    """The page of a series with the days that had their turn."""
    post = series.template_of(one)
    said = planning.said_of(post)
    titles = {ref.public_id: ref.title for ref in planning.own_channels(one.workspace)}
    url = f"/posts/series/{one.public_id}"
    return SeriesPage(
        url=url,
        form_url=url,
        post_url=f"/posts/{post.public_id}",
        words=_words(said[0] if said else drafts.read(post.draft).content()),
        titles=tuple(titles[key] for key in one.plan["channels"] if key in titles),
        state=one.state,
        version=one.version,
        next_at=next_by_series(one.workspace, now=now).get(one.id) or _first(one),
        timezone=one.timezone,
        form=form,
        zones=_zones(one.workspace, one.timezone),
        occasions=tuple(occasions(one.workspace, one.id, limit=_SHOWN)),
        is_text_changed=series.is_text_changed(one),
        may_publish=may_publish,
    )


def form_of(one: PostSeries) -> SeriesForm:
    """The form as it stands for a series."""
    values = {name: str(one.rule.get(name, 1)) for name in ("kind", "every", "day")}
    values |= {"time": one.time, "timezone": one.timezone, "starts_on": one.starts_on.isoformat()}
    values |= {"ends_on": one.ends_on.isoformat() if one.ends_on else "", "count": str(one.count or "")}
    return SeriesForm(values, list(one.rule.get("weekdays", ())))


def _zones(workspace_id: int, zone: str) -> tuple[str, ...]:
    own = [ref.timezone for ref in planning.own_channels(workspace_id)]
    return tuple(dict.fromkeys((zone, *own)))
