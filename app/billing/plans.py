"""The plans and their limits (shared/design/product.md, "Plans"). SuperAdmin editing comes with billing."""

from __future__ import annotations

FREE = "free"
CHANNELS = "channels"
WATCHED_CHANNELS = "watched_channels"

LIMITS: dict[str, dict[str, int]] = {
    "free": {CHANNELS: 1, WATCHED_CHANNELS: 3},
    "pro": {CHANNELS: 3, WATCHED_CHANNELS: 20},
    "business": {CHANNELS: 10, WATCHED_CHANNELS: 50},
    "network": {CHANNELS: 50, WATCHED_CHANNELS: 200},
}
