"""What an experiment would take in a channel, by the channel's own numbers, and whether that can give an answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.channels.queries import ChannelRef
from app.core import db
from app.core.errors import Conflict, Invalid
from app.core.i18n import N_
from app.posting.experiments import design
from app.posting.experiments.design import Seen

_ROOM = {"question": 200, "arm_a": 80, "arm_b": 80}


@dataclass(frozen=True, slots=True)
class Design:
    """What an experiment would take: posts known of the channel, needed in each arm, and published in 60 days.

    `needed` is None when too little is known of the channel to tell.
    """

    known: int
    needed: int | None
    in_60_days: int

    @property
    def is_possible(self) -> bool:
        return self.needed is not None and 2 * self.needed <= self.in_60_days


def plan(ref: ChannelRef, smallest_percent: int, *, now: datetime) -> Design:
    """How many posts a difference of so many percent takes in a channel, from its last posts' views at 24 hours."""
    known = [
        Seen(design.day_part(db.moment(at), ref.timezone), int(views))
        for at, views in db.rows(
            "SELECT s.posted_at, s.views_24h FROM post_stat s JOIN post p ON p.id = s.post_id WHERE s.feed_id = ?"
            " AND s.views_24h IS NOT NULL AND s.is_deleted = ? AND p.is_service = ? ORDER BY s.posted_at DESC LIMIT ?",
            *(ref.feed_id, False, False, design.LOOKED_BACK_POSTS),
        )
    ]
    deviation = design.spread(known)
    since = db.stamp(now - timedelta(days=design.LONGEST_DAYS))
    lately = db.row(
        "SELECT COUNT(*) FROM post_stat s JOIN post p ON p.id = s.post_id WHERE s.feed_id = ? AND s.posted_at >= ?"
        " AND p.is_service = ?",
        *(ref.feed_id, since, False),
    )
    needed = None if deviation is None else design.needed_per_arm(deviation, smallest_percent)
    return Design(len(known), needed, int(lately[0]) if lately else 0)


def require_words(words: Mapping[str, str], smallest_percent: int) -> None:
    """Raises Invalid by field for what is missing, too long or no choice."""
    wrong = {name: "length" for name, most in _ROOM.items() if not 0 < len(" ".join(words[name].split())) <= most}
    if smallest_percent not in design.EFFECTS:
        wrong["smallest"] = "unknown"
    if wrong:
        raise Invalid(N_("Fill in the question, both ways and the smallest difference."), fields=wrong)


def require_possible(found: Design, smallest_percent: int) -> None:
    """Raises Conflict when the channel cannot answer within 60 days."""
    if found.needed is None:
        raise Conflict(
            N_("Too little is known of this channel: %(known)s posts with their views at 24 hours, 20 are needed."),
            code="too_little",
            known=found.known,
        )
    if not found.is_possible:
        sentence = N_(
            "To find a difference of %(percent)s %% this channel needs %(needed)s posts; it published %(lately)s in the"
            " last 60 days. What came out would be chance. Ask for a larger difference."
        )
        raise Conflict(
            sentence,
            code="too_small",
            percent=smallest_percent,
            needed=2 * found.needed,
            lately=found.in_60_days,
        )
