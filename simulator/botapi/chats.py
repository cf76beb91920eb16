"""Methods about chats, members and invite links."""

import time
from datetime import datetime, timedelta
from typing import Any

from simulator.botapi.access import channel_with_right, is_private, member_channel, writable_user
from simulator.botapi.errors import bad_request
from simulator.botapi.pins import pinned_post
from simulator.botapi.registry import Call, method
from simulator.model import Channel
from simulator.shapes import chat_json, link_json, member_json, post_json, private_chat_json

FULL_INFO: dict[str, Any] = {
    "accent_color_id": 3,
    "max_reaction_count": 11,
    "accepted_gift_types": {
        "unlimited_gifts": True,
        "limited_gifts": True,
        "unique_gifts": True,
        "premium_subscription": True,
        "gifts_from_channels": True,
    },
}


@method("getChat")
async def get_chat(call: Call) -> object:
    if is_private(call, call.method.chat_id):
        return private_chat_json(writable_user(call, call.method.chat_id)) | FULL_INFO
    channel = member_channel(call, call.method.chat_id)
    doc = chat_json(channel) | FULL_INFO
    if channel.username:
        doc["active_usernames"] = [channel.username]
    if pinned := pinned_post(call, channel):
        doc["pinned_message"] = post_json(call.world, pinned, call.bot.id)
    return doc | ({"description": channel.about} if channel.about else {})


def _admin_channel(call: Call) -> Channel:
    channel = member_channel(call, call.method.chat_id)
    if not channel.is_admin(call.bot.id):
        raise bad_request("member list is inaccessible")
    return channel


@method("getChatMember")
async def get_chat_member(call: Call) -> object:
    user_id = int(call.method.user_id)
    if is_private(call, call.method.chat_id):
        raise bad_request("chat not found")
    channel = _admin_channel(call)
    known = user_id in call.world.users or user_id in call.world.bots or str(user_id) in channel.members
    if not known:
        raise bad_request("user not found")
    return member_json(call.world, user_id, channel.member(user_id))


@method("getChatAdministrators")
async def get_chat_administrators(call: Call) -> object:
    channel = _admin_channel(call)
    admins = [(int(user_id), member) for user_id, member in channel.members.items()]
    return [member_json(call.world, user_id, m) for user_id, m in admins if channel.is_admin(user_id)]


@method("getChatMemberCount")
async def get_chat_member_count(call: Call) -> object:
    channel = member_channel(call, call.method.chat_id)
    return call.world.subscribers(channel.chat_id)


@method("createChatInviteLink")
async def create_chat_invite_link(call: Call) -> object:
    wanted = call.method
    refusal = "not enough rights to manage chat invite link"
    channel = channel_with_right(call, wanted.chat_id, "can_invite_users", refusal)
    if wanted.name and len(wanted.name) > 32:
        raise bad_request("chat invite link name is too long")
    number = len(channel.links) + 1
    link: dict[str, Any] = {
        "invite_link": f"https://t.me/+SIM{-channel.chat_id % 10**9}n{number}",
        "creator_id": call.bot.id,
        "creates_join_request": bool(wanted.creates_join_request),
        "name": wanted.name,
        "expire_date": _timestamp(wanted.expire_date),
        "member_limit": wanted.member_limit,
    }
    channel.links[link["invite_link"]] = link
    call.world.save_channel(channel)
    return link_json(call.world, link)


@method("editChatInviteLink")
async def edit_chat_invite_link(call: Call) -> object:
    wanted, link, channel = call.method, *_own_link(call)
    if wanted.name and len(wanted.name) > 32:
        raise bad_request("chat invite link name is too long")
    link.update(
        name=wanted.name,
        expire_date=_timestamp(wanted.expire_date),
        member_limit=wanted.member_limit,
        creates_join_request=bool(wanted.creates_join_request),
    )
    call.world.save_channel(channel)
    return link_json(call.world, link)


@method("revokeChatInviteLink")
async def revoke_chat_invite_link(call: Call) -> object:
    link, channel = _own_link(call)
    link["is_revoked"] = True
    call.world.save_channel(channel)
    return link_json(call.world, link)


def _own_link(call: Call) -> tuple[dict[str, Any], Channel]:
    """A link of the calling bot's; nobody else's can be edited or revoked by it."""
    refusal = "not enough rights to manage chat invite link"
    channel = channel_with_right(call, call.method.chat_id, "can_invite_users", refusal)
    link = channel.links.get(call.method.invite_link)
    if link is None or link["creator_id"] != call.bot.id:
        raise bad_request("INVITE_HASH_EXPIRED")
    return link, channel


def _timestamp(value: Any) -> int | None:
    if isinstance(value, datetime):
        return int(value.timestamp())
    if isinstance(value, timedelta):
        return int(time.time() + value.total_seconds())
    return value if value is None else int(value)
