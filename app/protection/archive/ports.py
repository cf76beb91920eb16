"""What an archive asks of Telegram."""

from __future__ import annotations

from typing import IO, Protocol


class Files(Protocol):
    """One bot's files at Telegram."""

    def fetch(self, file_id: str, into: IO[bytes], *, most_bytes: int) -> str:
        """Write a file's bytes; returns its path at Telegram, which ends as the file's name does.

        Raises Upstream: permanent when Telegram does not know the id or the file is too large, else to be tried again.
        """
