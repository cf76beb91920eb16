"""One attempt of a lane by the worker's own line, in a process whose memory is measured: prints what came of it as JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from app.boot import boot
from app.core import clock
from app.core.settings import load_settings
from app.posting.lane.run import LaneRun
from app.posting.service import senders
from app.posting.service.rendering import Outlet
from app.telegram import service as telegram


def memory_mb(name: str) -> float:
    """What Linux says of this process: VmRSS now, VmHWM the most since it was last told to forget."""
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(f"{name}:")]
    return int(line.split()[1]) / 1000


def main(bot_id: int) -> None:
    settings = load_settings(_env_file=None)
    runtime = boot("worker", settings)
    bot = telegram.bot_by_id(bot_id)
    assert bot is not None
    line = runtime.bots.publisher(bot)
    line.me()
    before = memory_mb("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew (man 5 proc)
    outlet = Outlet(bot_id, line, settings.data_dir, settings.base_url)
    sender_id = senders.ensure_sender(bot_id, now=clock.utcnow())
    report = LaneRun(sender_id, outlet, beat=lambda: None, run_s=3.0).run()
    print(json.dumps({"sent": report.sent, "other": report.other, "more_mb": memory_mb("VmHWM") - before}))


if __name__ == "__main__":
    main(int(sys.argv[1]))
