"""The lists of posts: what goes out next, drafts, what is out, what needs a person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.posting.approvals.pages import waiting_page
from app.posting.approvals.queries import proposed_count
from app.posting.content import draft as drafts
from app.posting.content.blocks import Content, plain_text
from app.posting.pages.shapes import HeldCard, ListPage, PostRow, UnconfirmedCard
from app.posting.queries import posts as queries
from app.posting.queries import waiting as queries_waiting
from app.posting.queries.posts import Action, Place, Post, Target
from app.posting.service import planning
from app.posting.states import (
    BLOCKED,
    BUSY,
    CALLED_OFF,
    CANCELLED,
    CLAIMED,
    DELETE,
    DONE,
    DRAFT,
    FAILED,
    PROPOSED,
    UNCONFIRMED,
    WAITING,
)

SCHEDULED, DRAFTS, SENT, ATTENTION = "scheduled", "drafts", "sent", "attention"
SHOWS = (SCHEDULED, DRAFTS, SENT, ATTENTION)
ON_A_PAGE = 50
LATE, SOON = timedelta(seconds=5), timedelta(minutes=2)
_LONGEST_WORDS = 80


@dataclass(frozen=True, slots=True)
class Reader:
    """Who looks: the workspace, what the role allows, and the moment."""

    workspace_id: int
    timezone: str
    may_compose: bool
    may_publish: bool
    now: datetime


def list_page(who: Reader, show: str, after: str) -> ListPage:
    """One page of a list; `after` says where the page before it ended."""
    show = show if show in SHOWS else SCHEDULED
    start = queries.place(after)
    found = _found(who.workspace_id, show, start)
    times = dict(found[:ON_A_PAGE])
    posts = queries.posts_by_id(who.workspace_id, list(times))
    rows = tuple(row_of(post, times[post.id], now=who.now) for post in posts)
    return ListPage(
        show=show,
        rows=rows,
        attention=attention(who.workspace_id, may_publish=who.may_publish),
        timezone=who.timezone,
        unconfirmed=tuple(card for post in posts for card in unconfirmed_of(post)) if show == ATTENTION else (),
        held=held_cards(who.workspace_id, now=who.now) if show == ATTENTION else (),
        backlog=queries_waiting.backlog(who.workspace_id, now=who.now),
        first_url=_url(show) if start else None,
        next_url=_url(show, Place(times[posts[-1].id], posts[-1].public_id)) if len(found) > ON_A_PAGE else None,
        may_compose=who.may_compose,
        may_publish=who.may_publish,
        has_channels=bool(planning.own_channels(who.workspace_id)),
        is_moving=any(is_moving(post, now=who.now) for post in posts),
        proposed=waiting_page(who.workspace_id, timezone=who.timezone, may_publish=True)
        if show == ATTENTION and who.may_publish
        else None,
    )


def attention(workspace_id: int, *, may_publish: bool) -> int:
    """How many posts need a person; those that wait for a yes need one who may publish."""
    waiting = proposed_count(workspace_id) if may_publish else 0
    return queries.attention_count(workspace_id) + waiting


def _found(workspace_id: int, show: str, start: Place | None) -> list[tuple[int, datetime]]:
    limit = ON_A_PAGE + 1
    if show == DRAFTS:
        return queries.unscheduled(workspace_id, after=start, limit=limit)
    if show == SENT:
        return queries.by_time(workspace_id, queries.SENT, after=start, limit=limit, is_newest_first=True)
    if show == ATTENTION:
        return queries.by_time(workspace_id, queries.ATTENTION, after=start, limit=limit, is_newest_first=True)
    return queries.by_time(workspace_id, queries.AHEAD, after=start, limit=limit)


def _url(show: str, after: Place | None = None) -> str:
    return f"/posts?show={show}" + (f"&after={after}" if after else "")


def row_of(post: Post, at: datetime, *, now: datetime) -> PostRow:
    """A post's line in a list."""
    shown = content_of(post)
    publications = [action for target in post.targets if (action := target.publication())]
    etas = [a.eta_at for a in publications if a.state in queries.AHEAD and a.eta_at]
    return PostRow(
        url=f"/posts/{post.public_id}",
        words=words_of(post),
        signs=_signs(shown),
        channels=_titles(post),
        at=at,
        standing=standing(post, now=now),
        eta_at=max(etas) if etas else None,
        reason=next((a.reason for a in publications if a.state in (FAILED, BLOCKED) and a.reason), ""),
        is_changed=bool(post.draft) and bool(post.said),
    )


def content_of(post: Post) -> Content:
    """What a list shows of a post: what it says, else what its draft does."""
    return post.said or drafts.read(post.draft).content()


def words_of(post: Post) -> str:
    """The first line of a post, or its poll's question; "" for one without any."""
    shown = content_of(post)
    lines = (" ".join(line.split()) for line in plain_text(shown.blocks).split("\n"))
    words = next(filter(None, lines), shown.poll.question if shown.poll else "")
    return words if len(words) <= _LONGEST_WORDS else words[: _LONGEST_WORDS - 1].rstrip() + "…"


def _signs(content: Content) -> tuple[str, ...]:
    kinds = ["album"] if len(content.media) > 1 else [one.kind for one in content.media]
    return (*kinds, *(["poll"] if content.poll else []), *(["buttons"] if content.buttons else []))


def _titles(post: Post) -> tuple[str, ...]:
    standing_at = [target.title for target in post.targets if not queries.is_called_off(target)]
    return tuple(standing_at or [target.title for target in post.targets])


def standing(post: Post, *, now: datetime) -> str:
    """Where a post stands, in one word: that of the target which needs a person most."""
    if post.state == PROPOSED or (post.draft and "proposal" in post.draft):
        return "proposed"
    words = [target_standing(target, now=now) for target in post.targets]
    if not words:
        return CANCELLED if post.state == CANCELLED else DRAFT
    worst = next((word for word in _BY_NEED if word in words), words[0])
    return "partly" if worst in ("scheduled", "late") and "sent" in words else worst


_BY_NEED = ("unconfirmed", "blocked", "refused", "sending", "late", "scheduled", "sent", "deleted", "cancelled")
_WORDS = {UNCONFIRMED: "unconfirmed", BLOCKED: "blocked", FAILED: "refused", BUSY: "sending", CALLED_OFF: "cancelled"}


def target_standing(target: Target, *, now: datetime) -> str:
    """Where a post stands in one channel."""
    publication = target.publication()
    if publication is None:
        return "cancelled"
    if publication.state in (WAITING, CLAIMED):
        return "late" if publication.due_at and publication.due_at < now - LATE else "scheduled"
    if publication.state == DONE:
        return "deleted" if any(_is_deletion(a) for a in target.actions) else "sent"
    return _WORDS.get(publication.state, publication.state)


def _is_deletion(action: Action) -> bool:
    return action.kind == DELETE and action.state == DONE


def is_moving(post: Post, *, now: datetime) -> bool:
    """Whether the post may look otherwise within the next minutes: the page asks again."""
    actions = [action for target in post.targets for action in target.actions]
    near = [a for a in actions if a.state in queries.AHEAD and (a.due_at is None or a.due_at < now + SOON)]
    return bool(near) or any(a.state == UNCONFIRMED for a in actions) or _is_fresh(post, now)


def _is_fresh(post: Post, now: datetime) -> bool:
    """Whether it went out just now and its numbers have not begun."""
    messages = [message for target in post.targets for message in target.messages]
    return any(m.message_ids and not m.is_collected and m.sent_at and m.sent_at > now - SOON for m in messages)


def unconfirmed_of(post: Post) -> list[UnconfirmedCard]:
    """A card for each channel of which nobody knows whether the post is there."""
    return [card for target in post.targets if (card := unconfirmed_card(post, target))]


def unconfirmed_card(post: Post, target: Target) -> UnconfirmedCard | None:
    if not any(a.state == UNCONFIRMED for a in target.actions):
        return None
    url, publication = f"/posts/{post.public_id}", target.publication()
    base = f"{url}/in/{target.channel}"
    at = publication.due_at if publication else None
    return UnconfirmedCard(url, words_of(post), target.title, at, f"{base}/there", f"{base}/again")


def held_cards(workspace_id: int, *, now: datetime, among: Sequence[int] | None = None) -> tuple[HeldCard, ...]:
    """The channels with posts on hold, `among`: only these channels (ids)."""
    held = queries_waiting.held(workspace_id, now=now)
    refs = {ref.id: ref for ref in planning.own_channels(workspace_id)}
    cards = []
    for row in held:
        ref = refs.get(row.channel_id)
        if ref is None or (among is not None and ref.id not in among):
            continue
        why = planning.why_not([ref], now=now).get(ref.id, "")
        urls = (f"/posts/resume/{ref.public_id}", f"/channels/{ref.public_id}")
        cards.append(HeldCard(ref.title, row.reason, why, row.count, row.overdue, *urls))
    return tuple(cards)
