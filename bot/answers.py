"""What the bot says of numbers: the pages' own figures, as text in the person's language."""

from __future__ import annotations

from datetime import datetime

from app.accounts.models import User, Workspace
from app.analytics import build
from app.analytics.build.channel import TILES
from app.analytics.definitions import DEFINITIONS
from app.analytics.pages import ChannelRow, Figure
from app.analytics.periods import Span
from app.channels.queries import ChannelRef, channels_of
from app.core import formats, i18n
from bot import places
from bot.places import Answer

_MOST_LISTED, _MOST_POSTS = 10, 10
_SPAN = Span(30)


def stats(person: User, argument: str, *, now: datetime) -> Answer:
    """The numbers of the last 30 days: of one channel, or of the network with its most viewed channels."""
    place = places.place_of(person, argument)
    if place is None:
        return places.ask(person)
    workspace, language = place.workspace, place.language
    if place.channel is not None:
        return place.answer(_channel(workspace, place.channel, language, now=now))
    page = build.network_page(
        workspace.id, workspace.name, timezone=workspace.timezone, span=_SPAN, is_demo=False, now=now
    )
    if not page.rows:
        return place.answer(i18n.say(language, _NO_CHANNEL))
    rows = sorted(page.rows, key=lambda row: -(row.views.value or 0))
    lines = [
        i18n.say(language, "%(name)s, last 30 days", name=workspace.name),
        _line(page.totals, ("subscribers", "views", "reach", "posts"), language),
        *(f"\n{row.title}\n{_line(_figures(row), _SHORT, language)}" for row in rows[:_MOST_LISTED]),
    ]
    if len(rows) > _MOST_LISTED:
        more = len(rows) - _MOST_LISTED
        lines.append("\n" + i18n.say_many(language, "and %(num)s more channel", "and %(num)s more channels", more))
    listed = [(row.public_id, row.title) for row in rows[:_MOST_LISTED]]
    return place.answer("\n".join(lines), command="stats", channels=listed if len(rows) > 1 else ())


def views(person: User, argument: str, *, now: datetime) -> Answer:
    """The last posts of a channel; with several channels and none named, which one."""
    place = places.place_of(person, argument)
    if place is None:
        return places.ask(person)
    workspace, language = place.workspace, place.language
    channels = [c for c in channels_of(workspace.id) if c.is_own]
    if not channels:
        return place.answer(i18n.say(language, _NO_CHANNEL))
    chosen = channels[0] if len(channels) == 1 else next((c for c in channels if c.public_id == argument), None)
    if chosen is None:
        listed = [(c.public_id, c.title) for c in channels[:_MOST_LISTED]]
        return place.answer(i18n.say(language, "Which channel?"), command="views", channels=listed)
    return place.answer(_posts(workspace, chosen, language, now=now))


def workspace(person: User, argument: str, *, now: datetime) -> Answer:
    """The numbers of the workspace that a button names, which is the chosen one from now on; without one, which?"""
    return stats(person, "", now=now) if places.choose(person, argument, now=now) else places.ask(person)


_NO_CHANNEL = i18n.N_("No channel is connected yet. Press “Add a channel” and make me its administrator.")
_SHORT = ("subscribers", "views", "reach", "err", "posts")


def _figures(row: ChannelRow) -> dict[str, Figure]:
    return {key: getattr(row, key) for key in TILES}


def _channel(workspace: Workspace, channel: ChannelRef, language: str, *, now: datetime) -> str:
    page = build.channel_page(workspace.id, channel, span=_SPAN, now=now)
    head = i18n.say(language, "%(name)s, last 30 days", name=channel.title)
    return "\n".join([head, *(_named(key, page.tiles[key], language) for key in TILES)])


def _posts(workspace: Workspace, channel: ChannelRef, language: str, *, now: datetime) -> str:
    page = build.posts_page(
        workspace.id, channel, span=_SPAN, sort="posted_at", order="desc", shown="all", offset=0, now=now
    )
    if not page.posts.rows:
        return i18n.say(language, "%(name)s: no posts in the last 30 days.", name=channel.title)
    lines = [i18n.say(language, "%(name)s, last posts", name=channel.title)]
    for post in page.posts.rows[:_MOST_POSTS]:
        when = formats.dt(post.posted_at, language, channel.timezone)
        lines.append(f"\n{when} · #{post.public_id}")
        lines.append(_line({"views": post.views, "views_24h": post.views_24h, "er": post.er}, None, language))
    return "\n".join(lines)


def _line(figures: dict[str, Figure], keys: tuple[str, ...] | None, language: str) -> str:
    return " · ".join(_named(key, figures[key], language) for key in keys or tuple(figures))


def _named(key: str, figure: Figure, language: str) -> str:
    return f"{i18n.say(language, DEFINITIONS[key].name)}: {spoken(figure, language)}"


def spoken(figure: Figure, language: str) -> str:
    """A figure as text: rounded ones with ≈, its change in brackets, no number where there is no source."""
    if figure.value is None:
        return i18n.say(language, "no source")
    text = ("≈" if figure.step else "") + formats.figure(figure.value, figure.unit, language)
    if figure.delta is None or figure.delta.value is None:
        return text
    change = formats.figure(figure.delta.value, figure.delta.unit, language)
    return f"{text} ({formats.signed(change, figure.delta.value)})"
