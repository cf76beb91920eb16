"""Scheduling, listing and calling off posts by messages, in the person's language."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from app.accounts.models import User
from app.accounts.service import people
from app.channels.queries import ChannelRef
from app.core import db, formats, i18n
from app.core.errors import Conflict, Forbidden, NotFound
from app.core.i18n import N_
from app.core.policy import Act, may
from app.posting import pages_lists, queries
from app.posting.approvals import asking
from app.posting.content import checks, markup, utf16
from app.posting.content import draft as drafts
from app.posting.content.draft import Draft
from app.posting.content.telegram import Entity, read
from app.posting.models import AuthoredPost
from app.posting.queries import Post
from app.posting.service import composing, planning, scheduling, writing
from app.posting.states import BLOCKED, DRAFT, PROPOSED
from bot import keyboards, places
from bot.places import Answer, Place

MOST_LISTED = 10
_EVERYWHERE = "all"
_WHEN = re.compile(r"\s*(?:(\d{4}-\d{2}-\d{2}|\d{1,2}\.\d{1,2}\.\d{4})\s+)?(\d{1,2}:\d{2})(?!\S)\s*")
_USAGE = N_(
    "Write the time and the text in one message, or answer the message that shall become a post:\n\n"
    "/schedule 18:30 Good evening!\n/schedule 2026-12-01 18:30 Winter begins.\n\n"
    "Times are those of %(zone)s. Formatting stays as you type it."
)
_STANDINGS = {
    "scheduled": N_("scheduled"),
    "late": N_("in line"),
    "sending": N_("going out"),
    "partly": N_("partly sent"),
    "blocked": N_("on hold"),
    "unconfirmed": N_("not confirmed"),
    "refused": N_("refused"),
    "proposed": N_("waits for approval"),
}


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, where our pages are, and when."""

    person: User
    base_url: str
    now: datetime

    @property
    def language(self) -> str:
        return str(self.person.language)


@dataclass(frozen=True, slots=True)
class Said:
    """A command's text with its looks; `reply`: the same of the message that it answers."""

    text: str
    entities: Sequence[Entity] = ()
    reply: tuple[str, Sequence[Entity]] | None = None
    has_files: bool = False


def moved(entities: Iterable[Entity], cut: int) -> tuple[Entity, ...]:
    """Entities of a text of which `cut` UTF-16 units were cut off in front; those that stood there are gone."""
    at = [(max(e.offset - cut, 0), e.end - cut, e) for e in entities]
    return tuple(replace(e, offset=start, length=end - start) for start, end, e in at if end > start)


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
    reasons = planning.why_not(refs)
    able = [ref for ref in refs if ref.id not in reasons]
    if not able:
        raise Conflict(N_("There is no channel in which I may post. Make me its administrator with the right to post."))
    post = writing.create(place.workspace.id, draft.to_doc(), user_id=asker.person.id, now=asker.now)
    if len(able) == 1:
        return _submit(asker, place, post, draft, able)
    rows = [(f"into:{post.public_id}:{ref.public_id}", ref.title) for ref in able[:MOST_LISTED]]
    rows.append((f"into:{post.public_id}:{_EVERYWHERE}", i18n.say(asker.language, "In all of them")))
    text = i18n.say(
        asker.language, "In which channel shall it appear on %(when)s?", when=_when(draft.due_at(), place, asker)
    )
    return Answer(text, keyboards.choices(rows))


def put_into(asker: Asker, argument: str) -> Answer:
    """The channel of a post that /schedule asked about. Raises NotFound, Conflict when it was chosen already."""
    public_id, _, chosen = argument.partition(":")
    post, place = held(asker, public_id, Act.COMPOSE)
    draft = drafts.read(post.draft)
    if post.state != DRAFT or not draft.day:
        raise Conflict(N_("This post has its channel already. You can change it in the app."), code="chosen")
    refs = planning.own_channels(post.workspace)
    reasons = planning.why_not(refs)
    able = [r for r in refs if r.id not in reasons and chosen in (_EVERYWHERE, r.public_id)]
    if not able:
        raise NotFound(N_("There is no such channel."))
    return _submit(asker, place, post, draft, able)


def _submit(asker: Asker, place: Place, post: AuthoredPost, draft: Draft, refs: Sequence[ChannelRef]) -> Answer:
    due_at = draft.due_at()
    done = asking.submit(
        *(post.workspace, post.public_id, post.version),
        replace(draft, channels=tuple(ref.public_id for ref in refs)),
        due_at=due_at,
        may_publish=_may(asker, post.workspace, Act.PUBLISH),
        user_id=asker.person.id,
        now=asker.now,
    )
    sentence = (
        N_("It waits for approval: %(when)s in %(channels)s.\n%(link)s")
        if done.state == PROPOSED
        else N_("Scheduled: %(when)s in %(channels)s.\n%(link)s")
    )
    return place.answer(
        i18n.say(
            asker.language,
            sentence,
            when=_when(due_at, place, asker),
            channels=", ".join(ref.title for ref in refs),
            link=f"{asker.base_url}/posts/{post.public_id}",
        )
    )


def my_posts(asker: Asker, _said: Said) -> Answer:
    """What goes out next, with buttons for those who may publish."""
    place = places.place_of(asker.person)
    if place is None:
        return places.ask(asker.person)
    posts = _next(place)
    if not posts:
        return place.answer(
            i18n.say(
                asker.language, "Nothing is scheduled. Begin with /schedule, or here: %(link)s", link=asker.base_url
            )
        )
    lines = [f"{n}. {_line(post, place, asker)}" for n, post in enumerate(posts, 1)]
    answer = place.answer("\n\n".join(lines))
    if not _may(asker, place.workspace.id, Act.PUBLISH):
        return answer
    rows = [
        (
            (f"cancel:{post.public_id}", i18n.say(asker.language, "Call off %(number)s", number=n)),
            (f"now:{post.public_id}", i18n.say(asker.language, "Publish %(number)s now", number=n)),
        )
        for n, post in enumerate(posts, 1)
    ]
    return replace(answer, buttons={**answer.buttons, **keyboards.rows_of(rows)})


def ask_to_cancel(asker: Asker, said: Said) -> Answer:
    """/cancel 2 asks once more, with the post's words: the list may have moved since it was read."""
    number = said.text.strip()
    place = places.place_of(asker.person)
    if place is None or not (number.isascii() and number.isdigit() and len(number) < 3):
        return my_posts(asker, said)
    require(asker, place.workspace.id, Act.PUBLISH)
    posts = _next(place)
    if not 0 < int(number) <= len(posts):
        raise NotFound(N_("There is no post of this number. /myposts tells what goes out next."))
    post = posts[int(number) - 1]
    text = i18n.say(asker.language, "Call this post off?\n\n%(post)s", post=_line(post, place, asker))
    return Answer(text, keyboards.choices([(f"cancel:{post.public_id}", i18n.say(asker.language, "Call it off"))]))


def cancel(asker: Asker, public_id: str) -> Answer:
    """Call a post off. Raises NotFound, Conflict when nothing of it waits any more."""
    post, place = _ahead(asker, public_id)
    scheduling.cancel(place.workspace.id, public_id, user_id=asker.person.id, now=asker.now)
    return place.answer(i18n.say(asker.language, "Called off: %(post)s", post=_line(post, place, asker)))


def publish_now(asker: Asker, public_id: str) -> Answer:
    """Send what waits at once. Raises as `cancel`."""
    post, place = _ahead(asker, public_id)
    composing.move(place.workspace.id, public_id, asker.now, user_id=asker.person.id, now=asker.now)
    return place.answer(i18n.say(asker.language, "It goes out now: %(words)s", words=pages_lists.words_of(post)))


def _ahead(asker: Asker, public_id: str) -> tuple[Post, Place]:
    row, place = held(asker, public_id, Act.PUBLISH)
    (post,) = queries.posts_by_id(place.workspace.id, [row.id])
    if not any((a := t.publication()) and a.state in (*queries.AHEAD, BLOCKED) for t in post.targets):
        raise Conflict(N_("Nothing of this post waits any more: it is out, or was called off."), code="not_ahead")
    return post, place


def held(asker: Asker, public_id: str, act: Act) -> tuple[AuthoredPost, Place]:
    """A post of one of the person's workspaces, locked, and that workspace.

    Raises NotFound alike for a post that is gone and for one of other people's, Forbidden when the role is too small.
    """
    found = db.row("SELECT workspace_id FROM authored_post WHERE public_id = ? AND deleted_at IS NULL", public_id)
    place = places.place_in(asker.person, int(found[0])) if found else None
    if place is None:
        raise NotFound(N_("There is no such post."))
    require(asker, place.workspace.id, act)
    return writing.held(place.workspace.id, public_id), place


def require(asker: Asker, workspace_id: int, act: Act) -> None:
    """Raises Forbidden when the person's role there does not allow the act."""
    if not _may(asker, workspace_id, act):
        raise Forbidden(N_("Your role in this workspace does not allow this."))


def _may(asker: Asker, workspace_id: int, act: Act) -> bool:
    return any(may(w[3], act) for w in people.workspaces_of(asker.person.id) if w[0] == workspace_id)


def _next(place: Place) -> list[Post]:
    found = queries.by_time(place.workspace.id, queries.AHEAD, after=None, limit=MOST_LISTED)
    return queries.posts_by_id(place.workspace.id, [post_id for post_id, _ in found])


def _line(post: Post, place: Place, asker: Asker) -> str:
    times = [a.due_at for t in post.targets if (a := t.publication()) and a.due_at]
    standing = pages_lists.standing(post, now=asker.now)
    titles = ", ".join(target.title for target in post.targets)
    head = _when(min(times), place, asker) if times else ""
    told = i18n.say(asker.language, _STANDINGS[standing]) if standing in _STANDINGS else standing
    return f"{head} · {titles} · {told}\n{pages_lists.words_of(post)}"


def _when(at: datetime, place: Place, asker: Asker) -> str:
    return formats.dt(at, asker.language, place.workspace.timezone)
