"""Named places at which a test lets a process stop or die. Without the environment variable nothing happens.

`CRASHPOINT=<name>:<signal number>` sends this process that signal the first time it comes by; production refuses it.
"""

from __future__ import annotations

import os
import time

ENVIRONMENT = "CRASHPOINT"
_name, _, _signal = os.environ.get(ENVIRONMENT, "").partition(":")


def reach(name: str) -> None:
    """Say that the process is at the place `name`."""
    global _name
    if _name and name == _name:
        _name = ""
        os.kill(os.getpid(), int(_signal))
        time.sleep(0.2)  # a stop reaches this thread a moment after the call returns


def is_armed() -> bool:
    return bool(_name)
