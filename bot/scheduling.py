"""/schedule: a post at a time by one message, in the person's language."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from app.channels.queries import ChannelRef
from app.core import i18n
from app.core.errors import Conflict, NotFound
from app.core.i18n import N_
from app.core.policy import Act
from app.posting.approvals import asking
from app.posting.content import checks, markup, utf16
from app.posting.content import draft as drafts
from app.posting.content.draft import Draft
from app.posting.content.telegram import Entity, read
from app.posting.emoji import telling
from app.posting.models import AuthoredPost
from app.posting.planning import caring
from app.posting.service import planning, writing
from app.posting.states import DRAFT, PROPOSED
from bot import keyboards, places
from bot.places import Answer, Place
from bot.publishing import MOST_LISTED, Asker, Said, held, may_act, moved, require, when

_EVERYWHERE = "all"
_WHEN = re.compile(r"\s*(?:(\d{4}-\d{2}-\d{2}|\d{1,2}\.\d{1,2}\.\d{4})\s+)?(\d{1,2}:\d{2})(?!\S)\s*")
_USAGE = N_(
    "Write the time and the text in one message, or answer the message that shall become a post:\n\n"
    "/schedule 18:30 Good evening!\n/schedule 2026-12-01 18:30 Winter begins.\n\n"
    "Times are those of %(zone)s. Formatting stays as you type it."
)


def schedule(asker: Asker, said: Said) -> Answer:
    """A post at a time: at once on the clock with one channel, else after the question in which. Raises Invalid."""
    place = places.place_of(asker.person)
    if place is None:
        return places.ask(asker.person)
    require(asker, place.workspace.id, Act.COMPOSE)
    found = _WHEN.match(said.text)
    text, entities = _body(said, found.end() if found else 0)
    if found is None or not text.strip():
        if said.has_files:
            return place.answer(
                i18n.say(asker.language, "Files are added in the app: %(link)s", link=f"{asker.base_url}/posts/new")
            )
        return place.answer(i18n.say(asker.language, _USAGE, zone=place.workspace.timezone))
    zone = place.workspace.timezone
    day = _day(found[1], found[2], zone, asker.now)
    draft = Draft(markup.write(read(text, entities)), day=day, time=found[2].zfill(5), zone=zone)
    checks.require(draft.content())
    draft.due_at()
    return _place(asker, place, draft)


def _body(said: Said, behind: int) -> tuple[str, Sequence[Entity]]:
    """The post's text: what stands behind the time, else the message that was answered."""
    text = said.text[behind:]
    if not text.strip() and said.reply is not None:
        return said.reply
    return text, moved(said.entities, utf16.length(said.text[:behind]))


def _day(typed: str | None, time: str, zone: str, now: datetime) -> str:
    """The day as ISO; without one, today or, when the time has passed, tomorrow."""
    if typed and "." in typed:
        day, month, year = typed.split(".")
        return f"{year}-{month.zfill(2)}-{day.zfill(2)}"
    local = now.astimezone(ZoneInfo(zone))
    return typed or (local + timedelta(days=time.zfill(5) <= local.strftime("%H:%M"))).date().isoformat()


def _place(asker: Asker, place: Place, draft: Draft) -> Answer:
    refs = planning.own_channels(place.workspace.id)
    reasons = planning.why_not(refs, now=asker.now)
    able = [ref for ref in refs if ref.id not in reasons]
    if not able:
        raise Conflict(N_("There is no channel in which I may post. Make me its administrator with the right to post."))
    post = writing.create(place.workspace.id, draft.to_doc(), user_id=asker.person.id, now=asker.now)
    if len(able) == 1:
        return _submit(asker, place, post, draft, able)
    rows = [(f"into:{post.public_id}:{ref.public_id}", ref.title) for ref in able[:MOST_LISTED]]
    rows.append((f"into:{post.public_id}:{_EVERYWHERE}", i18n.say(asker.language, "In all of them")))
    text = i18n.say(
        asker.language, "In which channel shall it appear on %(when)s?", when=when(draft.due_at(), place, asker)
    )
    return Answer(text, keyboards.choices(rows))


def put_into_anyway(asker: Asker, argument: str) -> Answer:
    """The same once somebody was told what speaks against the moment, and means it."""
    return put_into(asker, argument, is_anyway=True)


def put_into(asker: Asker, argument: str, *, is_anyway: bool = False) -> Answer:
    """The channel of a post that /schedule asked about. Raises NotFound, Conflict when it was chosen already."""
    public_id, _, chosen = argument.partition(":")
    post, place = held(asker, public_id, Act.COMPOSE)
    draft = drafts.read(post.draft)
    if post.state != DRAFT or not draft.day:
        raise Conflict(N_("This post has its channel already. You can change it in the app."), code="chosen")
    refs = planning.own_channels(post.workspace)
    reasons = planning.why_not(refs, now=asker.now)
    able = [r for r in refs if r.id not in reasons and chosen in (_EVERYWHERE, r.public_id)]
    if not able:
        raise NotFound(N_("There is no such channel."))
    return _submit(asker, place, post, draft, able, is_anyway=is_anyway)


def _submit(
    asker: Asker,
    place: Place,
    post: AuthoredPost,
    draft: Draft,
    refs: Sequence[ChannelRef],
    *,
    is_anyway: bool = False,
) -> Answer:
    due_at, draft = draft.due_at(), replace(draft, channels=tuple(ref.public_id for ref in refs))
    doubt = None if is_anyway else caring.doubt_of(post, draft, due_at)
    if doubt:
        where = refs[0].public_id if len(refs) == 1 else _EVERYWHERE
        button = (f"surely:{post.public_id}:{where}", i18n.say(asker.language, "Schedule anyway"))
        return Answer(i18n.say(asker.language, doubt.sentence, **doubt.params), keyboards.choices([button]))
    done = asking.submit(
        *(post.workspace, post.public_id, post.version),
        draft,
        due_at=due_at,
        may_publish=may_act(asker, post.workspace, Act.PUBLISH),
        is_anyway=True,
        user_id=asker.person.id,
        now=asker.now,
    )
    sentence = (
        N_("It waits for approval: %(when)s in %(channels)s.\n%(link)s")
        if done.state == PROPOSED
        else N_("Scheduled: %(when)s in %(channels)s.\n%(link)s")
    )
    text = i18n.say(
        asker.language,
        sentence,
        when=when(due_at, place, asker),
        channels=", ".join(ref.title for ref in refs),
        link=f"{asker.base_url}/posts/{post.public_id}",
    )
    return place.answer("\n\n".join([text, *_of_emoji(asker, post, draft, refs)]))


def _of_emoji(asker: Asker, post: AuthoredPost, draft: Draft, refs: Sequence[ChannelRef]) -> list[str]:
    """What becomes of the post's custom emoji in its channels."""
    said = telling.said_in(post.workspace, refs, {"": draft.content()})
    told = [one.sentence for one in telling.told(said, refs, now=asker.now)]
    return [i18n.say(asker.language, one.sentence, **one.params) for one in told]
