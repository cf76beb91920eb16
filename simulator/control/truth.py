"""What really is the case: state for proofs, and the simulated past as recorded data."""

import csv
import io
from collections.abc import Iterator
from typing import Any

from simulator.actions import boosts
from simulator.clock import iso
from simulator.model import Channel, Post
from simulator.simulation import Simulation
from simulator.views import CADENCE_S, reactions_at, views_at

Doc = dict[str, Any]


def state(sim: Simulation, *, with_posts: bool = True) -> Doc:
    """Everything; `with_posts` off leaves out the one part that may be large."""
    world = sim.world
    now = world.clock.now()
    waiting = {str(bot_id): len(sim.updates.live(bot_id)) for bot_id in world.bots}
    return {
        "now": iso(now),
        "life": world.life,
        "users": [{"id": u.id, "first_name": u.first_name, "username": u.username} for u in world.users.values()],
        "bots": [
            {
                "id": b.id,
                "username": b.username,
                "webhook": b.webhook_url,
                "allowed_updates": b.allowed_updates,
                "next_update_id": b.next_update_id,
                "has_fragment_username": b.has_fragment_username,
            }
            for b in world.bots.values()
        ],
        "channels": [_channel(sim, channel, now, with_posts) for channel in world.channels.values()],
        "pending_updates": waiting,
        "events": (world.store.get("meta", "events") or {}).get("events", []),
        "faults": [fault.__dict__ for fault in sim.faults.armed],
        "limits": sim.limits.to_doc(),
    }


def _channel(sim: Simulation, channel: Channel, now: float, with_posts: bool) -> Doc:
    posts = sim.world.visible_posts(channel.chat_id) if with_posts else []
    return {
        "chat_id": channel.chat_id,
        "username": channel.username,
        "title": channel.title,
        "owner_id": channel.owner_id,
        "preview": channel.has_preview,
        "subscribers": sim.world.subscribers(channel.chat_id),
        "boosts": boosts.active(channel, now),
        "bots": {str(bot.id): channel.member(bot.id) for bot in sim.world.bots.values()},
        "pinned": channel.pinned,
        "posts": [_post(post, now) for post in posts],
    }


def _post(post: Post, now: float) -> Doc:
    return {
        "message_id": post.message_id,
        "posted_at": iso(post.date),
        "text": post.text,
        "media": post.media,
        "media_group_id": post.media_group_id,
        "file_sha256": post.file["sha256"] if post.file else None,
        "bot_id": post.bot_id,
        "entities": post.entities,
        "poll": post.poll,
        "reply_markup": post.reply_markup,
        "is_silent": post.is_silent,
        "is_protected": post.is_protected,
        "service": post.service,
        "edited_at": iso(post.edited_at) if post.edited_at else None,
        "views": views_at(post, now),
        "reactions": dict(reactions_at(post, now)),
    }


def _chosen(sim: Simulation, chat: str | None) -> list[Channel]:
    if chat:
        return [sim.world.channel(chat)]
    return list(sim.world.channels.values())


def _name(channel: Channel) -> str:
    return channel.username or str(channel.chat_id)


def view_readings_csv(sim: Simulation, chat: str | None, until: float) -> str:
    """One row per post and due age, of the same curve that the pages show. Service posts have no views."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["channel", "message_id", "posted_at", "snapshot_at", "views", "reactions"])
    for channel in _chosen(sim, chat):
        for post in _counted(sim, channel):
            writer.writerows(_readings(channel, post, until))
    return out.getvalue()


def _counted(sim: Simulation, channel: Channel) -> Iterator[Post]:
    """Posts as people count them: an album once, under its first message, as the public page shows it."""
    albums: set[str] = set()
    for post in sim.world.visible_posts(channel.chat_id):
        if post.service is not None or (post.media_group_id and post.media_group_id in albums):
            continue
        if post.media_group_id:
            albums.add(post.media_group_id)
        yield post


def _readings(channel: Channel, post: Post, until: float) -> list[list[object]]:
    name, posted_at = _name(channel), iso(post.date)
    due = post.recorded.at if post.recorded else [post.date + age for age in CADENCE_S]
    return [
        [name, post.message_id, posted_at, iso(at), views_at(post, at), sum(n for _, n in reactions_at(post, at))]
        for at in due
        if at <= until
    ]


def subscribers_csv(sim: Simulation, chat: str | None, until: float) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["channel", "observed_at", "subscribers"])
    for channel in _chosen(sim, chat):
        times, values = sim.world.series.get(channel.chat_id, ([], []))
        # Several changes in one second are one reading: the last.
        last = {at: value for at, value in zip(times, values, strict=True) if at <= until}
        writer.writerows([_name(channel), iso(at), value] for at, value in last.items())
    return out.getvalue()
