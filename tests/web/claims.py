"""Does a raw reading stand behind a number? One judge for figures of pages, cells of CSV files and objects of the API."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from tests.web.evidence import MOVES, SUBSCRIBERS, Evidence, Row, Scope

WORKSPACE = "workspace"  # the one number that no reading backs: how many channels the person connected
_SUFFIX = {"": 1, "K": 1e3, "M": 1e6, "B": 1e9}


@dataclass(frozen=True)
class Claim:
    """A number as it is shown, with the provenance it carries. `spoken` is the text that people see of it."""

    value: float
    unit: str
    sources: tuple[str, ...]
    precision: str
    observed_at: datetime | None
    step: float | None = None
    readings: int | None = None
    age_s: int | None = None
    spoken: str | None = None
    is_change: bool = False
    is_reaction: bool = False


def number(text: str) -> float | None:
    """'12.4K' -> 12400.0; None when the text is no number."""
    found = re.fullmatch(r"[+≈]?(−?)([\d,]+(?:\.\d+)?)([KMB]?)(?:%|\xa0pp)?", text.strip())
    if not found:
        return None
    sign, digits, suffix = found.groups()
    return (-1 if sign else 1) * float(digits.replace(",", "")) * _SUFFIX[suffix]


def parse_moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC) if text else None


def judge(claim: Claim, scope: Scope, evidence: Evidence, *, between: tuple[datetime, datetime]) -> Iterator[str]:
    """What is wrong with a claim; nothing when raw rows bear it out. `between`: just before and after the request."""
    if claim.spoken is not None:
        yield from _spoken(claim)
    if claim.unit.startswith("money:") and claim.sources == (WORKSPACE,):
        if claim.value not in evidence.spends and not min(evidence.spends, default=0) < claim.value <= sum(
            evidence.spends
        ):
            yield f"{claim.value} {claim.unit} was spent nowhere"
        if claim.observed_at is None or claim.observed_at.replace(microsecond=0) not in evidence.typed_at:
            yield f"{claim.value} {claim.unit}: nobody typed it at {claim.observed_at}"
        return
    if claim.sources == (WORKSPACE,):
        if claim.unit != "channels" or claim.value != len(evidence.network.channels):
            yield f"{claim.value} {claim.unit} is not the number of connected channels"
        return
    if not claim.sources:
        yield f"{claim.value} names no source"
        return
    rows = [row for row in scope.rows(claim.unit) if row.kind in claim.sources]
    read = [kind for kind in claim.sources if not (kind == WORKSPACE and claim.unit.startswith("money:"))]
    for kind in read:  # a cost is of what was typed and what was read
        if kind not in evidence.kinds:
            yield f"{claim.value} names {kind}, which is no source"
        elif not any(row.kind == kind for row in rows):
            yield f"{claim.value} {claim.unit} names {kind}, but no reading of it exists"
    yield from _provenance(claim, scope, rows, between)
    yield from _value(claim, scope, [row for row in rows if row.at == claim.observed_at], rows)


def _spoken(claim: Claim) -> Iterator[str]:
    if claim.unit.startswith("money:"):
        said = 100 * float(re.sub(r"[^\d.]", "", claim.spoken or "") or "nan")
        if not abs(said - claim.value) <= 0.51:
            yield f"the text {claim.spoken!r} does not say {claim.value}"
        return
    said = number(claim.spoken or "")
    allowed = max(
        {"percent": 0.051, "points": 0.051, "views": 0.5}.get(claim.unit, 0.0),
        abs(claim.value) * 0.0051 if abs(claim.value) >= 1e4 else 0,
    )
    if said is None or abs(said - claim.value) > allowed:
        yield f"the text {claim.spoken!r} does not say {claim.value}"


def _provenance(claim: Claim, scope: Scope, rows: list[Row], between: tuple[datetime, datetime]) -> Iterator[str]:
    if claim.precision not in ("exact", "rounded", "mixed", "estimate"):
        yield f"{claim.value} says no precision: {claim.precision!r}"
    if (claim.precision == "exact") != (claim.step in (0, None)) and claim.step is not None:
        yield f"{claim.value} is called {claim.precision} at a step of {claim.step}"
    if claim.precision == "exact" and rows and all(row.step for row in rows):
        yield f"{claim.value} is called exact, but every reading is rounded"
    if claim.observed_at is None or not any(row.at == claim.observed_at for row in rows):
        yield f"{claim.value} {claim.unit}: nothing was read at {claim.observed_at}"
    elif claim.age_s is not None:
        low, high = ((at - claim.observed_at).total_seconds() for at in between)
        if not int(low) - 1 <= claim.age_s <= int(high) + 1:
            yield f"{claim.value}: an age of {claim.age_s} s is not the time since {claim.observed_at}"
    if claim.readings is not None and not 1 <= claim.readings <= len(scope.rows(claim.unit)):
        yield f"{claim.value} {claim.unit} counts {claim.readings} readings of {len(scope.rows(claim.unit))}"


def _value(claim: Claim, scope: Scope, newest: list[Row], rows: list[Row]) -> Iterator[str]:
    """Equality where the number is one reading; otherwise the bound that no sum or average of readings can pass."""
    if claim.is_change:
        return
    if "links" in claim.sources:
        yield from _click_rate(claim, scope, newest)
    one_channel = len(scope.channels) == 1
    if claim.unit in MOVES:
        kinds = ("join", "leave") if claim.unit == "people" else ({"joins": "join", "leaves": "leave"}.get(claim.unit),)
        if claim.value > sum(row.what in kinds for row in rows):
            yield f"{claim.value} {claim.unit} are more than a bot was told of"
    elif claim.unit == "boosts":
        if claim.value > sum(row.what == "added" for row in rows):
            yield f"{claim.value} boosts are more than a bot was told of"
    elif claim.unit == SUBSCRIBERS:
        read = {row.value for row in newest}
        if one_channel and claim.value not in read:
            yield f"{claim.value} subscribers: the readings say {sorted(map(str, read))}"
    elif claim.is_reaction:
        if claim.value not in {row.value for row in newest if row.what == "reaction"}:
            yield f"{claim.value} reactions of one kind were never read"
    elif scope.post and claim.unit in ("views", "reactions", "forwards", "comments"):
        yield from _of_a_post(claim, rows)
    elif claim.unit == "posts":
        if claim.value > sum(1 for post in scope.posts if post.rows):
            yield f"{claim.value} posts are more than were read"
    elif claim.unit == "views" and claim.value > sum(_most(post.counts) for post in scope.posts):
        yield f"{claim.value} views are more than were read"


def _of_a_post(claim: Claim, rows: list[Row]) -> Iterator[str]:
    counts = {getattr(row, claim.unit) for row in rows if row.what == "post"}
    highest = max((n for n in counts if n is not None), default=-1)
    # views at 24 hours lie between two readings of the curve, so only their bound is known
    if claim.value > highest:
        yield f"{claim.value} {claim.unit} of a post: the most that was read is {highest}"


def _click_rate(claim: Claim, scope: Scope, newest: list[Row]) -> Iterator[str]:
    """Clicks for every hundred views of the reading that the claim names."""
    clicks = scope.clicks
    rates = {100 * clicks / row.views for row in newest if row.what == "post" and row.views}
    if not any(abs(claim.value - rate) < 0.0001 for rate in rates):
        yield f"{claim.value} percent: {clicks} clicks make {sorted(rates)}"


def _most(rows: list[Row]) -> int:
    return max((row.views or 0 for row in rows), default=0)
