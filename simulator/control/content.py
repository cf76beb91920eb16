"""Verbs about posts, and bursts of everything."""

import hashlib
from typing import Any

from simulator import files, images
from simulator.actions import chats, posts
from simulator.control.registry import verb
from simulator.model import Channel, Post
from simulator.simulation import Simulation
from simulator.world import Refused

Doc = dict[str, Any]


def _post(sim: Simulation, body: Doc) -> Post:
    return sim.world.post(sim.world.channel(body["chat"]).chat_id, body["message_id"])


@verb("post")
def post(sim: Simulation, body: Doc) -> Doc:
    channel = sim.world.channel(body["chat"])
    media, service = body.get("media"), body.get("service")
    text = body.get("text", "" if media or service else "Simulated post")
    contents = posts.scripted(text=text, media=media, album=int(body.get("album", 0)))
    made: list[Post] = []
    for _ in range(int(body.get("count", 1))):
        made += posts.publish(
            sim.world, sim.updates, channel, contents, service=service, views_30d=body.get("views_30d")
        )
    return {"message_ids": [item.message_id for item in made]}


@verb("edit")
def edit(sim: Simulation, body: Doc) -> Doc:
    posts.edit(sim.world, sim.updates, _post(sim, body), body["text"])
    return {}


@verb("delete")
def delete(sim: Simulation, body: Doc) -> Doc:
    posts.delete(sim.world, _post(sim, body))
    return {}


@verb("kill_file_ids")
def kill_file_ids(sim: Simulation, body: Doc) -> Doc:
    """As after a change of the bot's token: the ids that it knows are refused from now on."""
    return {"files": files.kill_ids(sim.world, str(body.get("sha256", "")))}


@verb("emoji_set")
def emoji_set(sim: Simulation, body: Doc) -> Doc:
    """A set of custom emoji under t.me/addemoji/<name>, in place of one of that name; `emoji`: [{"id", "emoji"}]."""
    emoji = [one | {"picture": _picture(sim, str(one["id"]))} for one in body["emoji"]]
    made = {"name": str(body["name"]), "title": str(body["title"]), "emoji": emoji}
    sim.world.save_emoji_set(made | ({"sticker_type": body["sticker_type"]} if "sticker_type" in body else {}))
    return {"count": len(made["emoji"])}


def _picture(sim: Simulation, emoji_id: str) -> str:
    """The still picture that Telegram makes of each: a square in a colour of its own. Returns its unique id."""
    data = images.square(hashlib.sha256(emoji_id.encode()).digest()[:3], side=32)
    return str(files.keep(sim.world, "photo", data, f"{emoji_id}.png")["unique_id"])


@verb("view")
def view(sim: Simulation, body: Doc) -> Doc:
    posts.set_views(sim.world, _post(sim, body), int(body["views"]))
    return {}


@verb("react")
def react(sim: Simulation, body: Doc) -> Doc:
    posts.react(sim.world, sim.updates, _post(sim, body), body["reactions"])
    return {}


@verb("burst")
def burst(sim: Simulation, body: Doc) -> Doc:
    """At least N updates of mixed kinds, exactly as many as the bot asked to get of them."""
    channel, wanted = sim.world.channel(body["chat"]), int(body["updates"])
    if not sim.world.admin_bots(channel):
        raise Refused("no bot is an administrator here")
    made: dict[str, int] = {"posts": 0, "edits": 0, "reactions": 0, "joins": 0}
    for index in range(wanted):
        made[_one(sim, channel, index)] += 1
    return {"made": made}


def _one(sim: Simulation, channel: Channel, index: int) -> str:
    world, updates = sim.world, sim.updates
    known = sim.world.posts.get(channel.chat_id, {})
    latest = next((p for p in reversed(known.values()) if p.deleted_at is None), None)
    kind = index % 4
    if kind == 0 or latest is None:
        posts.publish(world, updates, channel, posts.scripted(text=f"Burst post {index}"))
        return "posts"
    if kind == 1:
        posts.edit(world, updates, latest, f"{latest.text} (edit {index})")
        return "edits"
    if kind == 2:
        posts.react(world, updates, latest, [{"emoji": "👍", "count": index + 1}])
        return "reactions"
    chats.join(world, updates, channel, None)
    return "joins"
