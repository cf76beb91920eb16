"""Messages to those who decide about a post and to those who wrote it, by the service's bot."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from app.accounts.models import User
from app.accounts.service import people
from app.channels.queries import channels_of
from app.core import formats, i18n
from app.core.i18n import N_
from app.notices import service as notices
from app.posting.content import draft as drafts
from app.posting.content.blocks import plain_text
from app.posting.content.draft import Draft
from app.posting.models import AuthoredPost
from app.telegram import service as telegram

_LONGEST_WORDS = 200
AT_ONCE, NO_WORDS = N_("at once"), N_("(no text)")


def ask_deciders(post: AuthoredPost, *, now: datetime) -> None:
    """Tell everybody who may publish, but not who proposes, inside the transaction of the proposal."""
    draft = drafts.read(post.draft)
    assert draft.proposal is not None
    author = User.get_or_none(User.id == draft.proposal.user_id)
    channels = ", ".join(ref.title for ref in channels_of(post.workspace) if ref.public_id in draft.channels)
    for person in people.people_to_tell(post.workspace):
        if author is not None and person.id == author.id:
            continue
        _queue(
            "approval_asked",
            person,
            {
                "name": str(author.name) if author else "",
                "words": words_of(draft, person.language),
                "channels": channels,
                "when": when(draft.proposal.due_at, person),
                "post": post.public_id,
                "version": str(post.version),
            },
            key=f"approval:{post.id}:{post.version}:{person.id}",
            now=now,
        )


def tell_author(
    template: str, post: AuthoredPost, draft: Draft, *, by: str, by_user: int | None, comment: str = "", now: datetime
) -> None:
    """Tell who proposed a post what became of it; nobody tells themselves."""
    author = User.get_or_none(User.id == draft.proposal.user_id) if draft.proposal else None
    if author is None or author.id == by_user:
        return
    params = {"name": by, "words": words_of(draft, author.language), "comment": comment, "post": post.public_id}
    _queue(template, author, params, key=f"{template}:{post.id}:{post.version}:{author.id}", now=now)


def tell_of_client(
    post: AuthoredPost, draft: Draft, *, name: str, is_yes: bool, comment: str, answer_id: int, now: datetime
) -> None:
    """Tell who may publish, and the author, what a client said."""
    told: dict[int, User] = {person.id: person for person in people.people_to_tell(post.workspace)}
    author = User.get_or_none(User.id == draft.proposal.user_id) if draft.proposal else None
    if author is not None:
        told.setdefault(author.id, author)
    for person in told.values():
        params = {"name": name, "words": words_of(draft, person.language), "comment": comment}
        template = "client_approved" if is_yes else "client_returned"
        _queue(template, person, params, key=f"client:{answer_id}:{person.id}", now=now)


def _queue(template: str, person: User, params: dict[str, str], *, key: str, now: datetime) -> None:
    bot = telegram.service_bot()
    if bot is not None:
        notices.queue(template, user=person, bot_id=bot.bot_id, params=params, dedupe_key=key, is_urgent=True, now=now)


def when(due_at: datetime | None, person: User) -> str:
    """A moment in a person's language and zone."""
    if due_at is None:
        return i18n.say(person.language, AT_ONCE)
    return f"{formats.dt(due_at, person.language, person.timezone)} ({person.timezone})"


def words_of(draft: Draft, language: str) -> str:
    """The first words of what a form says."""
    content = draft.content()
    lines: Iterable[str] = (plain_text(content.blocks), content.poll.question if content.poll else "")
    words = next((text for line in lines if (text := " ".join(line.split()))), i18n.say(language, NO_WORDS))
    return words if len(words) <= _LONGEST_WORDS else words[: _LONGEST_WORDS - 1].rstrip() + "…"
