"""Letters by SMTP: smtplib and email.message of the standard library."""

from __future__ import annotations

import contextlib
import smtplib
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from email.header import Header
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime, parseaddr
from typing import Any, Literal

from app.core.errors import Upstream
from app.mail.post import Outgoing, Unmailable, check

Security = Literal["starttls", "tls", "none"]
_MOST_REASON = 300


class _Lines(EmailPolicy):
    """Folds as its base does, but a subject by the older Header: between encoded words the base loses a space.

    https://github.com/python/cpython/issues/144156 (read 2026-11-27)
    """

    def fold_binary(self, name: str, value: Any) -> bytes:
        text = str(value)
        if name != "Subject" or text.isascii() or self.utf8:
            return super().fold_binary(name, value)
        return f"{name}: {Header(text, 'utf-8', header_name=name).encode(linesep=self.linesep)}{self.linesep}".encode()


_SEVEN_BIT = _Lines(linesep="\r\n", cte_type="7bit")  # every server takes it


@dataclass(frozen=True, slots=True)
class SmtpPost:
    """A server that takes our letters. `sender` is an address, or a name with an address: `AnalyticBot <a@b.example>`.

    With `starttls` nothing is said in the clear: a server that does not offer it gets no letter and no password.
    """

    host: str
    port: int
    security: Security
    sender: str
    user: str = ""
    password: str = field(default="", repr=False)
    timeout_s: float = 30.0

    def send(self, letter: Outgoing, *, now: datetime) -> None:
        """Hand one letter over, on a line of its own. See `Post.send`."""
        message, address = compose(letter, self.sender, now=now), _with_ascii_domain(letter.address)
        with self._line() as line:
            try:
                line.send_message(message, parseaddr(self.sender)[1], [address])
            except smtplib.SMTPRecipientsRefused as error:
                code, text = error.recipients[address]
                raise _refusal(code, text) from error
            except smtplib.SMTPDataError as error:
                raise _refusal(error.smtp_code, error.smtp_error) from error
            except smtplib.SMTPNotSupportedError as error:  # an address beyond ASCII, which this server cannot write to
                raise Upstream(str(error), code="refused", permanent=True) from error
            except OSError as error:  # SMTPException too, such as a sender that the server does not like
                raise _unreached(error) from error

    @contextlib.contextmanager
    def _line(self) -> Iterator[smtplib.SMTP]:
        try:
            line = self._dialled()
        except OSError as error:
            raise _unreached(error) from error
        try:
            yield line
        finally:
            with contextlib.suppress(OSError):  # what was taken stays taken, however the server says goodbye
                line.quit()
            line.close()

    def _dialled(self) -> smtplib.SMTP:
        if self.security == "tls":
            line: smtplib.SMTP = smtplib.SMTP_SSL(
                self.host, self.port, timeout=self.timeout_s, context=ssl.create_default_context()
            )
        else:
            line = smtplib.SMTP(self.host, self.port, timeout=self.timeout_s)
        try:
            if self.security == "starttls":
                line.starttls(context=ssl.create_default_context())
            if self.user:
                line.login(self.user, self.password)
        except OSError:
            line.close()
            raise
        return line


def compose(letter: Outgoing, sender: str, *, now: datetime) -> EmailMessage:
    """The message as RFC 5322 wants it, plain text in UTF-8. Raises Unmailable as `check` does.

    Auto-Submitted keeps machines from answering (RFC 3834, section 5). The Message-ID is made of the key, so every copy
    of a letter has the same.
    """
    check(letter.key, letter.address, letter.subject)
    name, own = parseaddr(sender)
    message = EmailMessage(policy=_SEVEN_BIT)
    message["From"] = Address(name, *_parts(own))
    message["To"] = Address("", *_parts(_with_ascii_domain(letter.address)))
    message["Subject"] = letter.subject
    message["Date"] = format_datetime(now)
    message["Message-ID"] = f"<{letter.key.replace(':', '.')}@{_parts(own)[1]}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(letter.body)
    if letter.language:
        message["Content-Language"] = letter.language.replace("_", "-")
    return message


def _parts(address: str) -> tuple[str, str]:
    local, _, domain = address.rpartition("@")
    return local, domain


def _with_ascii_domain(address: str) -> str:
    """Domains beyond ASCII in the form that every server knows (RFC 3490). Raises Unmailable for what is none."""
    local, domain = _parts(address)
    try:
        return f"{local}@{domain if domain.isascii() else domain.encode('idna').decode()}"
    except UnicodeError as error:
        raise Unmailable("this is no domain") from error


def _refusal(code: int, text: bytes | str) -> Upstream:
    """What the server said of this letter: 5xx is its last word (RFC 5321, section 4.2.1)."""
    said = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    is_final = 500 <= code < 600
    return Upstream(_short(f"{code} {said}"), code="refused" if is_final else "put_off", permanent=is_final)


def _unreached(error: OSError) -> Upstream:
    return Upstream(_short(f"{type(error).__name__}: {error}"), code="unreachable")


def _short(reason: str) -> str:
    return " ".join(reason.replace("\0", " ").split())[:_MOST_REASON]
