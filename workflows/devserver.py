"""The command line of the embedded Temporal dev server: file database, loopback, Web UI."""

from __future__ import annotations

import shutil
from pathlib import Path

from app.core.settings import Settings, SettingsError


def command(settings: Settings, database: Path) -> list[str]:
    """Raises SettingsError with the setting's name when there is no temporal binary."""
    binary = settings.temporal_cli or shutil.which("temporal")
    if not binary:
        raise SettingsError("No temporal binary: run `make setup`, or set TEMPORAL_CLI or TEMPORAL_ADDRESS.")
    ui_port = settings.temporal_ui_url.rsplit(":", 1)[1]
    options = {
        "--ip": "127.0.0.1",
        "--port": settings.temporal_address.rsplit(":", 1)[1],
        "--ui-ip": "127.0.0.1",
        "--ui-port": ui_port,
        "--namespace": settings.temporal_namespace,
        "--db-filename": str(database),
        "--log-level": "error",
    }
    flat = [part for pair in options.items() for part in pair]
    pragmas = ["--sqlite-pragma", "journal_mode=wal", "--sqlite-pragma", "synchronous=full"]
    return [binary, "server", "start-dev", *flat, *pragmas, "--ui-disable-news-fetch"]
