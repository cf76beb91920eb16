"""A WSGI app behind the product's own server, and a client that keeps its connections busy."""

from __future__ import annotations

import os
import selectors
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.ports import free_port

_ROOT = Path(__file__).resolve().parent.parent
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: where it listens, and its processes."""

    port: int
    pid: int

    def cpu_s(self) -> float:
        """CPU seconds, user and system, of the server and its workers so far."""
        return sum(_cpu_s(pid) for pid in [self.pid, *_children(self.pid)])


@contextmanager
def serve(target: str, environ: Mapping[str, str]) -> Iterator[Server]:
    """Run `module:app` as the Procfile runs web; ends by its own pid."""
    (line,) = [text for text in (_ROOT / "Procfile").read_text().splitlines() if text.startswith("web:")]
    port = free_port()
    command = shlex.split(line.removeprefix("web:").replace("${PORT:-8000}", str(port)))
    command = [str(Path(sys.executable).parent / command[0]), *command[1:-1], target]
    running = subprocess.Popen(command, env={**os.environ, **environ}, cwd=_ROOT, start_new_session=True)
    try:
        _wait_for(port)
        yield Server(port, running.pid)
    finally:
        running.terminate()
        running.wait(20)


def _wait_for(port: int) -> None:
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("the server did not start")


def _children(pid: int) -> list[int]:
    return [
        int(child) for task in Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()
    ]


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def send(port: int, count: int, request: Callable[[], bytes], *, status: bytes, connections: int = 16) -> float:
    """Send `count` requests over so many connections, each one at a time; returns the seconds it took.

    Raises RuntimeError when an answer has another status.
    """
    left, done, ready = count, 0, selectors.DefaultSelector()
    for _ in range(connections):
        ready.register(socket.create_connection(("127.0.0.1", port)), selectors.EVENT_READ)
    started = time.perf_counter()
    for key in list(ready.get_map().values()):
        key.fileobj.sendall(request())  # type: ignore[union-attr]
        left -= 1
    while done < count:
        for key, _ in ready.select():
            connection: socket.socket = key.fileobj  # type: ignore[assignment]
            answer = connection.recv(65536)
            if not answer.startswith(b"HTTP/1.1 " + status):
                raise RuntimeError(answer.decode(errors="replace"))
            done += 1
            if left > 0:
                connection.sendall(request())
                left -= 1
    took = time.perf_counter() - started
    for key in list(ready.get_map().values()):
        key.fileobj.close()  # type: ignore[union-attr]
    return took
