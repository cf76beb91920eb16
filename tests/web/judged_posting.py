"""Pages of posts before the judge: times stand in rows, words were typed, counts are those of rows."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from tests.web.raw import MONTHS, Ask, moment

# (table, columns that hold a moment); each has workspace_id
_TIMES = (
    ("due_action", "due_at, eta_at, done_at"),
    ("delivery", "sent_at, begun_at, asked_at"),
    ("delivery_event", "at"),
    ("authored_post", "created_at, updated_at"),
    ("post_revision", "created_at"),
    ("series_occurrence", "due_at"),
    ("client_link", "created_at, expires_at, last_used_at"),
    ("media_file", "created_at"),
)
_TYPED = (
    ("authored_post", "draft"),
    ("post_revision", "content"),
    ("media_file", "name"),
    ("tracked_link", "url"),
    ("client_link", "name"),
    ("experiment", "question"),
)
_LENGTH = r"\d+ (?:second|minute|hour|day|week|month)s?"
# (where it stands, what it looks like, why no row says it)
_NO_FACT = (
    ("#composer", r"(?:button|Answer) \d+", "the number of a field"),
    ("#composer", r"At most \d+ MB each", "how large a file may be"),
    ("#composer_count", r"\d+ of [\d,]+ characters", "the length of what is being typed"),
    ("option", r"^\d+ (?:hour|day)s?$", "a length of time on offer"),
    ("#posting_settings", r"\d\d:\d\d(?:, \d\d:\d\d)*", "how times are to be typed"),
    ("#calendar", r"\d{1,2} [A-Z][a-z]{2}(?: \d{4})?|\d\d:00|^\d{1,2}$", "the calendar's own days and hours"),
    (".posting", r"UTF-8|\b[125]?\d\d rows", "of a file that is to come"),
    (".posting", rf"in {_LENGTH}|{_LENGTH} ago", "the moment that stands beside it, from now"),
    (".posting", r"\d+ messages?$", "how many messages are drawn beside it"),
    ("label", r"\(1: each\)", "how a field is to be filled in"),
)
_DAY, _CLOCK = r"\d{1,2} [A-Z][a-z]{2}", r"\d\d:\d\d"
_STAMP = rf"\d{{4}}-\d\d-\d\d {_CLOCK}"
_ISO = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+(?:Z|\+00:00)")


@dataclass(frozen=True)
class PostingFacts:
    """What the rows of a workspace's posts bear out. `states`: how many publications are in each state."""

    zone: str
    moments: frozenset[datetime] = frozenset()
    words: tuple[str, ...] = ()
    states: Mapping[str, int] = field(default_factory=dict)
    clicks: frozenset[int] = frozenset()  # of each post
    hours: frozenset[int] = frozenset()  # on top, or until something follows

    @cached_property
    def times(self) -> set[str]:
        """All moments as pages write them: day and time, and the time alone."""
        found = set()
        for at in self.moments:
            local = at.astimezone(ZoneInfo(self.zone))
            day, clock = f"{local.day} {MONTHS[local.month - 1]}", f"{local:%H:%M}"
            found |= {clock, f"{day}, {clock}", f"{day} {local.year}, {clock}", f"{local:%Y-%m-%d} {clock}"}
            found |= {f"{day} {local.year}"}
        return found

    def left_of(self, text: str, places: set[str]) -> str:
        """What no row bears out of a text that stands in a page of posts."""
        for pattern in (_STAMP, rf"{_DAY} \d{{4}}, {_CLOCK}", rf"{_DAY}, {_CLOCK}", rf"{_DAY} \d{{4}}", _CLOCK):
            text = re.sub(pattern, lambda found: "" if found[0] in self.times else found[0], text)
        for word in self.words:
            text = text.replace(word, "")
        text = re.sub(r"(\d+) posts?(?= for “|$| are| is past)", self._is_a_count, text)
        text = re.sub(r"([\d,]+) clicks?", lambda f: "" if int(f[1].replace(",", "")) in self.clicks else f[0], text)
        text = re.sub(r"(\d+) (hour|day)s?(?= after it is out|: nothing else)", self._is_a_length, text)
        for place, pattern, _why in _NO_FACT:
            text = re.sub(pattern, "", text.strip()) if place in places else text
        return text

    def _is_a_count(self, found: re.Match[str]) -> str:
        return "" if int(found[1]) in self.states.values() else found[0]

    def _is_a_length(self, found: re.Match[str]) -> str:
        return "" if int(found[1]) * (24 if found[2] == "day" else 1) in self.hours else found[0]


def posting_facts(ask: Ask, workspace_id: int, zone: str) -> PostingFacts:
    """Read off the raw rows, with nothing of the product's."""
    mine, moments, words = f"WHERE workspace_id = {workspace_id}", set(), set()
    for table, columns in _TIMES:
        for row in ask(f"SELECT {columns} FROM {table} {mine}"):
            moments |= {moment(at) for at in row if at is not None}
    for (at,) in ask(f"SELECT at FROM audit_entry WHERE chain = {workspace_id}"):
        moments.add(moment(at))
    for table, column in _TYPED:
        for (value,) in ask(f"SELECT {column} FROM {table} {mine}"):
            text = value if isinstance(value, str) else json.dumps(value)
            moments |= {datetime.fromisoformat(found).astimezone(UTC) for found in _ISO.findall(text)}
            words |= set(_strings(text))
    due = ask(f"SELECT state, due_at FROM due_action {mine} AND kind IN ('publish', 'repost') AND due_at IS NOT NULL")
    states = Counter(state for state, _ in due)
    states["overdue"] = sum(state == "blocked" and moment(at) <= datetime.now(UTC) for state, at in due)
    for minutes, *on_top in ask(
        "SELECT t.top_minutes, a.due_at, a.done_at FROM post_target t JOIN due_action a ON a.target_id = t.id"
        f" WHERE t.workspace_id = {workspace_id} AND t.top_minutes > 0"
    ):
        moments |= {moment(at) + timedelta(minutes=minutes) for at in on_top if at is not None}
    clicks = ask(
        "SELECT COALESCE(SUM(h.clicks), 0) FROM tracked_link l LEFT JOIN link_hour h ON h.link_id = l.id"
        f" WHERE l.workspace_id = {workspace_id} GROUP BY l.post_id"
    )
    lengths = ask(f"SELECT after_s / 3600 FROM due_action {mine} AND after_s > 0")
    lengths += ask(f"SELECT top_minutes / 60 FROM post_target {mine} AND top_minutes > 0")
    known = (frozenset(int(n) for (n,) in found) for found in (clicks, lengths))
    return PostingFacts(zone, frozenset(moments), _longest_first(words), states, *known)


def _longest_first(words: set[str]) -> tuple[str, ...]:
    """What was typed with a digit in it. A bare number is no word: it must be borne out."""
    said = (word for word in words if re.search(r"\d", word) and re.search(r"[^\W\d_]", word))
    return tuple(sorted({part for word in said for part in (word, *word.splitlines()) if part}, key=len, reverse=True))


def _strings(text: str) -> Iterator[str]:
    """Every string in a document, or the text itself."""
    try:
        yield from _leaves(json.loads(text))
    except ValueError:
        yield text


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for one in value.values():
            yield from _leaves(one)
    elif isinstance(value, list):
        for one in value:
            yield from _leaves(one)
    elif value is not None:
        yield str(value)
