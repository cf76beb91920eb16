"""CSV twins and the API before the same judge as the pages."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any
from zoneinfo import available_timezones

from tests.web.claims import Claim, judge, parse_moment
from tests.web.evidence import SUBSCRIBERS, WEEKDAYS, Evidence, Scope
from tests.web.judged_page import Judged, labels_of, scope_of
from tests.web.raw import MONTHS

_UNITS = {"subscribers": SUBSCRIBERS, "views": "views", "views_24h": "views", "reach": "views", "posts": "posts"}
_UNITS |= {key: key for key in ("reactions", "forwards", "comments")}
_UNITS |= {"er": "percent", "err": "percent", "err24": "percent", "growth": SUBSCRIBERS}
_FACTS = {"channel", "username", "post", "posted_at", "media", "text_length"}
_FACTS |= {"clicks", "way", "name", "ran_in", "audience", "creative", "currency", "week", "utc_day", "reason"}
_UNITS |= {key: "people" for key in ("joined", "here", "left", "stayed_24h", "stayed_7d", "stayed_30d")}
_UNITS |= {key: "percent" for key in ("kept_24h", "kept_7d", "kept_30d", *(f"kept_week_{n}" for n in range(1, 12)))}
_UNITS |= {"joins": "joins", "leaves": "leaves", "start": SUBSCRIBERS, "counted": SUBSCRIBERS, "gap": SUBSCRIBERS}
_UNITS |= {f"{key}_minor": "money:" for key in ("spend", "cost", "cost_24h", "cost_7d", "cost_30d")}
_UNITS |= {"expected": "leaves", "excess": "leaves"}
_UNITS |= {"kept_percent": "percent", "ctr": "percent"}
_UNITS["boosts"] = "boosts"
_UNITS["growth_percent"] = SUBSCRIBERS
_UNITS |= {f"usual_{key}": "views" for key in ("low", "middle", "high")}
_FACTS.add("age_s")
_FACTS |= {"is_so_far_24h", "is_so_far_7d", "is_so_far_30d"}
_FACTS |= {"verdict", "p", "q"}
_FACTS |= {"edited_at", "deleted_at", "starts_at", "ends_at", "day", "weekday", "hour", "age_days", "annotation"}
_FACTS |= {"period_start", "period_end", "timezone"}
_NO_DAYS = (  # files that need no zone, since what they tell has no local days
    "/campaigns.csv",  # up to now; moments carry their own zone
    "/campaigns/kept.csv",  # by age
    "/usual.csv",  # by age
)
_CURVE = ["observed_at", "age_s", "views", "source", "precision", "is_falling", "annotation"]
_ZONES = available_timezones()
Between = tuple[datetime, datetime]


def judged_csv(url: str, text: str, evidence: Evidence, *, between: Between) -> Judged:
    """Every value of a table of figures names source, precision and time; a curve's line is one reading."""
    found, reader = Judged(), csv.DictReader(io.StringIO(text))
    heads = list(reader.fieldnames or ())
    if heads != _CURVE and "timezone" not in heads and not url.partition("?")[0].endswith(_NO_DAYS):
        found.problems.append(f"{url}: names no zone")
    whole = scope_of(re.sub(r"/(days|hours|kept)\.csv", "", url), evidence)
    labels: dict[str, set[str]] = {}
    for line in reader:
        if heads == _CURVE:
            problems = _curve_line(url, line, evidence)
        else:
            scope = _scope_of_line(url, line, whole, evidence)
            problems = (*_figures(scope, line, evidence, between, found), *_days(line, scope, evidence, labels))
        found.problems += [f"{url}: {line}: {why}" for why in (*problems, *_period(line))]
        found.points += heads == _CURVE
    unknown = (
        set(heads) - _FACTS - {f"{u}{tail}" for u in _UNITS for tail in ("", "_source", "_precision", "_observed_at")}
    )
    if heads != _CURVE and unknown:
        found.problems.append(f"{url}: columns that nobody judges: {sorted(unknown)}")
    return found


def _period(line: dict[str, str]) -> Iterator[str]:
    """Days and the zone they are of, which is one that there is."""
    if "timezone" in line and line["timezone"] not in _ZONES:
        yield "no zone"
    if "period_end" in line and not date.fromisoformat(line["period_start"]) <= date.fromisoformat(line["period_end"]):
        yield "a period that ends before it begins"
    if "period_end" in line and "day" in line and not line["period_start"] <= line["day"] <= line["period_end"]:
        yield "a day outside the period"


def _days(line: dict[str, str], scope: Scope | None, evidence: Evidence, labels: dict[str, set[str]]) -> Iterator[str]:
    """A number of a day or an hour stands where something was read, as the points of the chart do.

    `labels`: where each chart may have a point, found once a file and channel.
    """
    if not {"day", "weekday"} & set(line):
        return
    for key in ("subscribers", "growth_percent", "views", "reach", "joins", "leaves"):
        chart = _CHART_OF.get((key, "day" in line), "")
        place = f"{chart} {line.get('channel')}"
        if chart and place not in labels:
            labels[place] = labels_of(chart, scope, evidence) if scope else set()
        if line.get(key) and _label(line) not in labels.get(place, set()):
            yield f"{key} without a reading"


_CHART_OF = {("subscribers", True): "chart_growth", ("views", True): "chart_views", ("reach", True): "chart_reach"}
_CHART_OF[("growth_percent", True)] = "chart_growth"
_CHART_OF |= {("joins", True): "chart_moves", ("leaves", True): "chart_moves"}
_CHART_OF |= {("views", False): "chart_heat"}


def _label(line: dict[str, str]) -> str:
    if "day" not in line:
        return f"{WEEKDAYS[int(line['weekday']) - 1]} {int(line['hour']):02}:00"
    day = date.fromisoformat(line["day"])
    return f"{day.day} {MONTHS[day.month - 1]}"


def _figures(
    scope: Scope | None, line: dict[str, str], evidence: Evidence, between: Between, found: Judged
) -> Iterator[str]:
    if (
        scope
        and scope.post
        and "text_length" in line
        and line["text_length"] not in (str(scope.post.text_length or ""),)
    ):
        yield "not the post's length"
    if line.get("clicks") and not (scope and int(line["clicks"]) == scope.clicks):
        yield "not the clicks on the post's links"
    for key in (key for key in _UNITS if key in line):
        source, precision, at = (line[f"{key}_{tail}"] for tail in ("source", "precision", "observed_at"))
        if not line[key]:
            found.missing += 1
            if source or precision or at:
                yield f"{key}: a source without a number"
            continue
        if scope is None:
            yield f"{key}: a number of nothing that this workspace has"
            continue
        claim = Claim(
            float(line[key]),
            _UNITS[key],
            tuple(source.split("+")),
            precision,
            parse_moment(at),
            is_change=key in ("growth", "growth_percent", "gap", "excess"),
        )
        found.claims.append(claim)
        yield from judge(claim, scope, evidence, between=between)


def _scope_of_line(url: str, line: dict[str, str], whole: Scope | None, evidence: Evidence) -> Scope | None:
    if "channel" not in line and "post" not in line:
        return whole
    if "post" in line:
        return evidence.of_post(url.split("/")[2], line["post"])
    named = {line["channel"].removeprefix("'"), line["username"]}
    return next((evidence.of_channel(i) for i, c in evidence.channels.items() if named & set(c.names)), None)


def _curve_line(url: str, line: dict[str, str], evidence: Evidence) -> Iterator[str]:
    scope = scope_of(url, evidence)
    fact = (parse_moment(line["observed_at"]), line["source"], int(line["views"]), line["precision"] == "exact")
    rows = scope.post.counts if scope and scope.post else []
    if fact not in {(row.at, row.kind, row.views, row.step == 0) for row in rows}:
        yield "a point without a reading"


def judged_api(url: str, text: str, evidence: Evidence, *, between: Between) -> Judged:
    """Every number in the answer stands in an object with its provenance."""
    found = Judged()
    for channel in json.loads(text).get("channels", []):
        scope = evidence.of_channel(channel["id"])
        for key, figure in channel.items():
            if key in _UNITS:
                found.problems += [
                    f"{url}: {key}: {why}" for why in _object(key, figure, scope, evidence, between, found)
                ]
            elif isinstance(figure, int | float):
                found.problems.append(f"{url}: {key} is a number without source")
    return found


def _object(
    key: str, figure: Any, scope: Scope | None, evidence: Evidence, between: Between, found: Judged
) -> Iterator[str]:
    if figure is None:
        found.missing += 1
        return
    if scope is None:
        yield "a number of nothing that this workspace has"
        return
    at, step = parse_moment(figure["observed_at"]), float(figure["step"])
    claim = Claim(
        figure["value"],
        _UNITS[key],
        tuple(figure["sources"]),
        figure["precision"],
        at,
        step,
        is_change=key == "growth",
    )
    found.claims.append(claim)
    yield from judge(claim, scope, evidence, between=between)


def judged_invoice(url: str, text: str, evidence: Evidence) -> Judged:
    """The text of an invoice's file: every number of it stands in a row."""
    found = Judged()
    for line in text.splitlines():
        if re.search(r"\d", evidence.billing.left_of(line)):
            found.problems.append(f"{url}: {line!r}: a number without source")
    return found
