"""How long links are kept after they ended."""

from __future__ import annotations

from datetime import timedelta

from app.core.retention import Rule

KEPT = (Rule("share_link", "id", "expires_at", timedelta(days=30)),)
