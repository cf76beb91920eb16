"""How long ways in are kept after they ended."""

from __future__ import annotations

from datetime import timedelta

from app.core.retention import Rule

# Launches go first: each points at its session.
KEPT = (
    Rule("launch", "launch_hash", "expires_at", timedelta()),
    Rule("session", "id", "expires_at", timedelta(days=30)),
    Rule("spent_state", "state_hash", "expires_at", timedelta()),
    Rule("login_ticket", "token_hash", "expires_at", timedelta(days=30)),
)
