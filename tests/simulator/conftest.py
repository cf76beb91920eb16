"""One empty simulator per test, one demo for the whole folder."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.simulator.process import OWNER_ID, SimulatorProcess  # noqa: E402

DEMO_START = "2026-11-01T12:00:00Z"


@pytest.fixture
def sim(tmp_path: Path) -> Iterator[SimulatorProcess]:
    """An owner with one public channel where the bot is administrator and gets every kind of update."""
    with SimulatorProcess(tmp_path / "sim") as simulator:
        simulator.control("users", id=OWNER_ID, first_name="Owner", username="owner")
        simulator.control("channels", username="news", title="News", owner_id=OWNER_ID, subscribers=1000)
        simulator.control("promote_bot", chat="news", user_id=OWNER_ID)
        simulator.api("getUpdates", offset=-1)
        simulator.api("getUpdates", offset=2**40)
        yield simulator


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatorProcess]:
    state = tmp_path_factory.mktemp("demo")
    with SimulatorProcess(state, "--start", DEMO_START, "--rate", "0", scenario="demo") as simulator:
        yield simulator
