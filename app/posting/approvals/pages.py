"""What the pages of approvals show: those of the workspace, and a client's."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from app.channels.queries import channels_of
from app.core.htmx import explained
from app.media import queries as media
from app.posting.approvals import gate, queries
from app.posting.approvals.gate import Client
from app.posting.approvals.links import Listed, Opened
from app.posting.approvals.queries import Asked, Said
from app.posting.content.blocks import Content, plain_text
from app.posting.emoji import telling
from app.posting.models import AuthoredPost
from app.posting.pages.preview import UrlOf, files_in, previews_of
from app.posting.pages.shapes import Preview
from app.posting.queries import history as queries_history

_LONGEST_WORDS = 90


@dataclass(frozen=True, slots=True)
class WaitingRow:
    """A post in the list of those that wait for a yes. `waits_for`: clients who have to agree first."""

    url: str
    words: str
    channels: tuple[str, ...]
    by: str
    due_at: datetime | None
    waits_for: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WaitingPage:
    rows: tuple[WaitingRow, ...]
    timezone: str
    may_publish: bool


@dataclass(frozen=True, slots=True)
class ApprovalPage:
    """One post before those who decide: what it says, who asks, what clients said.

    `notes`: what becomes of its custom emoji, as sentences.
    """

    url: str
    words: str
    version: int
    by: str
    due_at: datetime | None
    is_proposed: bool
    timezone: str
    previews: tuple[Preview, ...]
    clients: tuple[Client, ...]
    answers: tuple[Said, ...]
    may_publish: bool
    notes: tuple[str, ...] = ()
    error: str = ""
    comment: str = ""
    comment_error: str = ""

    @property
    def is_waiting_for_client(self) -> bool:
        return any(client.is_missing for client in self.clients)


@dataclass(frozen=True, slots=True)
class LinksPage:
    """Clients' links; `new_url` is shown this one time. Fields hold what was sent when it was wrong."""

    rows: tuple[Listed, ...]
    channels: tuple[tuple[str, str], ...]
    now: datetime
    new_url: str = ""
    errors: Mapping[str, str] = field(default_factory=dict)
    name: str = ""
    chosen: tuple[str, ...] = ()
    is_required: bool = False


@dataclass(frozen=True, slots=True)
class SharedPost:
    """A post as a client sees it, and what this client said of these words."""

    public_id: str
    due_at: datetime | None
    is_proposed: bool
    previews: tuple[Preview, ...]
    client: Client


@dataclass(frozen=True, slots=True)
class ClientPage:
    link: Opened
    url: str
    posts: tuple[SharedPost, ...]
    error: str = ""
    failed: str = ""
    comment: str = ""


def waiting_page(workspace_id: int, *, timezone: str, may_publish: bool) -> WaitingPage:
    """Everything that waits for a yes."""
    asked = [queries.asked_of(post) for post in queries.proposed(workspace_id)]
    titles = _titles(workspace_id)
    names = queries_history.names_of({one.by for one in asked if one.by is not None})
    rows = [
        WaitingRow(
            url=f"/posts/{one.post.public_id}/approval",
            words=words_of(one),
            channels=tuple(titles[key] for key in one.contents if key in titles),
            by=names.get(one.by or 0, ""),
            due_at=one.due_at,
            waits_for=tuple(client.name for client in _clients(one) if client.is_missing),
        )
        for one in asked
    ]
    return WaitingPage(tuple(rows), timezone, may_publish)


def approval_page(
    post: AuthoredPost, *, timezone: str, may_publish: bool, url_of: UrlOf, now: datetime
) -> ApprovalPage:
    """One post before those who decide."""
    one = queries.asked_of(post)
    return ApprovalPage(
        url=f"/posts/{post.public_id}",
        words=words_of(one),
        version=post.version,
        by=queries_history.names_of({one.by}).get(one.by, "") if one.by else "",
        due_at=one.due_at,
        is_proposed=one.by is not None,
        timezone=timezone,
        previews=_previews(post.workspace, one.contents, url_of=url_of),
        clients=tuple(_clients(one)),
        answers=tuple(queries.answers(post.workspace, post.id)),
        may_publish=may_publish,
        notes=_of_emoji(one, now=now),
    )


def _of_emoji(one: Asked, *, now: datetime) -> tuple[str, ...]:
    refs = [ref for ref in channels_of(one.post.workspace) if ref.public_id in one.contents]
    said = telling.said_in(one.post.workspace, refs, one.contents)
    return tuple(explained(told.sentence) for told in telling.told(said, refs, now=now))


def client_page(link: Opened, *, url: str, url_of: UrlOf) -> ClientPage:
    """What a client sees: the posts of the link's channels, each as these channels get it."""
    shown = queries.shared_with(link.workspace_id, link.channels)
    posts = (shared_post(link, one, url_of=url_of) for one in shown)
    return ClientPage(link, url, tuple(post for post in posts if post is not None))


def shared_post(link: Opened, one: Asked, *, url_of: UrlOf) -> SharedPost | None:
    """A post for a client, None when it is not for this one."""
    client = next((client for client in _clients(one) if client.link_id == link.link_id), None)
    if client is None:
        return None
    contents = {key: content for key, content in one.contents.items() if key in link.channels}
    previews = _previews(link.workspace_id, contents, url_of=url_of)
    return SharedPost(one.post.public_id, one.due_at, one.by is not None, previews, client)


def files_of(link: Opened) -> set[str]:
    """The files (public ids) of what a client sees."""
    shown = queries.shared_with(link.workspace_id, link.channels)
    contents = [content for one in shown for key, content in one.contents.items() if key in link.channels]
    return set(files_in(*contents))


def words_of(one: Asked) -> str:
    """The first words of a post; "" for one without any."""
    for content in one.contents.values():
        words = " ".join(plain_text(content.blocks).split()) or (content.poll.question if content.poll else "")
        if words:
            return words if len(words) <= _LONGEST_WORDS else words[: _LONGEST_WORDS - 1].rstrip() + "…"
    return ""


def own_channels(workspace_id: int) -> tuple[tuple[str, str], ...]:
    """(public id, title) of the channels that the workspace runs."""
    return tuple((ref.public_id, ref.title) for ref in channels_of(workspace_id) if ref.relation == "owned")


def _clients(one: Asked) -> Sequence[Client]:
    return gate.clients_of(one.post.workspace, one.post.id, one.contents)


def _titles(workspace_id: int) -> dict[str, str]:
    return {ref.public_id: ref.title for ref in channels_of(workspace_id)}


def _previews(workspace_id: int, contents: Mapping[str, Content], *, url_of: UrlOf) -> tuple[Preview, ...]:
    """The post as the first channel gets it, then as those do that get other words."""
    if not contents:
        return ()
    base = next(iter(contents.values()))
    others = {key: content for key, content in contents.items() if content != base}
    files = media.files_of(workspace_id, _files(contents.values()))
    return previews_of(base, others, _titles(workspace_id), files=files, url_of=url_of)


def _files(contents: Collection[Content]) -> list[str]:
    return files_in(*contents)
