"""How long joins and leaves are kept."""

from __future__ import annotations

from datetime import timedelta

from app.core.retention import Rule

KEPT = (Rule("member_event", "id", "at", timedelta(days=396)),)
