"""One empty simulator per test, one demo for the whole folder."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.simulator.process import OWNER_ID, SimulatorProcess  # noqa: E402

DEMO_START = "2026-11-01T12:00:00Z"


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatorProcess]:
    with SimulatorProcess(tmp_path_factory.mktemp("shared")) as simulator:
        yield simulator


@pytest.fixture
def sim(shared: SimulatorProcess) -> SimulatorProcess:
    """An owner with one public channel where the bot is administrator and has read everything so far."""
    shared.control("reset")
    shared.control("users", id=OWNER_ID, first_name="Owner", username="owner")
    shared.control("channels", username="news", title="News", owner_id=OWNER_ID, subscribers=1000)
    shared.control("promote_bot", chat="news", user_id=OWNER_ID)
    shared.api("getUpdates", offset=2**40)
    return shared


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatorProcess]:
    state = tmp_path_factory.mktemp("demo")
    with SimulatorProcess(state, "--start", DEMO_START, "--rate", "0", scenario="demo") as simulator:
        yield simulator
