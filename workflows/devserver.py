"""The command line of the embedded Temporal dev server: file database, loopback, Web UI."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from app.core.settings import Settings, SettingsError


def binary(settings: Settings) -> str:
    """TEMPORAL_CLI, else the wheel's beside this Python, else what PATH has. Raises SettingsError."""
    beside = shutil.which("temporal", path=str(Path(sys.executable).parent))
    found = settings.temporal_cli or beside or shutil.which("temporal")
    if not found:
        raise SettingsError("No temporal binary: run `make setup`, or set TEMPORAL_CLI or TEMPORAL_ADDRESS.")
    return found


def command(settings: Settings, database: Path) -> list[str]:
    """The argument list; raises SettingsError without a binary."""
    ui_port = settings.temporal_ui_url.rsplit(":", 1)[1]
    options = {
        "--ip": "127.0.0.1",
        "--port": settings.temporal_address.rsplit(":", 1)[1],
        "--ui-ip": "127.0.0.1",
        "--ui-port": ui_port,
        "--namespace": settings.temporal_namespace,
        "--db-filename": str(database),
        "--log-level": "error",
        "--ui-codec-endpoint": f"{settings.base_url}/admin/codec",
    }
    flat = [part for pair in options.items() for part in pair]
    pragmas = ["--sqlite-pragma", "journal_mode=wal", "--sqlite-pragma", "synchronous=full"]
    return [binary(settings), "server", "start-dev", *flat, *pragmas, "--ui-disable-news-fetch"]
