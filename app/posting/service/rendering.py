"""From a frozen revision to the calls that deliver it at one target: the variant, the signature, the parts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from app.core import db
from app.core.errors import Conflict, NotFound
from app.links import queries as links
from app.media import service as media
from app.media.service import marking
from app.media.service.marking import Place, Wish
from app.posting.content import parts, tree
from app.posting.content.blocks import Content
from app.posting.content.parts import Part
from app.posting.planning import settings
from app.posting.service.claimed import Claimed
from app.telegram.outgoing import Outgoing, OutgoingMedia, OutgoingPoll, UrlButton
from app.telegram.port import Publisher

_NO_BOT = 0  # it has no copies of files


@dataclass(frozen=True, slots=True)
class Revision:
    """What a post says: the base, by channel (public id) what it says instead there, and what stands around it."""

    id: int
    number: int
    base: Mapping[str, Any]
    variants: Mapping[str, Mapping[str, Any]]
    dress: Mapping[str, Mapping[str, Any]]

    def content_in(self, channel: str) -> Content:
        """What it says in a channel (public id), with the channel's signature and frame."""
        said = tree.from_json(self.variants.get(channel, self.base))
        return settings.in_dress(said, self.dress.get(channel, {}))

    def mark_in(self, channel: str) -> Mapping[str, Any] | None:
        """What its pictures and films are marked with in a channel (public id)."""
        return self.dress.get(channel, {}).get("mark")

    def is_traced_in(self, channel: str) -> bool:
        """Whether each of its pictures carries an invisible mark of its own in a channel (public id)."""
        return bool(self.dress.get(channel, {}).get("is_traced"))


@dataclass(frozen=True, slots=True)
class Outlet:
    """Through what posts leave: the bot and its line, where files lie, and where our own links lead to."""

    bot_id: int
    line: Publisher
    data_dir: Path
    base_url: str


class _Attempted(Protocol):
    @property
    def workspace_id(self) -> int: ...
    @property
    def target_id(self) -> int: ...
    @property
    def revision_id(self) -> int: ...
    @property
    def part(self) -> int: ...


def newest_revision(post_id: int) -> Revision:
    """What a post says now. Raises NotFound for one that was never frozen."""
    found = db.row(
        "SELECT id, number, content FROM post_revision WHERE post_id = ? ORDER BY number DESC LIMIT 1", post_id
    )
    return _revision(found)


def revision_of(revision_id: int) -> Revision:
    """A revision by its id. Raises NotFound."""
    return _revision(db.row("SELECT id, number, content FROM post_revision WHERE id = ?", revision_id))


def _revision(found: tuple[Any, ...] | None) -> Revision:
    if found is None:
        raise NotFound("This post says nothing yet.")
    doc = json.loads(found[2])
    return Revision(found[0], found[1], doc["base"], doc["variants"], doc.get("dress", {}))


def parts_for_target(revision: Revision, target_id: int) -> tuple[Part, ...]:
    """The messages that a revision becomes in one channel, in order."""
    return parts.parts(revision.content_in(_channel_of(target_id)))


def _channel_of(target_id: int) -> str:
    found = db.row(
        "SELECT c.public_id FROM post_target t JOIN channel c ON c.id = t.channel_id WHERE t.id = ?", target_id
    )
    assert found is not None
    return str(found[0])


def outgoing(attempt: _Attempted, outlet: Outlet) -> Outgoing:
    """The one call that delivers an attempt's part. Raises NotFound when a file of it is gone."""
    revision = revision_of(attempt.revision_id)
    part = parts_for_target(revision, attempt.target_id)[attempt.part]
    return call_of(part, revision, attempt.workspace_id, attempt.target_id, outlet)


def call_of(part: Part, revision: Revision, workspace_id: int, target_id: int, outlet: Outlet) -> Outgoing:
    """A part in Telegram's terms: files, marked where the channel's are, by the bot's ids where these are ready; links
    through ours where tracked. Raises NotFound when a file, or its marked copy, is gone."""
    files = _files(part, wish_of(revision, target_id), workspace_id, outlet)
    tracked = _tracked(workspace_id, target_id, outlet.base_url)
    return Outgoing(
        kind=part.kind,
        text=part.text,
        entities=tuple(entity.to_api() for entity in part.entities),
        media=tuple(replace(_file(files, one.file), kind=one.kind, has_spoiler=one.has_spoiler) for one in part.media),
        poll=None
        if part.poll is None
        else OutgoingPoll(
            part.poll.question, part.poll.options, part.poll.is_multiple, part.poll.answer, part.poll.explanation
        ),
        buttons=tuple(
            tuple(UrlButton(b.text, tracked.get(b.url, b.url) if b.is_tracked else b.url) for b in row)
            for row in part.buttons
        ),
        is_silent=part.is_silent,
        is_protected=part.is_protected,
        preview=part.preview,
        preview_above=part.preview_above,
        caption_above=part.caption_above,
    )


def wish_of(revision: Revision, target_id: int) -> Wish:
    """What the pictures and films of a post are marked with at one target."""
    found = db.row(
        "SELECT c.public_id, t.channel_id, t.post_id FROM post_target t JOIN channel c ON c.id = t.channel_id WHERE t.id = ?",
        target_id,
    )
    assert found is not None
    channel, channel_id, post_id = found
    place = Place(channel_id, post_id) if revision.is_traced_in(channel) else None
    return Wish(revision.mark_in(channel), place)


def _files(part: Part, wish: Wish, workspace_id: int, outlet: Outlet) -> Mapping[str, OutgoingMedia]:
    sent = marking.marked(workspace_id, [medium.file for medium in part.media], wish)
    ready = media.ready(workspace_id, list(sent.values()), outlet.bot_id, data_dir=outlet.data_dir)
    kinds = {sent[medium.file]: medium.kind for medium in part.media if medium.file in sent}
    # a picture that goes as a file: Telegram's id of it serves the kind alone that it was given for, so the bytes go
    others = [copy for copy, kind in kinds.items() if copy in ready and ready[copy].kind != kind]
    if others:
        ready |= media.ready(workspace_id, others, _NO_BOT, data_dir=outlet.data_dir)
    return {file: ready[copy] for file, copy in sent.items() if copy in ready}


def _file(files: Mapping[str, OutgoingMedia], public_id: str) -> OutgoingMedia:
    if public_id not in files:
        raise NotFound("A file of this post is gone.")
    return files[public_id]


def _tracked(workspace_id: int, target_id: int, base_url: str) -> Mapping[str, str]:
    """Our address for each address of the post that is tracked in this channel."""
    found = db.row("SELECT post_id, channel_id FROM post_target WHERE id = ?", target_id)
    return links.addresses(workspace_id, found[0], found[1], base_url) if found else {}


def messages_of(target_id: int, slot: int) -> list[list[int]]:
    """The message ids of each delivered part, in order. Raises Conflict when it is not known which they are."""
    rows = db.rows(
        "SELECT d.part, m.message_id FROM delivery d LEFT JOIN delivery_message m ON m.delivery_id = d.id"
        " WHERE d.target_id = ? AND d.slot = ? AND d.state = 'sent' ORDER BY d.part, m.number",
        *(target_id, slot),
    )
    found: dict[int, list[int]] = {}
    for part, message_id in rows:
        if message_id is None:
            raise Conflict("It is not known which message this post became: do this in Telegram.", code="no_message_id")
        found.setdefault(part, []).append(message_id)
    if not found:
        raise Conflict("This post is not out.", code="not_out")
    return [found[part] for part in sorted(found)]


def first_message(messages: Sequence[Sequence[int]]) -> int:
    return messages[0][0]


def edits(action: Claimed, messages: Sequence[Sequence[int]], outlet: Outlet) -> list[tuple[int, Outgoing]]:
    """What each delivered message is to say by the newest revision. Raises Conflict when its shape has changed."""
    revision = newest_revision(action.post_id)
    made = parts_for_target(revision, action.target_id)
    if [max(len(part.media), 1) for part in made] != [len(ids) for ids in messages]:
        raise Conflict("Telegram lets a published post keep its parts and files: only its words and buttons change.")
    calls = [call_of(part, revision, action.workspace_id, action.target_id, outlet) for part in made]
    return [(ids[0], call) for ids, call in zip(messages, calls, strict=True)]
