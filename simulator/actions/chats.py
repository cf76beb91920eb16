"""Accounts, channels and who may do what in them."""

from typing import Any

from simulator.model import DEFAULT_BOT_RIGHTS, RIGHTS, Bot, Channel, User
from simulator.shapes import account_json, chat_json, link_json, member_json
from simulator.updates import UpdateQueue
from simulator.world import CHANNEL_ID_BASE, Refused, World

Doc = dict[str, Any]


def make_user(
    world: World, *, user_id: int | None, first_name: str, username: str | None, language_code: str | None
) -> User:
    number = user_id if user_id is not None else max([777_000_100, *world.users]) + 1
    user = User(number, first_name, username, language_code)
    world.save_user(user)
    return user


def make_channel(
    world: World,
    *,
    username: str | None,
    title: str,
    owner_id: int,
    subscribers: int,
    has_preview: bool = True,
    about: str = "",
    chat_id: int | None = None,
    created_at: int | None = None,
) -> Channel:
    if username and world.find_channel(username):
        raise Refused(f"username is taken: {username}")
    taken = [CHANNEL_ID_BASE - 2_000_000_000, *world.channels]
    now = world.clock.now_s() if created_at is None else created_at
    channel = Channel(
        chat_id if chat_id is not None else min(taken) - 1, username, title, owner_id, now, has_preview, about
    )
    channel.members[str(owner_id)] = {"status": "creator", "rights": {}}
    world.save_channel(channel)
    world.add_subscribers(channel.chat_id, [(now, subscribers)])
    return channel


def set_member(
    world: World,
    updates: UpdateQueue,
    channel: Channel,
    user_id: int,
    new: Doc,
    *,
    actor_id: int,
    link: Doc | None = None,
    via_request: bool = False,
) -> None:
    """Change a membership and tell: the bot itself by my_chat_member, admin bots by chat_member."""
    old = channel.member(user_id)
    watchers = world.admin_bots(channel)
    channel.members[str(user_id)] = new
    world.save_channel(channel)
    change: Doc = {
        "chat": chat_json(channel),
        "from": account_json(world, actor_id),
        "date": world.clock.now_s(),
        "old_chat_member": member_json(world, user_id, old),
        "new_chat_member": member_json(world, user_id, new),
    }
    if link is not None:
        change["invite_link"] = link_json(world, link)
    if via_request:
        change["via_join_request"] = True
    subject = world.bots.get(user_id)
    if subject is not None:
        updates.emit(subject, "my_chat_member", channel.chat_id, change)
    for bot in watchers:
        if bot.id != user_id:
            updates.emit(bot, "chat_member", channel.chat_id, change)


def promote_bot(
    world: World, updates: UpdateQueue, channel: Channel, bot: Bot, user_id: int, rights: Doc | None
) -> None:
    if not channel.is_admin(user_id):
        raise Refused("only the creator or an administrator can add a bot")
    full = {**DEFAULT_BOT_RIGHTS, **known_rights(rights or {})}
    set_member(world, updates, channel, bot.id, {"status": "administrator", "rights": full}, actor_id=user_id)


def change_rights(world: World, updates: UpdateQueue, channel: Channel, bot: Bot, rights: Doc) -> Doc:
    member = channel.member(bot.id)
    if member["status"] != "administrator":
        raise Refused("the bot is not an administrator here")
    changed = {**member["rights"], **known_rights(rights)}
    new = {"status": "administrator", "rights": changed}
    set_member(world, updates, channel, bot.id, new, actor_id=channel.owner_id)
    return changed


def known_rights(rights: Doc) -> Doc:
    unknown = sorted(set(rights) - set(RIGHTS))
    if unknown:
        raise Refused(f"unknown rights: {', '.join(unknown)}")
    return {name: bool(value) for name, value in rights.items()}


def join(
    world: World,
    updates: UpdateQueue,
    channel: Channel,
    user_id: int | None,
    link: Doc | None = None,
    *,
    via_request: bool = False,
) -> int:
    joiner = user_id if user_id is not None else world.rng.randrange(10**9, 9 * 10**9)
    if channel.member(joiner)["status"] in ("creator", "administrator", "member"):
        raise Refused("is a member already")
    new = {"status": "member", "rights": {}}
    set_member(world, updates, channel, joiner, new, actor_id=joiner, link=link, via_request=via_request)
    world.add_move(channel.chat_id, joiner, "join", link["invite_link"] if link else None)
    count_subscribers(world, channel, +1)
    return joiner


def leave(world: World, updates: UpdateQueue, channel: Channel, user_id: int | None) -> int:
    """Somebody leaves; without an id it is one of the many subscribers nobody knows by name."""
    leaver = user_id if user_id is not None else world.rng.randrange(10**9, 9 * 10**9)
    if user_id is None:
        channel.members[str(leaver)] = {"status": "member", "rights": {}}
    elif channel.member(leaver)["status"] not in ("administrator", "member"):
        raise Refused("is not a member")
    set_member(world, updates, channel, leaver, {"status": "left", "rights": {}}, actor_id=leaver)
    world.add_move(channel.chat_id, leaver, "leave", None)
    count_subscribers(world, channel, -1)
    return leaver


def count_subscribers(world: World, channel: Channel, change: int) -> None:
    value = max(0, world.subscribers(channel.chat_id) + change)
    world.add_subscribers(channel.chat_id, [(world.clock.now_s(), value)])
