"""What is composed is what Telegram delivers: random posts through the real line to the simulated Telegram."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import httpx
import pytest
from hypothesis import HealthCheck, given, settings

from app.posting.content import checks
from app.posting.content.blocks import Block, Content
from app.posting.content.telegram import Entity, read, render
from app.telegram.outgoing import Outgoing
from app.telegram.publisher import HttpPublisher
from tests.posting.content.trees import trees
from tests.simulator.process import OWNER_ID, TOKEN, SimulatorProcess

EXAMPLES = 150


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[HttpPublisher, int]]:
    with SimulatorProcess(tmp_path_factory.mktemp("sim")) as sim:
        sim.http.timeout = httpx.Timeout(120)
        sim.api("getMe")
        sim.control("users", id=OWNER_ID, first_name="Owner")
        sim.control("bot", has_fragment_username=True)
        made = sim.control("channels", count=1, owner_id=OWNER_ID)
        yield HttpPublisher(TOKEN, sim.url), made["chat_ids"][0]


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(blocks=trees)
def test_composed_equals_delivered(place: tuple[HttpPublisher, int], blocks: tuple[Block, ...]) -> None:
    """Emoji, ZWJ sequences, right-to-left, combining marks, nested looks: text and entities come back as rendered."""
    line, chat = place
    made = render(blocks)
    if any(problem.is_error for problem in checks.check(Content(blocks))):
        return  # the composer refuses it beforehand
    (sent,) = line.send(chat, Outgoing("message", made.text, tuple(entity.to_api() for entity in made.entities)))
    assert sent.text == made.text
    back = [Entity.from_api(dict(entity)) for entity in sent.entities]
    assert back == _seen(made.text, made.entities)
    assert read(sent.text, back) == read(made.text, back)


def _seen(text: str, entities: Sequence[Entity]) -> list[Entity]:
    """Without the looks of blanks alone, which Telegram drops (remove_invalid_entities of TDLib)."""
    units = text.encode("utf-16-le")
    return [e for e in entities if units[2 * e.offset : 2 * e.end].decode("utf-16-le").strip(" \n")]
