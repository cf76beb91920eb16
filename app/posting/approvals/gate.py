"""Which clients have a say in a post, and what they said of the words that it has now.

A yes holds for words, not for a time: moving a post asks nobody again, changing what it says in the client's channels
asks the client anew.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from app.core import db
from app.core.errors import Conflict
from app.core.i18n import N_
from app.posting.approvals.models import APPROVED, OVERRIDDEN, RETURNED
from app.posting.content import tree
from app.posting.content.blocks import Content
from app.posting.content.draft import Draft

Contents = Mapping[str, Content]


@dataclass(frozen=True, slots=True)
class Client:
    """A client who sees a post, and the last answer to its present words: APPROVED, RETURNED, OVERRIDDEN or "".

    `content_hash` names these words.
    """

    link_id: int
    name: str
    is_required: bool
    content_hash: str
    answer: str = ""
    comment: str = ""
    at: datetime | None = None

    @property
    def is_missing(self) -> bool:
        """Whether the post has to wait for this client."""
        return self.is_required and self.answer not in (APPROVED, OVERRIDDEN)


def contents_of(draft: Draft) -> dict[str, Content]:
    """What a form says in each of its channels (public ids)."""
    base, variants = draft.content(), draft.contents()
    return {channel: variants.get(channel, base) for channel in draft.channels}


def hash_of(contents: Contents, channels: Iterable[str]) -> str:
    """The words that these channels get of a post, as one SHA-256."""
    return tree.hash_of({key: tree.to_json(contents[key]) for key in channels if key in contents})


def clients_of(workspace_id: int, post_id: int | None, contents: Contents) -> list[Client]:
    """The clients whose channels a post goes to, by name. An expired link asks on, a revoked one does not."""
    answers = _answers(workspace_id, post_id) if post_id is not None else {}
    found = []
    for link_id, (name, is_required, channels) in _links(workspace_id, contents).items():
        client = Client(link_id, name, is_required, hash_of(contents, channels))
        told = answers.get((link_id, client.content_hash))
        found.append(Client(link_id, name, is_required, client.content_hash, *told) if told else client)
    return found


def _links(workspace_id: int, contents: Contents) -> dict[int, tuple[str, bool, list[str]]]:
    rows = db.rows(
        "SELECT l.id, l.name, l.is_required, c.public_id FROM client_link l"
        " JOIN client_link_channel s ON s.link_id = l.id JOIN channel c ON c.id = s.channel_id"
        f" WHERE l.workspace_id = ? AND l.revoked_at IS NULL AND c.public_id IN ({db.marks(contents)})"
        " ORDER BY l.name, l.id, c.public_id",
        *(workspace_id, *contents),
    )
    found: dict[int, tuple[str, bool, list[str]]] = {}
    for link_id, name, is_required, channel in rows:
        found.setdefault(link_id, (name, bool(is_required), []))[2].append(channel)
    return found


def _answers(workspace_id: int, post_id: int) -> dict[tuple[int, str], tuple[str, str, datetime]]:
    """By link and words, the last answer with its comment and time."""
    rows = db.rows(
        "SELECT link_id, content_hash, answer, comment, at FROM approval_answer WHERE workspace_id = ? AND post_id = ?"
        " AND link_id IS NOT NULL ORDER BY id",
        *(workspace_id, post_id),
    )
    return {(row[0], row[1]): (row[2], row[3] or "", db.moment(row[4])) for row in rows}


def required_channels(workspace_id: int) -> dict[str, list[str]]:
    """By channel (public id), the clients whose yes its posts wait for."""
    rows = db.rows(
        "SELECT c.public_id, l.name FROM client_link l JOIN client_link_channel s ON s.link_id = l.id"
        " JOIN channel c ON c.id = s.channel_id WHERE l.workspace_id = ? AND l.is_required AND l.revoked_at IS NULL"
        " ORDER BY l.name",
        workspace_id,
    )
    found: dict[str, list[str]] = defaultdict(list)
    for channel, name in rows:
        found[channel].append(name)
    return found


def require_yes(workspace_id: int, post_id: int, base: Content, variants: Contents, channels: Iterable[str]) -> None:
    """Before a post goes on the clock with these words. Raises Conflict (`client_waits`) while a client's yes is missing."""
    contents = {channel: variants.get(channel, base) for channel in channels}
    require_answered(clients_of(workspace_id, post_id, contents))


def require_answered(clients: Iterable[Client]) -> None:
    """Raises Conflict (`client_waits`) while a client's yes is missing."""
    for client in clients:
        if client.is_missing:
            sentence = (
                N_("“%(name)s” returned this post. Change it and ask again, or override the client on the post's page.")
                if client.answer == RETURNED
                else N_("“%(name)s” has to approve this post first. You can override the client on the post's page.")
            )
            raise Conflict(sentence, code="client_waits", name=client.name)
