"""The words in which archives and rebuilds stand in the database."""

from __future__ import annotations

# Archives
ON, OFF, ERASING = "on", "off", "erasing"

# Why an archive rests
NO_ROOM, PAYMENT_LATE = "no_room", "payment_late"

# How an archived post is known: written here, told by the bot's updates, or known to be there and no more
AUTHORED, SEEN, TOLD = "authored", "seen", "told"
RANK = {TOLD: 1, SEEN: 2, AUTHORED: 3}

# What of a post is there: all of it, a part, nothing that can be sent; or its files are still to come
WHOLE, PARTLY, EMPTY, WAITING = "whole", "partly", "empty", "waiting"
SENDABLE = (WHOLE, PARTLY, WAITING)

# What a post lacks beside files: its words, their looks; or it is of a kind that cannot be sent again
WORDS, LOOKS, KIND = "words", "looks", "kind"

# Files: to be fetched, kept; too large for a bot, gone at Telegram, not taken by us, never seen by the bot
WANTED, KEPT, TOO_BIG, GONE, REFUSED, UNSEEN = "wanted", "kept", "too_big", "gone", "refused", "unseen"

# Rebuilds. STUCK goes on by itself once what holds it up is over.
RUNNING, PAUSED, STUCK, DONE, STOPPED = "running", "paused", "stuck", "done", "stopped"
UNENDED = (RUNNING, PAUSED, STUCK)
ACTIVE = (RUNNING, STUCK)

# Posts of a rebuild: given to the lanes, published, refused, called off by somebody
HANDED, OUT, FAILED, SKIPPED = "handed", "out", "failed", "skipped"

# Why a rebuild is stuck, beside the reasons of channels.queries
CHANNEL_GONE, PLAN, MARKS, EMOJI, FILES, MOVED, ASKED, BLOCKED, MANY_FAILED, DEFECT = (
    "channel_gone",
    "plan",
    "watermarks",
    "custom_emoji",
    "files",
    "moved",
    "asked",
    "blocked",
    "many_failed",
    "defect",
)
