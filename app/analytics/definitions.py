"""Every number's name, formula and what it leaves out: the one source of tooltips, the help page and the golden tests.

Texts are English message keys; pages show them in the reader's language.
"""

from __future__ import annotations

from dataclasses import dataclass

from app.core.i18n import N_


@dataclass(frozen=True, slots=True)
class Definition:
    """One number. `formula` and `excludes` are sentences; `unit` as in Figure."""

    key: str
    name: str
    formula: str
    excludes: str
    unit: str


_ALL = (
    Definition(
        "subscribers",
        N_("Subscribers"),
        N_("The last count that a source told. A network adds up its channels."),
        N_("A person in two channels of a network counts twice."),
        "subscribers",
    ),
    Definition(
        "growth",
        N_("Growth"),
        N_("Subscribers at the end of the period minus at its start."),
        N_("Channels whose count began later stay out of a network's line."),
        "subscribers",
    ),
    Definition(
        "views",
        N_("Views"),
        N_("Views gained in the period by all posts, from the curves between their readings."),
        N_("Views of an album count once."),
        "views",
    ),
    Definition(
        "reach",
        N_("Average reach"),
        N_("Views so far of the posts published in the period, divided by the number of those posts."),
        N_("Deleted posts and posts that nothing read. Young posts still grow, so no change is told: ERR24 compares."),
        "views",
    ),
    Definition(
        "err",
        N_("ERR"),
        N_("Average reach divided by subscribers, in percent."),
        N_("Deleted posts and posts that nothing read."),
        "percent",
    ),
    Definition(
        "err24",
        N_("ERR24"),
        N_("Average of the views that posts had 24 hours after publishing, divided by subscribers, in percent."),
        N_("Deleted posts, posts younger than a day, and posts that nothing read around that age."),
        "percent",
    ),
    Definition(
        "er",
        N_("ER"),
        N_("Forwards, reactions and comments for every hundred views of the posts published in the period."),
        N_(
            "Deleted posts, posts without views, and the parts that no source tells: which parts are in stands beside it."
        ),
        "percent",
    ),
    Definition(
        "ctr",
        N_("CTR"),
        N_("Clicks on the post's counted links so far for every hundred of its views."),
        N_(
            "Posts without a counted link. A post that is sent once more shares its links: all clicks count with the first."
        ),
        "percent",
    ),
    Definition(
        "posts",
        N_("Posts"),
        N_("Posts published in the period that Telegram still shows."),
        N_("Deleted posts. An album is one post."),
        "posts",
    ),
    Definition(
        "reactions",
        N_("Reactions"),
        N_("All reactions to the posts published in the period."),
        N_("Deleted posts."),
        "reactions",
    ),
    Definition(
        "views_24h",
        N_("First 24 hours"),
        N_("The post's views 24 hours after publishing, on the line between the readings around that moment."),
        N_("Posts younger than a day, and posts without a reading around that age."),
        "views",
    ),
    Definition(
        "forwards",
        N_("Forwards"),
        N_("How often the post was sent on."),
        N_("Only an own Telegram account or an import tells it."),
        "forwards",
    ),
    Definition(
        "comments",
        N_("Comments"),
        N_("Replies under the post in the channel's discussion."),
        N_("Only an own Telegram account or an import tells it."),
        "comments",
    ),
    Definition(
        "joins",
        N_("Joins"),
        N_("How often somebody joined in the period, to the second as Telegram told our bot."),
        N_("Times in which the bot was not administrator."),
        "joins",
    ),
    Definition(
        "leaves",
        N_("Leaves"),
        N_("How often somebody left or was removed in the period, as Telegram told our bot."),
        N_("Times in which the bot was not administrator."),
        "leaves",
    ),
    Definition(
        "net",
        N_("Net"),
        N_("Joins minus leaves."),
        N_("Times in which the bot was not administrator."),
        "people",
    ),
    Definition(
        "boosts",
        N_("Boosts"),
        N_("Boosts of the channel that are active at the end of the period, as Telegram told our bot."),
        N_("Boosts that were given before the bot was added, and times in which it was not administrator."),
        "boosts",
    ),
)
DEFINITIONS = {definition.key: definition for definition in _ALL}
