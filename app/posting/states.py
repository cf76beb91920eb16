"""The words in which posts, due actions and deliveries stand in the database."""

from __future__ import annotations

# Posts
DRAFT, PROPOSED, SCHEDULED, CANCELLED = "draft", "proposed", "scheduled", "cancelled"

# What is to be done at a time
PUBLISH, EDIT, DELETE, PIN, UNPIN, REPOST = "publish", "edit", "delete", "pin", "unpin", "repost"
SENDS = (PUBLISH, REPOST)

# Due actions. AFTER waits for its post to be published; WAITING, CLAIMED and BUSY are open.
AFTER, WAITING, CLAIMED, BUSY = "after", "waiting", "claimed", "busy"
DONE, FAILED, BLOCKED, UNCONFIRMED, CALLED_OFF = "done", "failed", "blocked", "unconfirmed", "cancelled"
OPEN = (WAITING, CLAIMED, BUSY)

# Deliveries
RESERVED, SENDING, SENT, REJECTED, UNKNOWN = "reserved", "sending", "sent", "rejected", "unknown"

# Senders
TELEGRAM = "telegram"

# Outbox topics
LANE_TOPIC, RESOLVE_TOPIC = "posting.lane", "posting.resolve"
