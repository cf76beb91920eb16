"""What the bot says of plan and payments: the page's own figures, to those who may see money."""

from __future__ import annotations

from datetime import datetime

from app.accounts.models import User
from app.accounts.service import people
from app.billing import queries
from app.billing.queries import Standing
from app.billing.service import limits
from app.billing.service.limits import Usage
from app.boot import STOCKS
from app.core import formats, i18n, money
from app.core.policy import Act, may
from bot import places
from bot.places import Answer, Place

_LIMITS = {
    "channels": i18n.N_("Channels"),
    "watched_channels": i18n.N_("Watched channels"),
    "posts": i18n.N_("Posts a month"),
    "watermarks": i18n.N_("Watermarks a month"),
    "theft_scans": i18n.N_("Theft scans a month"),
    "custom_emoji": i18n.N_("New custom emoji a month"),
    "media_mb": i18n.N_("Megabytes of files"),
}
_NOT_YOURS = i18n.N_("Only the owner and the administrators of “%(name)s” see its plan.")


def plan(person: User, argument: str, *, now: datetime) -> Answer:
    """The plan of the chosen workspace: until when it is paid, and how much of it is used."""
    place = places.place_of(person, "")
    if place is None:
        return places.ask(person)
    if not _may_see(person, place):
        return place.answer(i18n.say(place.language, _NOT_YOURS, name=place.workspace.name))
    here, language = place.workspace.id, place.language
    named = i18n.say(language, "Plan %(plan)s", plan=limits.plan_of(here).capitalize())
    lines = [f"{place.workspace.name}: {named}"]
    standing = queries.standing_of(here, now=now)
    if standing is not None:
        lines.append(_said(standing, place))
    lines += [_used(one, language) for one in limits.usage_of(here, STOCKS, now=now)]
    return place.answer("\n".join(lines))


def support(person: User, argument: str, *, now: datetime) -> Answer:
    """Whom to ask about a payment, with the numbers of the last orders to name."""
    place = places.place_of(person, "")
    if place is None:
        return places.ask(person)
    lines = [i18n.say(place.language, _SUPPORT)]
    if _may_see(person, place):
        for order in queries.last_orders(place.workspace.id):
            amount = money.price(order.amount_minor, order.currency, place.language)
            day = formats.day(order.created_at, place.language, place.workspace.timezone)
            lines.append(f"{order.public_id} · {amount} · {day} · {i18n.say(place.language, _STATES[order.state])}")
    return place.answer("\n".join(lines))


_SUPPORT = i18n.N_("If a payment went wrong, tell the people who run this service the number of the order:")
_STATES = {
    "open": i18n.N_("not paid"),
    "paid": i18n.N_("paid"),
    "expired": i18n.N_("expired"),
    "taken_back": i18n.N_("refunded"),
    "refund_due": i18n.N_("to be refunded"),
    "kept": i18n.N_("kept as credit"),
}


def _may_see(person: User, place: Place) -> bool:
    roles = {workspace_id: role for workspace_id, _, _, role in people.workspaces_of(person.id)}
    return place.workspace.id in roles and may(roles[place.workspace.id], Act.SEE_MONEY)


def _said(standing: Standing, place: Place) -> str:
    day = formats.day(standing.period_end, place.language, place.workspace.timezone)
    if standing.is_late:
        return i18n.say(place.language, "The payment is late: it was due on %(day)s.", day=day)
    if standing.is_ending:
        return i18n.say(place.language, "It ends on %(day)s.", day=day)
    return i18n.say(place.language, "Paid until %(day)s.", day=day)


def _used(one: Usage, language: str) -> str:
    limit = formats.number(one.limit, language) if one.limit is not None else "∞"
    return f"{i18n.say(language, _LIMITS[one.key])}: {formats.number(one.used, language)} / {limit}"
