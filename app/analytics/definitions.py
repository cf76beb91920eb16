"""The metrics, each defined once: name, formula, exclusions. Pages, API and help read this."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Definition:
    """How a metric is computed, in the field's standard terms."""

    key: str
    name: str
    formula: str


DEFINITIONS: dict[str, Definition] = {
    d.key: d
    for d in (
        Definition("subscribers", "Subscribers", "The last count that a source told within the period."),
        Definition("growth", "Growth", "Subscribers at the end of the period minus the last count before it began."),
        Definition("views", "Views gained", "Views gained in the period by all posts, from their view curves."),
        Definition(
            "reach", "Average reach", "Mean latest views of the posts published in the period, deleted excluded."
        ),
        Definition("posts", "Posts", "Posts published in the period, service messages and deleted posts excluded."),
        Definition("reactions", "Reactions", "Sum of the latest reaction counts of the period's posts."),
        Definition("er", "ER", "(forwards + reactions + comments) / views of a post, of those that a source tells."),
    )
}
