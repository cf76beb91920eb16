"""No two tests get one port, in whatever process they run."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

from tests.ports import free_port

_ROOT = Path(__file__).resolve().parents[2]
_MANY = "from tests.ports import free_port\nprint(*(free_port() for _ in range(200)))"


def test_processes_that_ask_at_once_never_get_the_same_port() -> None:
    asking = [
        subprocess.Popen([sys.executable, "-c", _MANY], cwd=_ROOT, stdout=subprocess.PIPE, text=True) for _ in range(4)
    ]
    given = [port for one in asking for port in one.communicate(timeout=60)[0].split()]
    assert len(given) == 800 == len(set(given))


def test_a_port_on_which_somebody_listens_is_not_given() -> None:
    with socket.socket() as taken:
        following = free_port() + 1
        taken.bind(("127.0.0.1", following))
        assert free_port() != following


def test_were_one_port_given_twice_both_servers_would_start() -> None:
    """As the web process listens; nobody would hear of it."""
    port = free_port()
    with socket.socket() as one, socket.socket() as other:
        for server in (one, other):
            server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            server.bind(("127.0.0.1", port))
            server.listen()
        assert one.getsockname() == other.getsockname()
