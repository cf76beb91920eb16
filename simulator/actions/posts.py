"""Posts of a channel: publish, edit, delete, view, react."""

from collections.abc import Sequence
from typing import Any

from simulator.content import Content
from simulator.model import Bot, Channel, Post
from simulator.shapes import post_json, reaction_counts_json
from simulator.updates import UpdateQueue
from simulator.views import views_at
from simulator.world import Refused, World

Doc = dict[str, Any]
MEDIA = ("photo", "video", "animation", "document", "voice", "sticker", "poll")


def publish(
    world: World,
    updates: UpdateQueue,
    channel: Channel,
    contents: Sequence[Content],
    *,
    service: str | None = None,
    views_30d: float | None = None,
    by: Bot | None = None,
) -> list[Post]:
    """One post, or the items of one album where there are several contents; each admin bot but `by` is told."""
    group = str(world.rng.randrange(10**16, 10**17)) if len(contents) > 1 else None
    curve = _curve(world, channel, views_30d)
    posts = [
        Post(
            chat_id=channel.chat_id,
            message_id=channel.next_message_id + index,
            date=world.clock.now_s(),
            media_group_id=group,
            service=service,
            bot_id=by.id if by else None,
            curve=curve,
            reaction_mix=[["👍", 0.01], ["❤", 0.005], ["🔥", 0.003]] if curve else [],
            **vars(content),
        )
        for index, content in enumerate(contents)
    ]
    # Not saved with the channel, which may be large: the next start finds it from the posts.
    channel.next_message_id += len(posts)
    world.save_posts(posts)
    for post in posts:
        tell(world, updates, post, "channel_post")
    return posts


def scripted(*, text: str = "", media: str | None = None, album: int = 0) -> list[Content]:
    """What a person posts by the phone or a script: media without bytes, an album's caption on its first item."""
    if media is not None and media not in MEDIA:
        raise Refused(f"media is one of {', '.join(MEDIA)}")
    if album > 1:
        return [Content(text=text if index == 0 else "", media=media or "photo") for index in range(album)]
    poll = {"question": text or "Poll", "options": ["1", "2", "3"]} if media == "poll" else None
    return [Content(text=text, media=media, poll=poll)]


def _curve(world: World, channel: Channel, views_30d: float | None) -> list[list[float]]:
    """New posts grow by themselves while there is life, or when the caller says how far."""
    if views_30d is not None:
        return [[0, views_30d, 1.0]]
    if not world.life["on"]:
        return []
    reach = world.subscribers(channel.chat_id) * world.rng.uniform(0.25, 0.45)
    return [[0, round(reach), round(world.rng.lognormvariate(0, 0.28), 3)]]


def tell(world: World, updates: UpdateQueue, post: Post, kind: str) -> None:
    """Queue the post for every admin bot but its author: bots never see their own posts."""
    channel = world.channels[post.chat_id]
    for bot in world.admin_bots(channel):
        if bot.id != post.bot_id:
            updates.emit(bot, kind, channel.chat_id, post_json(world, post, bot.id))


def edit(world: World, updates: UpdateQueue, post: Post, text: str, entities: list[Doc] | None = None) -> None:
    post.text, post.entities = text, entities or []
    changed(world, updates, post)


def changed(world: World, updates: UpdateQueue, post: Post) -> None:
    """Save what was edited and tell; Telegram's page and clients show "edited" from the same second on."""
    post.edited_at = max(world.clock.now_s(), post.date)
    world.save_post(post)
    tell(world, updates, post, "edited_channel_post")


def delete(world: World, post: Post) -> None:
    """Telegram tells nobody about a deletion: only the gap in the ids shows it."""
    post.deleted_at = world.clock.now_s()
    world.save_post(post)


def set_views(world: World, post: Post, views: int) -> None:
    now = world.clock.now_s()
    for item in album_of(world, post):
        item.adjustments.append([now, views - views_at(item, now)])
        world.save_post(item)


def album_of(world: World, post: Post) -> list[Post]:
    """The items of its album, which always follow each other; just itself when it is in none."""
    if post.media_group_id is None:
        return [post]
    posts = world.posts[post.chat_id]
    first = last = post.message_id
    while first - 1 in posts and posts[first - 1].media_group_id == post.media_group_id:
        first -= 1
    while last + 1 in posts and posts[last + 1].media_group_id == post.media_group_id:
        last += 1
    return [posts[number] for number in range(first, last + 1)]


def reaction_key(reaction: Doc) -> str:
    if reaction.get("paid"):
        return "paid"
    if reaction.get("custom_emoji_id"):
        return f"custom:{reaction['custom_emoji_id']}"
    return str(reaction["emoji"])


def react(world: World, updates: UpdateQueue, post: Post, reactions: list[Doc]) -> None:
    items = [[reaction_key(reaction), int(reaction["count"])] for reaction in reactions]
    post.reaction_sets.append({"at": world.clock.now_s(), "items": items})
    world.save_post(post)
    tell_reactions(world, updates, post)


def tell_reactions(world: World, updates: UpdateQueue, post: Post) -> None:
    for bot in world.admin_bots(world.channels[post.chat_id]):
        counts = reaction_counts_json(world, post)
        updates.emit(bot, "message_reaction_count", post.chat_id, counts)
