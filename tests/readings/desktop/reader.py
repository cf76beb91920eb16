"""A process that reads handed-in files and may be killed at any moment: `python -m … DATABASE_URL DATA_DIR`."""

from __future__ import annotations

import sys
from pathlib import Path

from app.boot import boot
from app.core.settings import Settings
from app.readings import desktop_jobs


def main(database_url: str, data_dir: str) -> None:
    boot("jobs", Settings(database_url=database_url, data_dir=Path(data_dir), demo=True, _env_file=None))  # type: ignore[call-arg]
    desktop_jobs.read_exports(Path(data_dir), run_s=600)


if __name__ == "__main__":
    main(*sys.argv[1:])
