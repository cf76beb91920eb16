"""Verbs about accounts, channels, rights and memberships."""

from typing import Any

from simulator.actions import chats, private
from simulator.control.registry import verb
from simulator.model import DEFAULT_BOT_RIGHTS
from simulator.simulation import Simulation
from simulator.world import Refused

Doc = dict[str, Any]


@verb("users")
def users(sim: Simulation, body: Doc) -> Doc:
    user = chats.make_user(
        sim.world,
        user_id=body.get("id"),
        first_name=body["first_name"],
        username=body.get("username"),
        language_code=body.get("language_code"),
    )
    return {"user_id": user.id}


@verb("bot")
def bot(sim: Simulation, body: Doc) -> Doc:
    """What BotFather or Fragment changes about a bot: a new token in place of the old one, a bought username, its
    owner's Premium; and with `chat` whether that channel keeps its custom emoji whatever the rest says."""
    changed = sim.world.bot(body.get("bot_id"))
    token = str(body.get("token", changed.token))
    if token.split(":")[0] != str(changed.id):
        raise Refused("a token begins with the bot's id")
    changed.token = token
    changed.has_fragment_username = bool(body.get("has_fragment_username", changed.has_fragment_username))
    changed.has_premium_owner = bool(body.get("has_premium_owner", changed.has_premium_owner))
    if "keeps_emoji" in body:
        changed.emoji_in[str(sim.world.channel(body["chat"]).chat_id)] = bool(body["keeps_emoji"])
    sim.world.save_bot(changed)
    return {"bot_id": changed.id, "has_fragment_username": changed.has_fragment_username}


@verb("channels")
def channels(sim: Simulation, body: Doc) -> Doc:
    """One channel; with `count` so many, numbered, and the bot is an administrator of each."""
    owner_id = int(body.get("owner_id") or body["owner"])
    sim.world.user(owner_id)
    if "count" in body:
        return _many_channels(sim, body, owner_id)
    channel = chats.make_channel(
        sim.world,
        username=body.get("username"),
        title=body["title"],
        owner_id=owner_id,
        subscribers=int(body.get("subscribers", 1)),
        has_preview=bool(body.get("preview", True)) and bool(body.get("username")),
        about=body.get("about", ""),
        chat_id=body.get("chat_id"),
    )
    return {"chat_id": channel.chat_id}


def _many_channels(sim: Simulation, body: Doc, owner_id: int) -> Doc:
    bot, first = sim.world.bot(body.get("bot_id")), len(sim.world.channels) + 1
    made = []
    for number in range(first, first + int(body["count"])):
        channel = chats.make_channel(
            sim.world,
            username=f"sim_channel_{number}" if body.get("public", True) else None,
            title=f"Channel {number}",
            owner_id=owner_id,
            subscribers=int(body.get("subscribers", 1)),
            has_preview=bool(body.get("public", True)),
        )
        chats.promote_bot(sim.world, sim.updates, channel, bot, owner_id, body.get("rights"))
        made.append(channel)
    return {"chat_ids": [one.chat_id for one in made], "usernames": [one.username for one in made]}


@verb("promote_bot")
def promote_bot(sim: Simulation, body: Doc) -> Doc:
    channel, bot = sim.world.channel(body["chat"]), sim.world.bot(body.get("bot_id"))
    chats.promote_bot(sim.world, sim.updates, channel, bot, int(body["user_id"]), body.get("rights"))
    return {"rights": channel.member(bot.id)["rights"]}


@verb("rights")
def rights(sim: Simulation, body: Doc) -> Doc:
    channel, bot = sim.world.channel(body["chat"]), sim.world.bot(body.get("bot_id"))
    return {"rights": chats.change_rights(sim.world, sim.updates, channel, bot, body["rights"])}


@verb("remove_bot")
def remove_bot(sim: Simulation, body: Doc) -> Doc:
    channel, bot = sim.world.channel(body["chat"]), sim.world.bot(body.get("bot_id"))
    status = body.get("status", "kicked")
    if status not in ("kicked", "left") or not channel.is_admin(bot.id):
        raise Refused("the bot is not here, or status is neither kicked nor left")
    actor = int(body.get("user_id") or channel.owner_id)
    new = {"status": status, "rights": {}}
    chats.set_member(sim.world, sim.updates, channel, bot.id, new, actor_id=actor)
    return {}


@verb("admin")
def admin(sim: Simulation, body: Doc) -> Doc:
    channel, user = sim.world.channel(body["chat"]), sim.world.user(body["user_id"])
    if body["status"] not in ("creator", "administrator", "member", "left"):
        raise Refused("status is creator, administrator, member or left")
    allowed = DEFAULT_BOT_RIGHTS if body["status"] == "administrator" else {}
    new = {"status": body["status"], "rights": {**allowed, **chats.known_rights(body.get("rights", {}))}}
    chats.set_member(sim.world, sim.updates, channel, user.id, new, actor_id=channel.owner_id)
    return {}


@verb("join")
def join(sim: Simulation, body: Doc) -> Doc:
    channel, address = sim.world.channel(body["chat"]), body.get("invite_link")
    link = channel.links.get(address) if address else None
    if address and (link is None or link.get("is_revoked")):
        raise Refused("no such invite link")
    via_request = bool(body.get("via_request"))
    found = [
        chats.join(sim.world, sim.updates, channel, body.get("user_id"), link, via_request=via_request)
        for _ in range(int(body.get("count", 1)))
    ]
    return {"user_id": found[0], "user_ids": found}


@verb("spend")
def spend(sim: Simulation, body: Doc) -> Doc:
    """The advertiser's own note of what a link's campaign cost, in minor units."""
    channel = sim.world.channel(body["chat"])
    link = channel.links.get(body["invite_link"])
    if link is None:
        raise Refused("no such invite link")
    link["spend_minor"] = int(body["spend_minor"])
    sim.world.save_channel(channel)
    return {"spend_minor": link["spend_minor"]}


@verb("leave")
def leave(sim: Simulation, body: Doc) -> Doc:
    channel = sim.world.channel(body["chat"])
    return {"user_id": chats.leave(sim.world, sim.updates, channel, body.get("user_id"))}


@verb("subscribers")
def subscribers(sim: Simulation, body: Doc) -> Doc:
    channel = sim.world.channel(body["chat"])
    sim.world.add_subscribers(channel.chat_id, [(sim.world.clock.now_s(), int(body["value"]))])
    return {"subscribers": int(body["value"])}


@verb("message")
def message(sim: Simulation, body: Doc) -> Doc:
    bot, user = sim.world.bot(body.get("bot_id")), sim.world.user(body["user_id"])
    entities = body.get("entities", ())
    return {"message_id": private.write_to_bot(sim.world, sim.updates, bot, user, body["text"], entities).message_id}


@verb("callback")
def callback(sim: Simulation, body: Doc) -> Doc:
    bot, user = sim.world.bot(body.get("bot_id")), sim.world.user(body["user_id"])
    query_id = private.press(sim.world, sim.updates, bot, user, body.get("message_id"), body["data"])
    return {"callback_query_id": query_id}


@verb("block_bot")
def block_bot(sim: Simulation, body: Doc) -> Doc:
    """The person blocks the bot, or lets it in again with on=false."""
    bot, user = sim.world.bot(body.get("bot_id")), sim.world.user(body["user_id"])
    user.has_blocked = [bot.id] if body.get("on", True) else []
    sim.world.save_user(user)
    return {}
