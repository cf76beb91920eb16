"""/protect: which channels' posts can be forwarded and saved, with a button for each that switches it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from app.channels.queries import ChannelRef, channel_of, channels_of
from app.core import i18n
from app.core.errors import NotFound
from app.core.i18n import N_
from app.core.policy import Act
from app.posting.planning import protecting, settings
from bot import keyboards, places
from bot.places import Answer, Place
from bot.publishing import MOST_LISTED, Asker, Said, may_act, require

ON, OFF, MORE = "on", "off", "more"
_PAGES = {"watermarks": "/watermarks", "copies": "/protection"}
_MEANS = N_(
    "New posts of a protected channel cannot be forwarded or saved in Telegram's apps. That hinders copying and does not"
    " prevent it: a screenshot is still possible. A watermark stays on the picture, and copies in other channels can be"
    " found:\nWatermarks: %(watermarks)s\nCopied posts: %(copies)s"
)
_STATES = {
    True: N_("“%(title)s” is protected: its new posts cannot be forwarded or saved."),
    False: N_("“%(title)s” is not protected: its new posts can be forwarded and saved."),
}
_CHANGED = {
    True: N_(
        "From now on new posts of “%(title)s” cannot be forwarded or saved. What is scheduled already stays as it is."
    ),
    False: N_(
        "From now on new posts of “%(title)s” can be forwarded and saved. What is scheduled already stays as it is."
    ),
}
_BUTTONS = {True: N_("Protect “%(title)s”"), False: N_("Stop protecting “%(title)s”")}
_NO_CHANNEL = N_("No channel of yours is connected here yet. Press “Add a channel” and make me its administrator.")
_NOT_YOURS = N_("Those who manage the channels of “%(name)s” decide what can be forwarded.")


def show(asker: Asker, _said: Said) -> Answer:
    """How the channels stand; with buttons for those who may change it."""
    place = places.place_of(asker.person)
    return places.ask(asker.person) if place is None else _list(asker, place)


def _list(asker: Asker, place: Place, *, skip: int = 0) -> Answer:
    own = _own(place)
    refs, more = own[skip : skip + MOST_LISTED], max(len(own) - skip - MOST_LISTED, 0)
    if not own:
        return place.answer(i18n.say(asker.language, _NO_CHANNEL))
    rules = settings.rules_of(place.workspace.id, refs)
    states = {ref.public_id: rules[ref.id].is_protected for ref in refs}
    lines = [i18n.say(asker.language, _STATES[states[ref.public_id]], title=ref.title) for ref in refs]
    if more:
        lines.append(i18n.say_many(asker.language, "and %(num)s more channel", "and %(num)s more channels", more))
    addresses = {name: f"{asker.base_url}{path}" for name, path in _PAGES.items()}
    lines.append(i18n.say(asker.language, _MEANS, **addresses))
    titles = (i18n.say(asker.language, "Watermarks"), i18n.say(asker.language, "Copied posts"))
    pages = keyboards.pages_of(zip(_PAGES.values(), titles, strict=True))
    if not may_act(asker, place.workspace.id, Act.MANAGE_CHANNELS):
        lines.append(i18n.say(asker.language, _NOT_YOURS, name=place.workspace.name))
    answer = place.answer("\n\n".join(lines))
    may_switch = may_act(asker, place.workspace.id, Act.MANAGE_CHANNELS)
    rows = [*_buttons(asker, refs, states)] if may_switch else []
    if more:
        rows.append([(f"protect:{MORE}:{skip + MOST_LISTED}", i18n.say(asker.language, "Show more channels"))])
    return replace(answer, buttons={**answer.buttons, **keyboards.rows_of(rows), **pages})


def _own(place: Place) -> list[ChannelRef]:
    return [ref for ref in channels_of(place.workspace.id) if ref.relation == "owned"]


def _buttons(asker: Asker, refs: list[ChannelRef], states: dict[str, bool]) -> Iterable[list[tuple[str, str]]]:
    for ref in refs:
        is_next = not states[ref.public_id]
        label = i18n.say(asker.language, _BUTTONS[is_next], title=ref.title)
        yield [(f"protect:{ref.public_id}:{ON if is_next else OFF}", label)]


def switch(asker: Asker, argument: str) -> Answer:
    """Protect a channel's new posts, or stop that; what is so already is told. Or the next of a long list of channels.
    Raises NotFound, Forbidden."""
    public_id, _, wish = argument.partition(":")
    if public_id == MORE and (here := places.place_of(asker.person)) and wish.isascii() and wish.isdigit():
        return _list(asker, here, skip=int(wish[:6]))
    place = places.place_of(asker.person, public_id)
    ref = channel_of(place.workspace.id, public_id) if place else None
    if place is None or ref is None or ref.relation != "owned" or wish not in (ON, OFF):
        raise NotFound(N_("There is no such channel."))
    require(asker, place.workspace.id, Act.MANAGE_CHANNELS)
    is_on = wish == ON
    is_changed = protecting.protect(place.workspace.id, ref, is_protected=is_on, user_id=asker.person.id, now=asker.now)
    return place.answer(i18n.say(asker.language, (_CHANGED if is_changed else _STATES)[is_on], title=ref.title))
