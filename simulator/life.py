"""Life: every now and then something happens in some channel where a bot listens."""

import asyncio

from simulator.actions import chats, posts
from simulator.demo.texts import LANGUAGE_OF, a_text
from simulator.model import Channel, Doc
from simulator.simulation import Simulation

KINDS = ("join", "leave", "reaction", "post", "edit")
WEIGHTS = (40, 18, 30, 8, 4)


async def live(sim: Simulation) -> None:
    while True:
        mean = float(sim.world.life["interval_s"])
        await asyncio.sleep(sim.world.rng.uniform(0.6, 1.6) * mean)
        if sim.world.life["on"]:
            happen(sim)
            sim.commit()


def happen(sim: Simulation) -> None:
    alive = [c for c in sim.world.channels.values() if sim.world.admin_bots(c)]
    if not alive:
        return
    channel = sim.world.rng.choice(alive)
    kind = sim.world.rng.choices(KINDS, WEIGHTS)[0]
    if kind == "join":
        chats.join(sim.world, sim.updates, channel, None, _link_of(sim, channel))
    elif kind == "leave":
        chats.leave(sim.world, sim.updates, channel, _somebody_known(sim, channel))
    elif kind == "post":
        text = a_text(sim.world.rng, LANGUAGE_OF.get(channel.username or "", "en"))
        posts.publish(sim.world, sim.updates, channel, posts.scripted(text=text))
    else:
        _touch_recent(sim, channel, kind)


def _link_of(sim: Simulation, channel: Channel) -> Doc | None:
    """How a follower came: by one of the channel's invite links, or as half of them do, without."""
    links = [link for link in channel.links.values() if not link.get("is_revoked")]
    return sim.world.rng.choice(links) if links and sim.world.rng.random() < 0.5 else None


def _somebody_known(sim: Simulation, channel: Channel) -> int | None:
    """Who leaves: now and then one of those who were seen to come, mostly one of the many before them."""
    known = [int(user) for user, member in channel.members.items() if member["status"] == "member"]
    return sim.world.rng.choice(known) if known and sim.world.rng.random() < 0.3 else None


def _touch_recent(sim: Simulation, channel: Channel, kind: str) -> None:
    recent = [post for post in sim.world.visible_posts(channel.chat_id)[-10:] if not post.service]
    if not recent:
        return
    post = sim.world.rng.choice(recent)
    if kind == "edit" and post.text and not post.media:
        posts.edit(sim.world, sim.updates, post, f"{post.text} ✎")
    else:
        # The counts grow with the views by themselves; this only tells the bots, as Telegram does late.
        posts.tell_reactions(sim.world, sim.updates, post)
