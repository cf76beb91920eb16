"""Recorded data as living channels: views follow the recorded readings by the simulator's clock."""

import csv
import gzip
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from simulator.actions.chats import make_channel
from simulator.clock import parse_moment
from simulator.demo.plan import OWNER_ID
from simulator.model import Channel, Post, Recorded, User
from simulator.world import World

# Where the clock begins: far enough into the record for a past, far enough from its end for a future.
START_SHARE = 0.6
Readings = dict[int, tuple[int, dict[int, tuple[int, int]]]]


def load_replay(world: World, folder: Path, *, is_first_start: bool) -> None:
    by_channel = read_readings(folder)
    if OWNER_ID not in world.users:
        world.save_user(User(OWNER_ID, "Dilnoza", "simulated_dilnoza", "uz"))
        world.store.put("started", f"{world.bot().id}/{OWNER_ID}", {})
    for name, posts in by_channel.items():
        channel = world.find_channel(name) or _new_channel(world, name, posts)
        _attach(world, channel, posts)
    _attach_subscribers(world, folder)
    moments = [at for posts in by_channel.values() for _, readings in posts.values() for at in readings]
    if is_first_start and moments:
        world.clock.set(min(moments) + (max(moments) - min(moments)) * START_SHARE)


def read_readings(folder: Path) -> dict[str, Readings]:
    """Per channel: message id (post_uid where unknown) -> date of the post and its readings by time."""
    found: dict[str, Readings] = defaultdict(dict)
    for row in _rows(folder, "view_snapshots.csv"):
        number = int(row["message_id"] or row["post_uid"])
        _, readings = found[row["channel"]].setdefault(number, (int(parse_moment(row["posted_at"])), {}))
        at, reading = int(parse_moment(row["snapshot_at"])), (int(row["views"]), int(row["reactions"] or 0))
        readings[at] = max(readings.get(at, (0, 0)), reading)  # at equal time the larger reading wins
    return found


def _rows(folder: Path, name: str) -> Iterator[dict[str, str]]:
    packed, plain = folder / f"{name}.gz", folder / name
    if packed.exists():
        with gzip.open(packed, "rt", encoding="utf-8", newline="") as file:
            yield from csv.DictReader(file)
    elif plain.exists():
        with plain.open(encoding="utf-8", newline="") as file:
            yield from csv.DictReader(file)


def _new_channel(world: World, name: str, posts: Readings) -> Channel:
    return make_channel(
        world,
        username=name,
        title=f"{name} (recorded)",
        owner_id=OWNER_ID,
        subscribers=0,
        about="Recorded data, replayed. Texts were not recorded.",
        created_at=min(date for date, _ in posts.values()) - 1,
    )


def _attach(world: World, channel: Channel, posts: Readings) -> None:
    known = world.posts.setdefault(channel.chat_id, {})
    for number, (date, readings) in sorted(posts.items()):
        times = sorted(readings)
        views, reactions = [readings[at][0] for at in times], [readings[at][1] for at in times]
        post = known.get(number) or Post(channel.chat_id, number, date, text=f"Recorded post {number}")
        post.recorded = Recorded(times, views, reactions)
        known[number] = post
    ordered = sorted(known.items())
    known.clear()
    known.update(ordered)
    channel.next_message_id = max(channel.next_message_id, max(known) + 1)


def _attach_subscribers(world: World, folder: Path) -> None:
    for row in _rows(folder, "subscribers.csv"):
        channel = world.find_channel(row["channel"])
        if channel is not None:
            world.put_series_point(channel.chat_id, int(parse_moment(row["observed_at"])), int(row["subscribers"]))
