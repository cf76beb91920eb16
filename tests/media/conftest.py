"""The web client of tests/web, for the pages of this folder, and a simulated Telegram that keeps copies."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.boot import Runtime, boot
from app.core import db
from app.core.settings import Settings
from tests.simulator.process import OWNER_ID, SimulatorProcess
from tests.web.conftest import app, sign_in

__all__ = ["app", "sign_in"]


@pytest.fixture
def sim(tmp_path: Path) -> Iterator[SimulatorProcess]:
    """A simulated Telegram with a channel and a storage chat of the bot's."""
    with SimulatorProcess(tmp_path / "sim") as running:
        running.control("users", id=OWNER_ID, first_name="Owner")
        for name in ("storage", "news"):
            running.control("channels", username=name, title=name, owner_id=OWNER_ID)
            running.control("promote_bot", chat=name, user_id=OWNER_ID)
        yield running


@pytest.fixture
def composed(sim: SimulatorProcess, database_url: str, tmp_path: Path) -> Iterator[Runtime]:
    """The bot process's line to it."""
    settings = Settings(  # type: ignore[call-arg]
        _env_file=None, database_url=database_url, data_dir=tmp_path, demo=True, telegram_api_url=sim.url
    )
    yield boot("bot", settings)
    db.database.close()
