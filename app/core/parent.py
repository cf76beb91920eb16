"""A server's worker must not outlive the server: kill -9 of the one leaves the other on the port, watched by nobody."""

from __future__ import annotations

import os
import signal
import threading
import time
from multiprocessing import parent_process
from multiprocessing.process import BaseProcess

_LAST_REQUESTS_S = 5.0


def end_with_parent() -> None:
    """From now on this process ends with the one that started it by multiprocessing, if there is one."""
    parent = parent_process()
    if parent is not None:
        threading.Thread(target=_watch, args=(parent,), name="parent", daemon=True).start()


def _watch(parent: BaseProcess) -> None:
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_LAST_REQUESTS_S)
    os._exit(1)
