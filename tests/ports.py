"""Ports for the servers of tests, of which no other test anywhere on this machine gets the same one."""

from __future__ import annotations

import fcntl
import os
import socket
import tempfile
from pathlib import Path

# below those that the system gives to whoever connects; above 10080, which browsers refuse to open
_FIRST, _LAST = 11_000, 32_000


def free_port() -> int:
    """A port of 127.0.0.1 on which nobody listens, given out once in some twenty thousand times.

    A server may start seconds later, and the web process shares its port with whoever asks for it too (SO_REUSEPORT): two
    that were given one port answer each other's pages, and nothing says so.
    """
    with (Path(tempfile.gettempdir()) / f"analyticbot-ports-{os.getuid()}").open("a+") as last:
        fcntl.flock(last, fcntl.LOCK_EX)
        last.seek(0)
        port = int(last.read() or _FIRST)
        while True:
            port = port + 1 if port < _LAST else _FIRST
            if _is_free(port):
                break
        last.truncate(0)
        last.write(str(port))
    return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
