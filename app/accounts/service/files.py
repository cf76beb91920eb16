"""A ticket that opens one file for a minute, without a session: the Mini App's frame cannot download by itself."""

from __future__ import annotations

import re
from datetime import datetime

from itsdangerous import BadSignature, URLSafeSerializer

from app.core.errors import Invalid

PARAMETER = "ticket"
_LIFE_S = 60
_FILE = re.compile(r"/[\w/-]+\.csv(\?[\w=&%.:+-]*)?|/media/[\w-]+\?download=1", re.ASCII)


def local_file(path: str) -> str:
    """The path and query of a file of ours. Raises Invalid for anything else."""
    if not _FILE.fullmatch(path) or f"{PARAMETER}=" in path:
        raise Invalid("There is no such file.", fields={"path": "unknown"})
    return path


def ticket(secret: str, session_id: int, path: str, *, now: datetime) -> str:
    """What opens exactly this path and query for a minute, as long as the session lives."""
    return str(_serializer(secret).dumps([session_id, path, int(now.timestamp()) + _LIFE_S]))


def session_of(secret: str, given: str, path: str, *, now: datetime) -> int | None:
    """The session for which a ticket was made, if it is for this file and young enough."""
    try:
        session_id, wanted, until = _serializer(secret).loads(given)
    except (BadSignature, ValueError, TypeError):
        return None
    return int(session_id) if wanted == path and now.timestamp() <= until else None


def _serializer(secret: str) -> URLSafeSerializer:
    return URLSafeSerializer(secret, salt="file-ticket")
