"""How long messages to people are kept."""

from __future__ import annotations

from datetime import timedelta

from app.core.retention import Rule

KEPT = (Rule("notice", "id", "created_at", timedelta(days=90), also="state IN ('sent', 'failed')"),)
