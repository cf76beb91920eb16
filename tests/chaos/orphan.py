"""`python -m tests.chaos.orphan guarded|unguarded`: a server that starts one worker, as granian does; prints its pid."""

from __future__ import annotations

import multiprocessing
import sys
import time

from app.core.parent import end_with_parent

_LONG_S = 60


def work(is_guarded: bool) -> None:
    if is_guarded:
        end_with_parent()
    time.sleep(_LONG_S)


if __name__ == "__main__":
    worker = multiprocessing.get_context("spawn").Process(target=work, args=(sys.argv[1] == "guarded",))
    worker.start()
    print(worker.pid, flush=True)
    worker.join()
