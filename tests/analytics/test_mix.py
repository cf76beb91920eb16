"""Which sorts of posts reach more: against a computation by hand, on planted truths, and nothing where little is known."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from statistics import fmean, variance

import numpy as np
import pytest
from scipy import stats

from app.analytics import build, effect_jobs, mix
from app.analytics.mix import Effect, Sample
from app.analytics.pages import Mix
from app.analytics.periods import Span
from app.boot import Runtime
from app.channels.models import Channel
from app.channels.queries import channel_of
from app.core import db
from app.core.interval_chart import interval_chart
from app.readings import service as readings
from tests.world import Owner, owned_channel, owner

RUNS = 200


def _of(found: list[Effect], aspect: str, value: str) -> Effect:
    return next(e for e in found if (e.aspect, e.value) == (aspect, value))


def test_the_interval_is_welchs_by_hand() -> None:
    here, there = [100 + 7 * n for n in range(20)], [80 + 11 * (n % 9) for n in range(31)]
    samples = [Sample(v, "video", 50, 0) for v in here] + [Sample(v, "text", 50, 1) for v in there]
    found = _of(mix.effects(samples), "kind", "video")
    a, b = [math.log(v) for v in here], [math.log(v) for v in there]
    va, vb = variance(a) / len(a), variance(b) / len(b)
    freedom = (va + vb) ** 2 / (va**2 / (len(a) - 1) + vb**2 / (len(b) - 1))
    reach = float(stats.t.ppf(0.975, freedom)) * math.sqrt(va + vb)
    middle = fmean(a) - fmean(b)
    assert found.ratio == pytest.approx(math.exp(middle))
    assert (found.low, found.high) == pytest.approx((math.exp(middle - reach), math.exp(middle + reach)))
    assert (found.posts, found.rest) == (20, 31)


def test_fewer_than_twenty_posts_of_a_sort_or_of_the_rest_tell_nothing() -> None:
    samples = [Sample(100 + n, "photo", 10, 0) for n in range(19)] + [Sample(90 + n, "text", 10, 0) for n in range(40)]
    found = mix.effects(samples)
    for kind, posts in (("photo", 19), ("text", 40)):  # the texts' rest are the nineteen
        effect = _of(found, "kind", kind)
        assert effect.posts == posts and effect.ratio is effect.low is effect.high is None
    assert _of(found, "length", "short").ratio is None  # all are short: there is no rest


def test_lengths_fall_into_their_buckets() -> None:
    edges = {
        0: "none",
        1: "short",
        199: "short",
        200: "medium",
        499: "medium",
        500: "long",
        999: "long",
        1000: "longest",
    }
    assert {length: mix.bucket(length) for length in edges} == edges


def test_posts_without_views_or_known_length_say_nothing() -> None:
    samples = [Sample(0, "text", 5, 0), Sample(7, "text", None, 0)]
    assert [(e.aspect, e.posts) for e in mix.effects(samples)] == [("kind", 1), ("weekday", 1)]


def test_equal_views_everywhere_give_no_interval() -> None:
    samples = [Sample(100, kind, 5, 0) for kind in ("video", "text") for _ in range(25)]
    assert _of(mix.effects(samples), "kind", "video").ratio is None


@pytest.mark.parametrize("truth", [1.3, 1.0])
def test_the_interval_holds_the_planted_truth(truth: float) -> None:
    """Two hundred made-up channels; the videos' views are `truth` times the others', amid noise of unequal width."""
    held, ratios = 0, []
    for seed in range(RUNS):
        rng = np.random.default_rng(seed)
        videos, others = rng.integers(25, 70), rng.integers(60, 200)
        level = rng.uniform(200, 50_000)
        views = [*(level * truth * rng.lognormal(0, 0.6, videos)), *(level * rng.lognormal(0, 0.35, others))]
        samples = [Sample(max(1, round(v)), "video" if n < videos else "photo", 10, 0) for n, v in enumerate(views)]
        effect = _of(mix.effects(samples), "kind", "video")
        assert effect.ratio and effect.low and effect.high
        held += effect.low <= truth <= effect.high
        ratios.append(math.log(effect.ratio))
    print(f"truth {truth}: held by {held} of {RUNS} intervals, mean ratio {math.exp(fmean(ratios)):.3f}")
    assert held >= 0.9 * RUNS
    assert math.exp(fmean(ratios)) == pytest.approx(truth, rel=0.03)


def _channel(now: datetime, *, videos: int = 25, age: timedelta = timedelta(days=20)) -> tuple[Owner, Channel]:
    """Videos with about twice the views of forty texts, each read at the age of a day."""
    who = owner("Aziza", now=now)
    channel = owned_channel(who, "News", telegram_chat_id=-1001, now=now)
    source = readings.ensure_source(readings.PREVIEW_PAGE, now=now)
    kinds = ["video"] * videos + ["text"] * 40
    facts = [
        readings.PostFacts(n + 1, now - age + timedelta(hours=6 * n), media=kind, text_length=10 if n % 2 else 700)
        for n, kind in enumerate(kinds)
    ]
    ids = readings.record_posts(channel.chat, facts)
    rows = []
    for n, fact in enumerate(facts):
        views = (2000 if fact.media == "video" else 1000) + 10 * (n % 7)
        for hours, share in ((1, 0.4), (24, 1.0)):
            at = fact.posted_at + timedelta(hours=hours)
            rows.append((ids[fact.key], db.to_ms(at), source, round(views * share), 1, 0))
    readings.record_readings(channel.chat, [r for r in rows if r[1] <= db.to_ms(now)], now=now)
    return who, channel


def _mix(who: Owner, channel: Channel, now: datetime, span: Span | None = None) -> Mix:
    ref = channel_of(who.workspace.id, channel.public_id)
    assert ref is not None
    found: Mix | None = build.content_page(who.workspace.id, ref, span=span or Span(30), now=now).mix
    assert found is not None
    return found


def test_the_content_page_tells_what_reaches_more(runtime: Runtime, now: datetime) -> None:
    who, channel = _channel(now)
    assert _mix(who, channel, now).computed_at is None
    effect_jobs.refresh_effects(now=now)
    found = _mix(who, channel, now)
    assert found.computed_at == now and found.basis == "views_24h"
    video = next(row for row in found.rows if row.value == "video")
    assert video.posts.value == 25 and video.effect.value == pytest.approx(95, abs=5)
    assert (video.low.value or 0) < (video.effect.value or 0) < (video.high.value or 0)
    assert (video.effect.precision, video.effect.sources) == ("estimate", ("preview_page",))
    few = next(row for row in found.rows if row.aspect == "weekday")
    assert few.effect.value is None and few.posts.value
    assert [row.aspect for row in found.rows] == sorted(row.aspect for row in found.rows)


def test_a_period_that_nobody_computes_says_so(runtime: Runtime, now: datetime) -> None:
    who, channel = _channel(now)
    effect_jobs.refresh_effects(now=now)
    other = _mix(who, channel, now, Span(20, now.date()))
    assert not other.is_usual and not other.rows


def test_what_fell_out_of_the_period_is_forgotten(runtime: Runtime, now: datetime) -> None:
    who, channel = _channel(now)
    effect_jobs.refresh_effects(now=now)
    later = now + timedelta(days=60)
    effect_jobs.refresh_effects(now=later)
    assert _mix(who, channel, later).rows == ()
    assert _mix(who, channel, later, Span(90)).rows


def test_where_hardly_a_post_was_read_at_a_day_older_posts_are_compared(runtime: Runtime, now: datetime) -> None:
    who = owner("Aziza", now=now)
    channel = owned_channel(who, "News", telegram_chat_id=-1001, now=now)
    source = readings.ensure_source(readings.PREVIEW_PAGE, now=now)
    facts = [readings.PostFacts(n, now - timedelta(hours=5 * n)) for n in range(1, 60)]
    ids = readings.record_posts(channel.chat, facts)
    at = db.to_ms(now)
    readings.record_readings(channel.chat, [(ids[n], at, source, 100 + n, None, 0) for n in range(1, 60)], now=now)
    effect_jobs.refresh_effects(now=now)
    found = _mix(who, channel, now)
    assert found.basis == "views"
    ripe = sum(5 * n >= 72 for n in range(1, 60))
    assert sum(row.posts.value or 0 for row in found.rows if row.aspect == "weekday") == ripe


def test_the_interval_is_drawn_within_its_axis_and_without_style() -> None:
    svg = str(interval_chart(0.5, 1.3, 4.0, least=0.5, most=4.0))
    assert "style" not in svg and 'd="M1.0 8H99.0' in svg and "t0" in svg
    assert 'class="ln t2"' in interval_chart(1.1, 1.3, 1.5, least=0.9, most=2)
    assert 'class="ln t4"' in interval_chart(0.7, 0.8, 0.9, least=0.7, most=2)
