"""The port through which letters leave, and what a letter may say."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

_KEY = re.compile(r"[A-Za-z0-9_:-]{1,128}")
_ADDRESS = re.compile(r"[^@\s,;:<>()\[\]\\\"]+@[^@\s,;:<>()\[\]\\\"]+")
_MOST_ADDRESS, _MOST_SUBJECT = 254, 250


class Unmailable(ValueError):
    """A letter that must not be sent so: a defect of who wrote it, which no repetition mends."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A letter as it leaves: plain text. `key` becomes its Message-ID, the same at every try."""

    key: str
    address: str
    subject: str
    body: str
    language: str = ""


class Post(Protocol):
    """Something that takes letters."""

    def send(self, letter: Outgoing, *, now: datetime) -> None:
        """Return once the next server has taken the letter.

        Raises Upstream with its reason: `permanent` when the server will never take this letter, otherwise it is worth
        another try. Raises Unmailable as `check` does.
        """


def check(key: str, address: str, subject: str) -> None:
    """Raise Unmailable unless the address is one address and the subject one line: a header ends where a line does."""
    if not _KEY.fullmatch(key):
        raise Unmailable("a letter's key is made of letters, digits, _, - and :")
    if not _ADDRESS.fullmatch(address) or _has_control(address) or len(address) > _MOST_ADDRESS:
        raise Unmailable("this is not one address")
    if _has_control(subject) or not 0 < len(subject) <= _MOST_SUBJECT:
        raise Unmailable("a subject is one line")


def _has_control(text: str) -> bool:
    """Line breaks of every kind are among these."""
    return any(unicodedata.category(character) in ("Cc", "Cf", "Zl", "Zp", "Cs") for character in text)
