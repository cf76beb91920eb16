"""One encoder for each core, over all processes of this machine: a slot is a locked file."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_LOOK_EVERY_S = 0.2


@contextmanager
def slot(folder: Path, *, is_cancelled: Callable[[], bool], count: int | None = None) -> Iterator[bool]:
    """Wait for a slot and hold it; yields False when the task was called off meanwhile.

    The kernel gives a slot back when its holder dies.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    names = [folder / f"slot-{nth}" for nth in range(count or len(os.sched_getaffinity(0)))]
    while (held := _taken(names)) is None:
        if is_cancelled():
            yield False
            return
        time.sleep(_LOOK_EVERY_S)
    try:
        yield True
    finally:
        os.close(held)


def _taken(names: list[Path]) -> int | None:
    for name in names:
        handle = os.open(name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(handle)
        else:
            return handle
    return None
