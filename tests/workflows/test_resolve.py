"""Finding out about a delivery whose outcome nobody saw, on a real Temporal server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import pytest
from temporalio.client import Client

from app.boot import Runtime
from app.channels.models import Channel
from app.core import clock, db
from app.core.errors import Upstream
from app.posting.models import AuthoredPost
from app.posting.readers.base import Look, Place
from app.readings.collectors.base import SeenPost, hash_text
from app.telegram.outgoing import Outgoing
from tests.posting.authored import ScriptedLine, actions, deliveries, log, run_lane, scheduled, silence, text
from tests.workflows.temporal import with_lanes
from tests.workflows.test_lane import news, who  # noqa: F401  the same owner and channel
from tests.world import Owner
from workflows.contracts import LANE_QUEUE, ResolveRequest, resolve_id
from workflows.resolve_delivery import ResolveDelivery


@dataclass
class ScriptedReader:
    """Sees what a test says, look by look; an exception in the list is raised."""

    looks: list[Sequence[SeenPost] | Upstream | None]
    is_whole: bool = True
    places: list[Place] = field(default_factory=list)
    name: str = "scripted"

    def look(self, place: Place) -> Look | None:
        self.places.append(place)
        seen = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        if isinstance(seen, Upstream):
            raise seen
        return None if seen is None else Look(seen, self.is_whole)


def seen(words: str, message_id: int, *, at: datetime | None = None) -> SeenPost:
    return SeenPost(
        message_id=message_id,
        origin_uid=None,
        posted_at=at or clock.utcnow(),
        edited=False,
        views=None,
        reactions=None,
        media=(),
        text_length=len(words),
        text_hash=hash_text(words),
        is_service=False,
    )


def _unknown(who: Owner, news: Channel) -> tuple[AuthoredPost, int]:  # noqa: F811
    """A post that Telegram may or may not have taken."""
    line = ScriptedLine()

    def hang_up(_chat: int, _what: Outgoing) -> None:
        raise silence()

    line.before = hang_up
    post = scheduled(who, text("Hello"), news)
    run_lane(line)
    (delivery_id,) = db.row("SELECT id FROM delivery WHERE state = 'unknown'") or (0,)
    return post, delivery_id


def _resolve(runtime: Runtime, delivery_id: int, reader: ScriptedReader, line: ScriptedLine | None = None) -> str:
    decided: list[str] = []

    async def story(client: Client) -> None:
        request = ResolveRequest(delivery_id, pause_s=0.5)
        decided.append(
            await client.execute_workflow(
                ResolveDelivery.run, request, id=resolve_id(delivery_id), task_queue=LANE_QUEUE
            )
        )

    with_lanes(runtime, line or ScriptedLine(), story, readers=[reader])
    return decided[0]


def test_found_means_sent_with_its_message(runtime: Runtime, who: Owner, news: Channel) -> None:  # noqa: F811
    post, delivery_id = _unknown(who, news)
    assert _resolve(runtime, delivery_id, ScriptedReader([[seen("other", 8), seen("Hello", 9)]])) == "found"
    assert deliveries(post) == [(0, "sent", None)] and actions(post) == [("publish", "done", None)]
    assert db.row("SELECT message_id FROM delivery_message") == (9,)


def test_absent_twice_means_one_more_try_and_then_the_owner(runtime: Runtime, who: Owner, news: Channel) -> None:  # noqa: F811
    post, delivery_id = _unknown(who, news)
    assert _resolve(runtime, delivery_id, ScriptedReader([[]])) == "absent"
    assert deliveries(post)[0][1] == "reserved" and log(post)[-3:] == ["absent", "absent", "put_back"]
    line = ScriptedLine()

    def hang_up(_chat: int, _what: Outgoing) -> None:
        raise silence()

    line.before = hang_up
    run_lane(line)
    assert _resolve(runtime, delivery_id, ScriptedReader([[]])) == "unknown"
    assert db.row("SELECT asked_at IS NOT NULL, resends FROM delivery") == (1, 1)
    assert db.row("SELECT COUNT(*) FROM notice WHERE template = 'unconfirmed'") == (1,)


def test_one_absence_is_no_proof(runtime: Runtime, who: Owner, news: Channel) -> None:  # noqa: F811
    """The page lags behind: the post is not there at the first look and is at the second."""
    post, delivery_id = _unknown(who, news)
    assert _resolve(runtime, delivery_id, ScriptedReader([[], [seen("Hello", 9)]])) == "found"
    assert deliveries(post)[0][1] == "sent"


def test_a_message_that_nobody_owns_makes_an_absence_doubtful(runtime: Runtime, who: Owner, news: Channel) -> None:  # noqa: F811
    """It may be ours in a form that is not known again: sending once more could double it."""
    _, delivery_id = _unknown(who, news)
    assert _resolve(runtime, delivery_id, ScriptedReader([[seen("Hello!", 9)]])) == "unknown"


@pytest.mark.parametrize(("looks", "is_whole"), [([None], True), ([[]], False)])
def test_without_proof_the_owner_is_asked(
    looks: list[Sequence[SeenPost] | Upstream | None],
    is_whole: bool,
    runtime: Runtime,
    who: Owner,  # noqa: F811
    news: Channel,  # noqa: F811
) -> None:
    post, delivery_id = _unknown(who, news)
    assert _resolve(runtime, delivery_id, ScriptedReader(looks, is_whole)) == "unknown"
    assert deliveries(post)[0][1] == "unknown" and actions(post)[0][1] == "unconfirmed"


def test_a_reader_that_fails_is_asked_again(runtime: Runtime, who: Owner, news: Channel) -> None:  # noqa: F811
    _, delivery_id = _unknown(who, news)
    reader = ScriptedReader([Upstream("t.me refuses with 429."), [seen("Hello", 9)]])
    assert _resolve(runtime, delivery_id, reader) == "found"


def test_a_message_that_is_another_posts_is_not_taken_for_this_one(
    runtime: Runtime,
    who: Owner,  # noqa: F811
    news: Channel,  # noqa: F811
) -> None:
    line = ScriptedLine()
    scheduled(who, text("Hello"), news)
    run_lane(line)  # the same words, message 100
    post, delivery_id = _unknown(who, news)
    assert _resolve(runtime, delivery_id, ScriptedReader([[seen("Hello", 100)]])) == "absent"
    assert deliveries(post)[0][1] == "reserved"
