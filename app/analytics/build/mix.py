"""Which sorts of posts reach more, as the jobs process stored it."""

from __future__ import annotations

from app.analytics import effects, periods
from app.analytics.build.figures import none
from app.analytics.effects import SortEffect
from app.analytics.pages import Figure, Mix, MixRow
from app.analytics.periods import Span
from app.channels.queries import ChannelRef

_ORDER = {"kind": 0, "length": 1, "weekday": 2}
_LENGTHS = ("none", "short", "medium", "long", "longest")


def mix_of(channel: ChannelRef, span: Span) -> Mix:
    """The comparison over one of the usual periods up to today; other periods are not computed."""
    is_usual = span.end is None and span.days in periods.CHOICES
    found = effects.sorts_of(channel.id, span.days) if is_usual else []
    told = [(e.low, e.high) for e in found if e.low is not None and e.high is not None]
    return Mix(
        rows=tuple(_row(effect) for effect in sorted(found, key=_place)),
        is_usual=is_usual,
        basis=found[0].basis if found else "",
        computed_at=effects.computed(channel.id).mix_at,
        least=min((low for low, _ in told), default=1.0),
        most=max((high for _, high in told), default=1.0),
    )


def _place(effect: SortEffect) -> tuple[int, int, str]:
    """Kinds by how many posts they have, lengths and weekdays in their own order."""
    if effect.aspect == "kind":
        return 0, -effect.posts, effect.value
    return _ORDER[effect.aspect], _LENGTHS.index(effect.value) if effect.aspect == "length" else 0, effect.value


def _row(effect: SortEffect) -> MixRow:
    posts = Figure(effect.posts, "posts", 0, effect.sources, effect.observed_at, effect.readings)
    return MixRow(
        effect.aspect,
        effect.value,
        posts=posts,
        effect=_change(effect, effect.ratio),
        low=_change(effect, effect.low),
        high=_change(effect, effect.high),
    )


def _change(effect: SortEffect, ratio: float | None) -> Figure:
    """A ratio as so many percent more or less; an estimate, told to a tenth."""
    if ratio is None:
        return none("percent")
    value = round(100 * (ratio - 1), 1)
    return Figure(value, "percent", 0.1, effect.sources, effect.observed_at, effect.readings, is_estimate=True)
