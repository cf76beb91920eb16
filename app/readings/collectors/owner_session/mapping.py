"""Telegram's objects (TL layer 229) -> ours. Pure; loaded by the Telethon adapter alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from telethon.tl import types

from app.readings.collectors.base import Count, ReactionCount, SeenPost, hash_text, utf16_length
from app.readings.collectors.owner_session.base import (
    GRAPHS,
    ChannelKey,
    Counters,
    Graph,
    HistoryPage,
    NativeStats,
    OwnChannel,
)
from app.readings.collectors.owner_session.graphs import read_graph


def own_channels(chats: Iterable[Any]) -> tuple[OwnChannel, ...]:
    """The broadcast channels among an account's chats that it runs; groups, people and foreign channels are dropped."""
    mine = (c for c in chats if isinstance(c, types.Channel) and c.broadcast and not c.left and c.access_hash)
    return tuple(_own(chat) for chat in mine if chat.creator or chat.admin_rights)


def _own(chat: Any) -> OwnChannel:
    names = [chat.username, *(one.username for one in chat.usernames or () if one.active)]
    return OwnChannel(
        ChannelKey(chat.id, chat.access_hash),
        chat.title,
        next((name for name in names if name), None),
        _count(chat.participants_count),
    )


def history_page(answer: Any, *, limit: int) -> HistoryPage:
    """One answer of messages.getHistory.

    An album whose items may go on in the next page is left to that page, whole.
    """
    messages: Sequence[Any] = sorted(answer.messages, key=lambda m: m.id, reverse=True)
    is_full = len(messages) >= limit
    if is_full:
        messages = _without_cut_album(messages)
    lowest = messages[-1].id if messages else None
    return HistoryPage(
        posts=posts_of(messages),
        seen=len(messages),
        gone=tuple(m.id for m in messages if isinstance(m, types.MessageEmpty)),
        total=getattr(answer, "count", len(messages)),
        before=lowest if lowest is not None and lowest > 1 else None,
    )


def _without_cut_album(messages: Sequence[Any]) -> Sequence[Any]:
    album = getattr(messages[-1], "grouped_id", None)
    kept = [m for m in messages if album is None or getattr(m, "grouped_id", None) != album]
    return kept or messages


def posts_of(messages: Sequence[Any]) -> tuple[SeenPost, ...]:
    """Messages as posts, newest first; the items of an album become one post under its first id."""
    albums: dict[int, list[Any]] = {}
    for message in messages:
        if isinstance(message, types.Message) and message.grouped_id is not None:
            albums.setdefault(message.grouped_id, []).append(message)
    posts = []
    for message in messages:
        if isinstance(message, types.MessageService):
            posts.append(_service(message))
        elif isinstance(message, types.Message):
            items = sorted(albums.get(message.grouped_id, (message,)), key=lambda m: m.id)
            if items[0].id == message.id:
                posts.append(_post(items))
    return tuple(posts)


def _service(message: Any) -> SeenPost:
    return SeenPost(message.id, None, message.date, False, None, None, (), None, None, True)


def _post(items: Sequence[Any]) -> SeenPost:
    first, is_album = items[0], first_album(items)
    text = next((m.message for m in items if m.message), "")
    edits = [m.edit_date for m in items if m.edit_date and not m.edit_hide]
    kinds = tuple(kind for m in items if (kind := media_of(m.media)))
    return SeenPost(
        message_id=first.id,
        origin_uid=None,
        posted_at=first.date,
        edited=bool(edits),
        views=_count(first.views),
        reactions=reactions_of(next((m.reactions for m in items if m.reactions), None)),
        media=("album", *kinds) if is_album else kinds,
        text_length=utf16_length(text),
        text_hash=hash_text(text),
        is_service=False,
        album_ids=tuple(m.id for m in items) if is_album else (),
        album_key=str(first.grouped_id) if first.grouped_id is not None else None,
        forwards=_count(first.forwards),
        comments=comments_of(first.replies),
        edited_at=max(edits, default=None),
    )


def first_album(items: Sequence[Any]) -> bool:
    """Whether these are an album: more than one item, or one that says it belongs to one."""
    return len(items) > 1 or items[0].grouped_id is not None


def comments_of(replies: Any) -> Count | None:
    """Comments in the channel's discussion; None where it has none."""
    return _count(replies.replies) if replies is not None and replies.comments else None


def reactions_of(reactions: Any) -> tuple[ReactionCount, ...]:
    """Reactions by sign; () where the post shows none."""
    found = []
    for result in reactions.results if reactions else ():
        sign = _sign(result.reaction)
        if sign:
            found.append(ReactionCount(sign, Count(result.count, 0)))
    return tuple(found)


def _sign(reaction: Any) -> str | None:
    if isinstance(reaction, types.ReactionEmoji):
        return str(reaction.emoticon)
    if isinstance(reaction, types.ReactionCustomEmoji):
        return f"custom:{reaction.document_id}"
    return "paid" if isinstance(reaction, types.ReactionPaid) else None


_PLAIN_MEDIA = {
    types.MessageMediaPhoto: "photo",
    types.MessageMediaPoll: "poll",
    types.MessageMediaContact: "contact",
    types.MessageMediaGeo: "location",
    types.MessageMediaGeoLive: "location",
    types.MessageMediaVenue: "location",
}


def media_of(media: Any) -> str | None:
    """The product's word for what a message holds; None for text, with or without a link preview."""
    if isinstance(media, types.MessageMediaDocument):
        return _document(getattr(media.document, "attributes", None) or ())
    return _PLAIN_MEDIA.get(type(media))


def _document(attributes: Iterable[Any]) -> str:
    by_type = {type(one): one for one in attributes}
    video, audio = by_type.get(types.DocumentAttributeVideo), by_type.get(types.DocumentAttributeAudio)
    if types.DocumentAttributeSticker in by_type:
        return "sticker"
    if types.DocumentAttributeAnimated in by_type:
        return "animation"
    if video is not None:
        return "video_note" if video.round_message else "video"
    if audio is not None:
        return "voice" if audio.voice else "audio"
    return "document"


def counters_of(ids: Sequence[int], answer: Any) -> tuple[Counters, ...]:
    """messages.getMessagesViews answers in the order of the ids."""
    return tuple(
        Counters(i, _count(one.views), _count(one.forwards), comments_of(one.replies))
        for i, one in zip(ids, answer.views, strict=True)
    )


def unfinished_graphs(answer: Any) -> dict[str, str]:
    """kind -> token of the graphs that Telegram hands over only when asked for each."""
    graphs = {kind: getattr(answer, f"{kind}_graph") for kind in GRAPHS}
    return {kind: g.token for kind, g in graphs.items() if isinstance(g, types.StatsGraphAsync)}


def native_stats(answer: Any, loaded: dict[str, Any]) -> NativeStats:
    """Telegram's statistics with the graphs that were `loaded` afterwards."""
    graphs = {kind: loaded.get(kind, getattr(answer, f"{kind}_graph")) for kind in GRAPHS}
    return NativeStats(
        since=answer.period.min_date,
        until=answer.period.max_date,
        graphs=tuple(graph_of(kind, one) for kind, one in graphs.items()),
    )


def graph_of(kind: str, graph: Any) -> Graph:
    """A graph, or Telegram's word why there is none."""
    if isinstance(graph, types.StatsGraph):
        return read_graph(kind, graph.json.data)
    return Graph(kind, error=graph.error if isinstance(graph, types.StatsGraphError) else "not loaded")


def _count(value: int | None) -> Count | None:
    return None if value is None else Count(value, 0)
