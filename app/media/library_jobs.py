"""What nobody goes on with and nobody wants any more."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from app.core import clock
from app.core.retention import Rule
from app.media.ports import Uses
from app.media.service import library, thumbnails, uploads

KEPT = (Rule("media_upload", "id", "expires_at", timedelta(days=7), also="state <> 'open'"),)


def clean(uses: Uses, data_dir: Path) -> dict[str, int]:
    """End uploads that rest for a day, ask for stills that are missing, and empty the trash of what lies there for thirty
    days; returns how many of each."""
    now = clock.utcnow()
    return {
        "media_upload_expired": uploads.expire(data_dir, now=now),
        "media_thumbnails_wanted": thumbnails.want_missing(now=now),
        "media_trash": library.empty_trash(uses, data_dir=data_dir, now=now),
    }
