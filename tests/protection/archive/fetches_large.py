"""One file of a Bot API server of one's own into an archive, in a process whose memory is measured: prints it as JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import httpx

from app.boot import boot
from app.core import clock
from app.core.settings import load_settings
from app.core.tenancy import unscoped
from app.media.service import content, store
from app.protection.archive.models import Archive
from app.protection.archive.service import fetching
from app.protection.archive.sources.bot_files import BotFiles
from app.telegram.large import SharedDisk
from tests.telegram.sends_large import memory_mb


def main(url: str, seen_at: str) -> None:
    settings = load_settings(_env_file=None)
    boot("jobs", settings)
    disk = SharedDisk(store.folder(settings.data_dir), Path(seen_at)) if seen_at else None
    with unscoped("the test has one archive"):
        archive = Archive.get()
    with httpx.Client(trust_env=False) as client:
        files = BotFiles(client, "1:x", url, disk)
        desk = fetching.Desk(lambda _bot: files, settings.data_dir, lambda: False, content.MOST_LOCAL_BYTES)
        before = memory_mb("VmRSS")
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew (man 5 proc)
        came = fetching.fetch(archive, desk, now=clock.utcnow())
    print(json.dumps({"came": came, "more_mb": memory_mb("VmHWM") - before}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
