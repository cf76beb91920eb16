"""Listing posts and calling them off by messages, in the person's language; who asks, and what they may."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from app.accounts.models import User
from app.accounts.service import people
from app.core import db, formats, i18n
from app.core.errors import Conflict, Forbidden, NotFound
from app.core.i18n import N_
from app.core.policy import Act, may
from app.posting.content.telegram import Entity
from app.posting.models import AuthoredPost
from app.posting.pages import lists as pages_lists
from app.posting.planning import caring
from app.posting.queries import posts as queries
from app.posting.queries.posts import Post
from app.posting.service import composing, scheduling, writing
from app.posting.states import BLOCKED
from bot import keyboards, places
from bot.places import Answer, Place

MOST_LISTED = 10
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
    if not may_act(asker, place.workspace.id, Act.PUBLISH):
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
    """Send what waits at once. Raises as `cancel`, and Conflict where the app asks before it does so."""
    post, place = _ahead(asker, public_id)

    def change() -> AuthoredPost:
        return composing.move(place.workspace.id, public_id, asker.now, user_id=asker.person.id, now=asker.now)

    caring.with_care(place.workspace.id, public_id, change, is_anyway=False)
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
    if not may_act(asker, workspace_id, act):
        raise Forbidden(N_("Your role in this workspace does not allow this."))


def may_act(asker: Asker, workspace_id: int, act: Act) -> bool:
    """Whether the person may do something in a workspace."""
    return any(may(w[3], act) for w in people.workspaces_of(asker.person.id) if w[0] == workspace_id)


def _next(place: Place) -> list[Post]:
    found = queries.by_time(place.workspace.id, queries.AHEAD, after=None, limit=MOST_LISTED)
    return queries.posts_by_id(place.workspace.id, [post_id for post_id, _ in found])


def _line(post: Post, place: Place, asker: Asker) -> str:
    times = [a.due_at for t in post.targets if (a := t.publication()) and a.due_at]
    standing = pages_lists.standing(post, now=asker.now)
    titles = ", ".join(target.title for target in post.targets)
    head = when(min(times), place, asker) if times else ""
    told = i18n.say(asker.language, _STANDINGS[standing]) if standing in _STANDINGS else standing
    return f"{head} · {titles} · {told}\n{pages_lists.words_of(post)}"


def when(at: datetime, place: Place, asker: Asker) -> str:
    """A moment in the person's language and the workspace's zone."""
    return formats.dt(at, asker.language, place.workspace.timezone)
