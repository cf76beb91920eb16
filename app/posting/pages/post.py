"""One post: how it looks, where it stands in each channel, what can be done, what happened to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from app.analytics import post_queries
from app.channels.queries import channel_of
from app.links import queries as links
from app.media import queries as media
from app.posting.content import draft as drafts
from app.posting.emoji import telling
from app.posting.models import AuthoredPost
from app.posting.pages.history import happenings
from app.posting.pages.lists import (
    Reader,
    content_of,
    held_cards,
    is_moving,
    standing,
    target_standing,
    unconfirmed_card,
    words_of,
)
from app.posting.pages.preview import UrlOf, files_in, previews_of
from app.posting.pages.shapes import Follower, PostPage, Preview, TargetRow
from app.posting.queries import history as queries_history
from app.posting.queries import posts as queries
from app.posting.queries.posts import Message, Post, Target
from app.posting.service import planning, rendering, senders
from app.posting.states import (
    AFTER,
    BLOCKED,
    CALLED_OFF,
    CANCELLED,
    DONE,
    FAILED,
    LANE_TOPIC,
    RESOLVE_TOPIC,
    SCHEDULED,
    SENDS,
)


def post_page(who: Reader, post: AuthoredPost, *, url_of: UrlOf, temporal: str) -> PostPage:
    """The page of a post. `temporal`: the address of the Temporal UI's namespace, "" for none."""
    (shown,) = queries.posts_by_id(who.workspace_id, [post.id])
    draft = drafts.read(shown.draft)
    due = _due(shown, who)
    local = due.astimezone(ZoneInfo(who.timezone)) if due else None
    publications = [a for target in shown.targets if (a := target.publication())]
    states = {a.state for a in publications}
    asked = draft.proposal
    name = queries_history.names_of({asked.user_id}).get(asked.user_id, "") if asked else ""
    is_deleted = planning.is_gone(post)
    return PostPage(
        url=f"/posts/{shown.public_id}",
        words=words_of(shown),
        version=shown.version,
        standing=standing(shown, now=who.now),
        timezone=who.timezone,
        previews=_previews(who, post, shown, url_of),
        targets=_targets(who, shown, temporal),
        history=happenings(who.workspace_id, shown),
        held=held_cards(who.workspace_id, now=who.now, among=_held_ids(shown)),
        day=local.date().isoformat() if local else "",
        time=local.strftime("%H:%M") if local else "",
        clicks=links.clicks_of(who.workspace_id, [post.id]).get(post.id),
        proposed_at=asked.due_at if asked else None,
        proposed_by=name,
        is_proposed=asked is not None,
        is_changed=bool(shown.draft) and shown.said is not None and asked is None,
        is_moving=is_moving(shown, now=who.now),
        may_compose=who.may_compose,
        may_publish=who.may_publish,
        can_move=shown.state == SCHEDULED and bool(states & {*queries.AHEAD, BLOCKED}),
        can_cancel=shown.state == SCHEDULED and bool(states - {DONE, CALLED_OFF}),
        can_take_down=DONE in states and not is_deleted,
        can_edit=not is_deleted,
        can_try_again=FAILED in states and shown.state != CANCELLED,
    )


def _due(post: Post, who: Reader) -> datetime | None:
    ahead = [a.due_at for t in post.targets if (a := t.publication()) and a.state in (*queries.AHEAD, BLOCKED)]
    times = [at for at in ahead if at]
    return max(times) if times else None


def _held_ids(post: Post) -> list[int]:
    return [t.channel_id for t in post.targets if any(a.state == BLOCKED for a in t.actions)]


def _previews(who: Reader, post: AuthoredPost, shown: Post, url_of: UrlOf) -> tuple[Preview, ...]:
    """What it says now; of one that was never scheduled, what its draft says."""
    said = planning.said_of(post)
    draft = drafts.read(shown.draft)
    base, variants = said or (draft.content(), draft.contents())
    titles = {ref.public_id: ref.title for ref in planning.own_channels(who.workspace_id)}
    files = media.files_of(who.workspace_id, files_in(base, content_of(shown)))
    return previews_of(base, variants, titles, files=files, url_of=url_of)


def _targets(who: Reader, post: Post, temporal: str) -> tuple[TargetRow, ...]:
    unknown = queries_history.unknown_ids(who.workspace_id, post.id)
    topics = {t.channel: _topic(t, unknown) for t in post.targets}
    runs = queries_history.runs(list(topics.values())) if temporal else {}
    urls = {channel: _run_url(temporal, runs.get(topic)) for channel, topic in topics.items()}
    return tuple(_target(who, post, target, urls) for target in post.targets)


def _topic(target: Target, unknown: Mapping[str, int]) -> tuple[str, str]:
    if target.channel in unknown:
        return RESOLVE_TOPIC, str(unknown[target.channel])
    return LANE_TOPIC, str(target.sender_id)


def _run_url(temporal: str, run: tuple[str, str] | None) -> str | None:
    return f"{temporal}/workflows/{run[0]}/{run[1]}/history" if run else None


def _target(who: Reader, post: Post, target: Target, urls: Mapping[str, str | None]) -> TargetRow:
    publication, channel_url = target.publication(), f"/channels/{target.channel}"
    sent = [m for m in target.messages if m.sent_at]
    first = next((m for m in sent if m.message_ids), None)
    emoji_word, emoji = ("", "") if sent else _emoji_of(post, target, now=who.now)
    return TargetRow(
        title=target.title,
        channel_url=channel_url,
        standing=target_standing(target, now=who.now),
        due_at=publication.due_at if publication else None,
        eta_at=publication.eta_at if publication and publication.state in queries.AHEAD else None,
        sent_at=sent[0].sent_at if sent else None,
        reason=(publication.reason or "") if publication else "",
        note=next((m.note for m in target.messages if m.note), None),
        telegram_urls=tuple(url for m in sent if (url := _telegram_url(target, m))),
        numbers_url=_numbers_url(who.workspace_id, target, first) if first and first.is_collected else None,
        followers=tuple(_followers(target)),
        top_until=_top_until(target, sent[0].sent_at if sent else None),
        top_minutes=target.top_minutes,
        unconfirmed=unconfirmed_card(post, target),
        temporal_url=urls[target.channel],
        emoji_word=emoji_word,
        emoji=emoji,
    )


def _emoji_of(post: Post, target: Target, *, now: datetime) -> tuple[str, str]:
    """What becomes of the post's custom emoji in a channel, and the plain ones that stand for them."""
    if post.said is None:
        return "", ""
    content = rendering.newest_revision(post.id).content_in(target.channel)
    bot_id = senders.bot_of(target.sender_id)
    return telling.told_of(content, bot_id, target.address, now=now)


def _top_until(target: Target, sent_at: datetime | None) -> datetime | None:
    """Until when nothing else shall go out there, once the post is out."""
    return sent_at + timedelta(minutes=target.top_minutes) if sent_at and target.top_minutes else None


def _numbers_url(workspace_id: int, target: Target, message: Message) -> str | None:
    """The page of its numbers, once anything was read of it."""
    ref, key = channel_of(workspace_id, target.channel), str(message.message_ids[0])
    is_read = ref is not None and post_queries.post_of(ref.feed_id, ref.chat_id, key) is not None
    return f"/channels/{target.channel}/posts/{key}" if is_read else None


def _telegram_url(target: Target, message: Message) -> str | None:
    """The message in Telegram; the simulated one has no such pages."""
    if not message.message_ids or target.is_simulated:
        return None
    inner = target.username or f"c/{target.address.removeprefix('-100')}"
    return f"https://t.me/{inner}/{message.message_ids[0]}"


def _followers(target: Target) -> Iterable[Follower]:
    """What is done after it is published, and what was; not what was called off."""
    for action in target.actions:
        is_moot = action.state == CALLED_OFF or (action.state == FAILED and action.reason == "deleted")
        if action.kind not in SENDS and not is_moot:
            at = action.done_at if action.state == DONE else None if action.state == AFTER else action.due_at
            yield Follower(action.kind, action.state, at, action.after_s, action.reason)
