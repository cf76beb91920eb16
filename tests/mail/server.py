"""A mail server on loopback. What it does to a letter stands in the address, so tests read as sentences.

`later2.aziza@…` is put off twice, `gone@…` is refused for good, `spam@…` is refused after its text, `lost@…` is taken while
the answer is lost (once), and everybody else's is taken.
"""

from __future__ import annotations

import re
import threading
from collections import Counter
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any, cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from tests.ports import free_port

USER, PASSWORD = "analytic", "secret-of-mail"


class Mailbox:
    """`with Mailbox() as box: …; box.letters`. In a thread of its own."""

    def __init__(self, port: int | None = None, **how: Any) -> None:
        self.port = port or free_port()
        self.letters: list[EmailMessage] = []
        self.raw: list[bytes] = []
        self.logins: list[str] = []
        self._asked: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._controller = Controller(
            self, hostname="127.0.0.1", port=self.port, authenticator=self.authenticate, **how
        )

    def __enter__(self) -> Mailbox:
        self._controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Hear nobody any more; once is enough."""
        if self._controller.loop.is_running():
            self._controller.stop()

    @property
    def ids(self) -> list[str]:
        return [str(letter["Message-ID"]) for letter in self.letters]

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        self._asked[address] += 1
        later = re.match(r"later(\d+)\.", address)
        if later is not None and self._asked[address] <= int(later[1]):
            return "451 4.7.1 Greylisted, try again"
        if address.startswith("gone@"):
            return f"550 5.1.1 <{address}>: no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        if envelope.rcpt_tos[0].startswith("spam@"):
            return "554 5.7.1 We do not like this"
        with self._lock:
            self.raw.append(envelope.content)
            self.letters.append(cast(EmailMessage, message_from_bytes(envelope.content, policy=default)))
        if envelope.rcpt_tos[0].startswith("lost@") and self._asked[envelope.rcpt_tos[0]] == 1:
            server.transport.abort()
        return "250 OK"

    def authenticate(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        """Whether somebody may hand letters over."""
        assert isinstance(data, LoginPassword)
        self.logins.append(data.login.decode())
        is_ours = (data.login, data.password) == (USER.encode(), PASSWORD.encode())
        return AuthResult(success=is_ours, handled=False)
