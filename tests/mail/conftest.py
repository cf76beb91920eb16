"""A worker whose letters go to a mail server on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from app.boot import Runtime, boot
from app.core import db
from app.core.settings import Settings
from tests.billing.buying import PAYME_KEY
from tests.conftest import NOW
from tests.mail.server import Mailbox
from tests.world import Owner, owner


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with Mailbox() as box:
        yield box


@pytest.fixture
def runtime(database_url: str, tmp_path: Path, mailbox: Mailbox) -> Iterator[Runtime]:
    """A database of each kind; mail and Payme are set up, the service has no bot."""
    settings = Settings(
        database_url=database_url,
        data_dir=tmp_path,
        demo=True,
        payme_merchant_id="587f72c72cac0d162c722ae2",
        payme_key=SecretStr(PAYME_KEY),
        mail_host="127.0.0.1",
        mail_port=mailbox.port,
        mail_from="AnalyticBot <letters@analytic.example>",
        mail_security="none",
        _env_file=None,  # type: ignore[call-arg]
    )
    yield boot("worker", settings)
    if not db.database.is_closed():
        db.database.close()


@pytest.fixture
def buyer(runtime: Runtime) -> Owner:
    """Somebody on the free plan."""
    return owner("Bobur", telegram_user_id=77, plan="free", now=NOW)
