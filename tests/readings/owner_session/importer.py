"""A process that imports a history and may be killed at any moment: `python -m … DATABASE_URL DATA_DIR POSTS ATTEMPT`.

Each attempt's clock is an hour further: a batch that is stored twice leaves two readings of a post.
"""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path

from app.boot import boot
from app.core.settings import Settings
from tests.conftest import NOW
from tests.readings.owner_session.generated import GeneratedChannel, GeneratedTelegram
from tests.readings.owner_session.world import work_until_idle


def main(database_url: str, data_dir: str, posts: str, attempt: str) -> None:
    boot("jobs", Settings(database_url=database_url, data_dir=Path(data_dir), demo=True, _env_file=None))  # type: ignore[call-arg]
    moment = NOW + timedelta(hours=int(attempt))
    work_until_idle(GeneratedTelegram([GeneratedChannel(posts=int(posts))]), clock=lambda: moment)


if __name__ == "__main__":
    main(*sys.argv[1:])
