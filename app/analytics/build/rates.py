"""ER, ERR and ERR24 of a channel's period (app/analytics/definitions.py says what they are), unrounded."""

from __future__ import annotations

from dataclasses import dataclass, replace

from app.analytics.build.figures import mean, none, since
from app.analytics.pages import Figure
from app.analytics.post_queries import PostsSummary


@dataclass(frozen=True, slots=True)
class Basis:
    """What a channel's rates are made of. `last` and `before`: (subscribers, step) at the period's end and before it.

    `told_by`: who told forwards and comments. `day_views`: what the views at 24 hours rest on.
    """

    summary: PostsSummary
    was: PostsSummary | None
    last: tuple[int, int] | None
    before: tuple[int, int] | None
    views: Figure
    reactions: Figure
    count: Figure
    day_views: Figure
    told_by: tuple[str, ...] = ()


def rates(basis: Basis) -> dict[str, Figure]:
    """`er`, `err` and `err24` in percent, each with the sources and the rounding of all that it is made of."""
    reached, reached_24h = err(basis.summary, basis.last), err24(basis.summary, basis.last)
    earlier = err24(basis.was, basis.before) if basis.was else None
    return {
        "er": _er(basis),
        "err": _per_subscriber(
            basis, basis.views, reached
        ),  # reach still grows: only equal ages compare, so no change is told
        "err24": since(_per_subscriber(basis, basis.day_views, reached_24h), earlier),
    }


def err(summary: PostsSummary, subscribers: tuple[int, int] | None) -> float | None:
    """Mean reach over subscribers, in percent; None without a read post or a count."""
    return _percent_of(mean(summary.views, summary.read_posts), subscribers)


def err24(summary: PostsSummary, subscribers: tuple[int, int] | None) -> float | None:
    """The same of views at 24 hours."""
    return _percent_of(mean(summary.views_24h, summary.day_old_posts), subscribers)


def _percent_of(reach: float | None, subscribers: tuple[int, int] | None) -> float | None:
    if reach is None or subscribers is None or not subscribers[0]:
        return None
    return 100 * reach / subscribers[0]


def er(summary: PostsSummary) -> float | None:
    """What readers did for every hundred views of the posts whose views are known, of what is known of it."""
    return 100 * summary.engaged / summary.engaged_views if summary.engaged_views else None


def _per_subscriber(basis: Basis, views: Figure, value: float | None) -> Figure:
    if value is None or basis.last is None:
        return none("percent")
    off = (100 * views.step + value * basis.last[1]) / basis.last[0]
    figure = views.says(value, "percent", _shown_step(off))
    return replace(figure, sources=tuple(sorted({*views.sources, *basis.count.sources})))


def _er(basis: Basis) -> Figure:
    value = er(basis.summary)
    if value is None:
        return none("percent")
    off = (value * basis.views.step + 100 * basis.reactions.step / basis.summary.read_posts) / (
        basis.summary.views / basis.summary.read_posts or 1
    )
    figure = basis.views.says(value, "percent", _shown_step(off))
    figure = replace(figure, sources=tuple(sorted({*basis.views.sources, *basis.reactions.sources, *basis.told_by})))
    return since(figure, er(basis.was) if basis.was else None)


def _shown_step(off: float) -> float:
    return max(0.1, round(off, 1)) if off else 0
