"""The buttons under messages that ask for a decision: approve, return, it is there, send again, resume."""

from __future__ import annotations

from app.channels.queries import why_not_post
from app.core import db, i18n
from app.core.errors import Conflict, NotFound
from app.core.i18n import N_
from app.core.policy import Act
from app.posting.approvals import deciding
from app.posting.service import resolving, scheduling
from bot import keyboards, places
from bot.places import Answer, Place
from bot.publishing import Asker, held, require

_REASONS = {
    "bot_removed": N_("The bot is not an administrator of the channel."),
    "no_right": N_("The bot lacks the right to post messages."),
    "not_connected": N_("The channel is no longer connected."),
    "over_plan": N_("Your plan has no room for this channel."),
    "payment_late": N_("Your payment is late: until it is paid, nothing goes out."),
}
_DECIDED = N_("This post is no longer waiting for an answer.")


def approve(asker: Asker, argument: str) -> Answer:
    """Put a proposed post on the clock. Raises as deciding.approve, NotFound and Forbidden."""
    post, place, version = _asked(asker, argument)
    deciding.approve(place.workspace.id, post, version, user_id=asker.person.id, now=asker.now)
    return place.answer(i18n.say(asker.language, "Approved. It is on the clock: %(link)s", link=_link(asker, post)))


def ask_to_return(asker: Asker, argument: str) -> Answer:
    """A comment is written in the app; without one, a second press."""
    post, place, version = _asked(asker, argument)
    text = i18n.say(
        asker.language,
        "To say what should change, return it here: %(link)s\nOr return it without a comment.",
        link=f"{_link(asker, post)}/approval",
    )
    rows = [(f"back:{post}:{version}", i18n.say(asker.language, "Return without a comment"))]
    return Answer(place.answer(text).text, keyboards.choices(rows))


def give_back(asker: Asker, argument: str) -> Answer:
    """Make a proposed post a draft again. Raises as `approve`."""
    post, place, version = _asked(asker, argument)
    deciding.give_back(place.workspace.id, post, version, user_id=asker.person.id, now=asker.now)
    return place.answer(i18n.say(asker.language, "Returned. Its author was told."))


def _asked(asker: Asker, argument: str) -> tuple[str, Place, int]:
    """(post, workspace, version that the button was made for). Raises NotFound, Forbidden."""
    public_id, _, version = argument.partition(":")
    _, place = held(asker, public_id, Act.PUBLISH)
    is_number = version.isascii() and version.isdigit() and len(version) < 10
    return public_id, place, int(version) if is_number else 0


def it_is_there(asker: Asker, argument: str) -> Answer:
    """Somebody looked: the post is in the channel. Raises NotFound once it is decided, Forbidden."""
    place, delivery_id = _delivery(asker, argument)
    resolving.it_is_there(place.workspace.id, delivery_id, user_id=asker.person.id, now=asker.now)
    return place.answer(i18n.say(asker.language, "Thank you. It is kept as sent."))


def send_again(asker: Asker, argument: str) -> Answer:
    """Somebody looked: the post is not in the channel. Raises as `it_is_there`."""
    place, delivery_id = _delivery(asker, argument)
    resolving.send_again(place.workspace.id, delivery_id, user_id=asker.person.id, now=asker.now)
    return place.answer(i18n.say(asker.language, "It is being sent again."))


def _delivery(asker: Asker, argument: str) -> tuple[Place, int]:
    delivery_id = _number(argument)
    found = db.row("SELECT workspace_id FROM delivery WHERE id = ? AND state = 'unknown'", delivery_id)
    place = places.place_in(asker.person, int(found[0])) if found else None
    if place is None:
        raise NotFound(_DECIDED)
    require(asker, place.workspace.id, Act.PUBLISH)
    return place, delivery_id


def resume(asker: Asker, argument: str) -> Answer:
    """Let a channel's posts on hold go on, once the bot may post there. Raises NotFound, Forbidden, Conflict."""
    channel_id = _number(argument)
    found = db.row(
        "SELECT c.workspace_id, c.bot_id, h.title FROM channel c JOIN chat h ON h.id = c.chat_id"
        " WHERE c.id = ? AND c.deleted_at IS NULL",
        channel_id,
    )
    place = places.place_in(asker.person, int(found[0])) if found else None
    if found is None or place is None:
        raise NotFound(N_("There is no such channel."))
    require(asker, place.workspace.id, Act.PUBLISH)
    reason = why_not_post([channel_id], found[1] or 0, now=asker.now).get(channel_id)
    if reason:
        raise Conflict(_REASONS[reason], code=reason)
    count = scheduling.resume(place.workspace.id, channel_id, user_id=asker.person.id, now=asker.now)
    if not count:
        raise Conflict(N_("No post of this channel is on hold any more."), code="none_held")
    told = i18n.say_many(
        asker.language,
        "%(num)s post for “%(title)s” goes on.",
        "%(num)s posts for “%(title)s” go on.",
        count,
        title=found[2],
    )
    return place.answer(told)


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 18 else 0


def _link(asker: Asker, public_id: str) -> str:
    return f"{asker.base_url}/posts/{public_id}"
