"""The tag of a page of numbers: it changes when the person could see anything else there."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from app.accounts.service.sessions import SignedIn
from app.analytics import queries

_TAGGED = re.compile(r"/network|/channels/[\w-]{22}(/posts|/content)?")


def is_tagged(path: str) -> bool:
    """Whether the page at a path carries a tag."""
    return _TAGGED.fullmatch(path) is not None


def tag(who: SignedIn, environ: Mapping[str, Any], *, now: datetime) -> str:
    """Made of who asks for what, the version of the workspace's data, and the minute, since pages tell ages.

    Only an answer that passed its policy hands a tag out, and the tag holds session, workspace and role: who shows it again may
    still see the page.
    """
    seed = (
        *(
            who.session_id,
            who.workspace_id,
            who.role,
            who.language,
            who.timezone,
            who.workspace_name,
            who.workspace_timezone,
        ),
        queries.data_version(who.workspace_id),
        int(now.timestamp()) // 60,
        *(environ.get(key, "") for key in _ASKED),
    )
    return hashlib.blake2b(repr(seed).encode(), digest_size=12).hexdigest()


_ASKED = ("PATH_INFO", "QUERY_STRING", "HTTP_HX_REQUEST", "HTTP_HX_REQUEST_TYPE", "HTTP_HX_TARGET")
