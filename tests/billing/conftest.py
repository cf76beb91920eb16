"""A workspace that buys, and gateways set up as in production."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from app.boot import Runtime, boot
from app.core import db
from app.core.settings import Settings
from tests.billing import charged
from tests.billing.buying import CLICK_SECRET, CLICK_SERVICE, PAYME_KEY
from tests.billing.charged import Subscribe
from tests.billing.outside import GOOD, Outside
from tests.conftest import NOW
from tests.world import Owner, owner


@pytest.fixture
def runtime(database_url: str, tmp_path: Path) -> Iterator[Runtime]:
    """A database of each kind; Payme and Click are set up."""
    settings = Settings(
        database_url=database_url,
        data_dir=tmp_path,
        demo=True,
        payme_merchant_id="587f72c72cac0d162c722ae2",
        payme_key=SecretStr(PAYME_KEY),
        click_merchant_id="11",
        click_service_id=CLICK_SERVICE,
        click_secret_key=SecretStr(CLICK_SECRET),
        _env_file=None,  # type: ignore[call-arg]
    )
    yield boot("worker", settings)
    if not db.database.is_closed():
        db.database.close()


@pytest.fixture
def buyer(runtime: Runtime) -> Owner:
    """Somebody on the free plan."""
    return owner("Bobur", telegram_user_id=77, plan="free", now=NOW)


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    """The gateways, in processes of their own."""
    with Outside(tmp_path_factory.mktemp("outside")) as running:
        yield running


@pytest.fixture
def worker(database_url: str, tmp_path: Path, outside: Outside) -> Iterator[Runtime]:
    """The worker, which asks them."""
    with charged.booted(database_url, tmp_path, outside) as found:
        yield found


@pytest.fixture
def subscribed(worker: Runtime, outside: Outside) -> Subscribe:
    """Makes somebody subscribe by a gateway, with a card of a kind."""
    who = owner("Bobur", telegram_user_id=77, plan="free", now=NOW)
    return lambda gateway, kind=GOOD: charged.subscribed(worker, outside, who, gateway, kind)
