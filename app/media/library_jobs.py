"""What nobody goes on with and nobody wants any more."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from app.core import clock
from app.core.retention import Rule
from app.media.ports import Uses
from app.media.service import library, store, thumbnails, uploads
from app.media.service.store import StoreAway

KEPT = (Rule("media_upload", "id", "expires_at", timedelta(days=7), also="state <> 'open'"),)


def clean(uses: Uses, data_dir: Path, *, cache_bytes: int) -> dict[str, int]:
    """End uploads that rest for a day, ask for stills that are missing, empty the trash of what lies there for thirty
    days, and let go of local copies beyond `cache_bytes`; returns how many of each."""
    now = clock.utcnow()
    return {
        "media_upload_expired": uploads.expire(data_dir, now=now),
        "media_thumbnails_wanted": thumbnails.want_missing(now=now),
        "media_trash": library.empty_trash(uses, data_dir=data_dir, now=now),
        "media_forgotten_again": library.forget_again(data_dir),
        "media_local_copies": _let_go(data_dir, cache_bytes, now=now),
    }


def _let_go(data_dir: Path, cache_bytes: int, *, now: datetime) -> int:
    try:
        return store.let_go(data_dir, most_bytes=cache_bytes, now=now)
    except StoreAway:  # the next hour comes
        return 0
