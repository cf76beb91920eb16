"""What nobody goes on with and nobody wants any more."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from app.core import clock
from app.core.retention import Rule
from app.media.ports import Uses
from app.media.service import library, store, thumbnails, unnamed, uploads
from app.media.service.store import StoreAway

KEPT = (Rule("media_upload", "id", "expires_at", timedelta(days=7), also="state <> 'open'"),)


def clean(uses: Uses, data_dir: Path, *, cache_bytes: int) -> dict[str, int]:
    """End uploads that rest for a day, ask for stills that are missing, empty the trash of what lies there for thirty
    days, let go of local copies beyond `cache_bytes` and, each day, of what no row names in the bucket; returns how many
    of each."""
    now = clock.utcnow()
    return {
        "media_upload_expired": uploads.expire(data_dir, now=now),
        "media_thumbnails_wanted": thumbnails.want_missing(now=now),
        "media_trash": library.empty_trash(uses, data_dir=data_dir, now=now),
        "media_forgotten_again": library.forget_again(data_dir),
        "media_local_copies": _or_later(lambda: store.let_go(data_dir, most_bytes=cache_bytes, now=now)),
        "media_unnamed": _or_later(lambda: unnamed.sweep(data_dir, now=now)),
    }


def _or_later(clean_up: Callable[[], int]) -> int:
    try:
        return clean_up()
    except StoreAway:  # the next hour comes
        return 0
