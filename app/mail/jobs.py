"""How long letters are kept."""

from __future__ import annotations

from datetime import timedelta

from app.core.retention import Rule

_LONG = timedelta(days=90)
KEPT = (
    Rule("letter", "id", "sent_at", _LONG, also="state = 'sent'"),
    Rule("letter", "id", "created_at", _LONG, also="state IN ('failed', 'dropped')"),
)
