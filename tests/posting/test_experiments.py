"""Experiments in one channel: the sample it takes, whose turn it is, and an answer that does not lie."""

from __future__ import annotations

import math
import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from statistics import NormalDist
from typing import Any

import pytest
from scipy import stats

from app.channels.models import Channel
from app.channels.queries import channels_of
from app.core import clock, db
from app.core.errors import Conflict, Invalid, NotFound
from app.posting.experiments import design
from app.posting.experiments import service as experiments
from app.posting.experiments.design import Seen
from app.posting.experiments.models import Experiment
from app.posting.experiments.plan import plan
from app.posting.models import AuthoredPost
from app.readings import service as readings
from app.readings.service import PostFacts
from tests.posting.authored import ScriptedLine, run_lane, scheduled, text
from tests.world import Owner, owned_channel, owner

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(("p", "freedom"), [(0.975, 3), (0.975, 10), (0.975, 58), (0.9, 5)])
def test_students_t_is_within_one_percent(p: float, freedom: int) -> None:
    assert design.t_quantile(p, freedom) == pytest.approx(stats.t.ppf(p, freedom), rel=0.01)


def _posts(rng: random.Random, n: int, *, change: float = 0.0, deviation: float = 0.3) -> list[Seen]:
    """A channel read four times as much in the evening; arms by turns; B differs by `change`."""
    found, turns = [], Counter[int]()
    for _ in range(n):
        part = rng.randrange(4)
        arm = design.arm_of("x" * 22, part, turns[part])
        turns[part] += 1
        level = math.log(1000) + part * math.log(4) / 3 + (math.log1p(change) if arm == "B" else 0.0)
        found.append(Seen(part, round(math.exp(rng.gauss(level, deviation))), arm))
    return found


def test_the_sample_it_asks_for_finds_the_difference_in_four_cases_of_five() -> None:
    rng = random.Random(4)
    needed = design.needed_per_arm(0.3, 20)
    results = [design.compare(_posts(rng, 2 * needed, change=0.20)) for _ in range(400)]
    share = sum(one is not None and one.low > 0 for one in results) / 400
    assert 0.74 < share < 0.88


def test_without_a_difference_it_finds_one_in_one_case_of_twenty() -> None:
    rng = random.Random(5)
    results = [design.compare(_posts(rng, 70)) for _ in range(600)]
    assert 0.02 < sum(one is not None and one.is_proven for one in results) / 600 < 0.08


def test_its_interval_holds_the_truth_in_95_of_100() -> None:
    rng = random.Random(6)
    results = [one for _ in range(400) if (one := design.compare(_posts(rng, 60, change=0.3)))]
    assert 0.92 < sum(one.low <= 0.3 <= one.high for one in results) / len(results) < 0.98


def test_looking_after_every_post_would_find_differences_that_chance_made() -> None:
    """The harm that waiting for the whole sample prevents."""
    rng, fooled = random.Random(7), 0
    for _ in range(150):
        posts = _posts(rng, 70)
        looks = (design.compare(posts[:n]) for n in range(8, 71, 2))
        fooled += any(one is not None and one.is_proven for one in looks)
    assert fooled / 150 > 0.15


def test_parts_of_the_day_do_not_pass_for_a_difference() -> None:
    """All of A in the morning, all of B in the evening, say nothing; within a part they do."""
    apart = [Seen(1, 1000 + n, "A") for n in range(20)] + [Seen(3, 4000 + n, "B") for n in range(20)]
    assert design.compare(apart) is None
    both = [Seen(p, v + n, arm) for p, v in ((1, 1000), (3, 4000)) for n in range(10) for arm in "AB"]
    found = design.compare(both)
    assert found is not None and found.change == pytest.approx(0, abs=1e-9) and not found.is_proven


def test_turns_are_pairs_that_change_their_order() -> None:
    for experiment in ("a" * 22, "b" * 22, "c" * 22):
        for part in range(4):
            arms = [design.arm_of(experiment, part, turn) for turn in range(8)]
            assert arms in (list("ABBAABBA"), list("BAABBAAB"))


def test_a_smaller_difference_takes_more_posts() -> None:
    sizes = [design.needed_per_arm(0.3, percent) for percent in design.EFFECTS]
    assert sizes == sorted(sizes, reverse=True) and len(set(sizes)) == len(sizes)
    z = NormalDist().inv_cdf(0.975) + NormalDist().inv_cdf(0.8)
    assert sizes[design.EFFECTS.index(20)] == math.ceil(2 * (z * 0.3 / math.log(1.2)) ** 2 + 1.96**2 / 4)


def _read(channel: Channel, views: list[int], *, every: timedelta = timedelta(hours=12)) -> None:
    """Posts of the last weeks with so many views at 24 hours, the newest two days old."""
    source = readings.ensure_source(readings.PREVIEW_PAGE, now=NOW)
    at = {n: NOW - timedelta(days=2) - every * (len(views) - n) for n in range(len(views))}
    ids = readings.record_posts(channel.chat, [PostFacts(n + 1, at[n]) for n in at])
    rows = [
        (ids[n + 1], db.to_ms(at[n] + timedelta(hours=h)), source, count, 0, 0)
        for n, count in enumerate(views)
        for h in (1, 24)
    ]
    readings.record_readings(channel.chat, rows, now=NOW)


def _start(who: Owner, channel: Channel, *, smallest: int = 50, **words: str) -> Experiment:
    said = {"question": "Pictures?", "arm_a": "with", "arm_b": "without", **words}
    return experiments.start(
        who.workspace.id,
        channel.public_id,
        **said,
        smallest_percent=smallest,
        user_id=who.user.id,
        now=NOW,  # type: ignore[arg-type]
    )


def _calm(n: int = 60) -> list[int]:
    """Views that scatter by about 10 %."""
    rng = random.Random(1)
    return [round(1000 * math.exp(rng.gauss(0, 0.1))) for _ in range(n)]


def test_a_channel_of_which_little_is_known_begins_nothing(who: Owner, news: Channel) -> None:
    _read(news, _calm(10))
    with pytest.raises(Conflict, match="10 posts with their views"):
        _start(who, news)


def test_a_difference_that_takes_more_posts_than_sixty_days_have_is_refused(who: Owner, news: Channel) -> None:
    rng = random.Random(2)
    _read(news, [round(1000 * math.exp(rng.gauss(0, 1.0))) for _ in range(60)])
    with pytest.raises(Conflict, match="it published 60 in the last 60 days.*chance"):
        _start(who, news, smallest=5)
    assert experiments.listed(who.workspace.id) == []


def test_it_reckons_from_the_channels_own_views(who: Owner, news: Channel) -> None:
    _read(news, _calm())
    (ref,) = [ref for ref in channels_of(who.workspace.id) if ref.id == news.id]
    found = plan(ref, 20, now=NOW)
    assert (found.known, found.in_60_days, found.is_possible) == (60, 60, True)
    assert found.needed is not None and 4 <= found.needed <= 12
    assert _start(who, news, smallest=20).needed == found.needed


@pytest.mark.parametrize("wrong", [{"question": " "}, {"arm_a": ""}, {"arm_b": "x" * 81}])
def test_words_are_needed(who: Owner, news: Channel, wrong: dict[str, str]) -> None:
    _read(news, _calm())
    with pytest.raises(Invalid):
        _start(who, news, **wrong)
    with pytest.raises(Invalid):
        _start(who, news, smallest=7)


def test_one_experiment_runs_in_a_channel_and_nobody_elses(who: Owner, news: Channel) -> None:
    _read(news, _calm())
    first = _start(who, news)
    with pytest.raises(Conflict, match="runs in this channel already"):
        _start(who, news)
    experiments.end(who.workspace.id, first.public_id, user_id=who.user.id, now=NOW)
    _start(who, news)
    stranger = owner("Bek", now=NOW)
    with pytest.raises(NotFound):
        experiments.experiment_of(stranger.workspace.id, first.public_id)
    with pytest.raises(NotFound):
        _start(stranger, news)


def _in(who: Owner, one: Experiment, post: AuthoredPost, arm: str) -> None:
    experiments.count_in(who.workspace.id, one.public_id, post.public_id, arm, user_id=who.user.id, now=clock.utcnow())


def _candidates(who: Owner, one: Experiment) -> dict[str, str]:
    ref = experiments.channel_ref(one)
    assert ref is not None
    return {c.public_id: c.arm for c in experiments.candidates(one, ref)}


def test_posts_are_counted_in_by_turns_and_once(who: Owner, news: Channel) -> None:
    _read(news, _calm())
    one, noon = _start(who, news), clock.utcnow().replace(hour=7, minute=0) + timedelta(days=2)
    posts = [scheduled(who, text(f"{n}"), news, at=noon + timedelta(minutes=n)) for n in range(4)]
    given = []
    for post in posts:
        arm = _candidates(who, one)[post.public_id]
        with pytest.raises(Conflict, match="another way"):
            _in(who, one, post, "B" if arm == "A" else "A")
        _in(who, one, post, arm)
        given.append(arm)
        with pytest.raises(Conflict, match="cannot be counted in"):
            _in(who, one, post, arm)
    assert given in (list("ABBA"), list("BAAB"))
    counted = experiments.counted(one)
    assert [(counted[arm].posts, counted[arm].measured) for arm in "AB"] == [(2, 0), (2, 0)]


def test_what_is_out_or_elsewhere_cannot_be_counted_in(who: Owner, news: Channel) -> None:
    fun = owned_channel(who, "Fun", telegram_chat_id=-1002, now=NOW)
    _read(news, _calm())
    one = _start(who, news)
    elsewhere, out = (
        scheduled(who, text("x"), fun, at=clock.utcnow() + timedelta(days=1)),
        scheduled(who, text("y"), news),
    )
    run_lane(ScriptedLine(), run_s=1)
    for post in (elsewhere, out):
        for arm in "AB":
            with pytest.raises(Conflict):
                _in(who, one, post, arm)


def test_the_answer_comes_when_all_are_measured_and_not_before(who: Owner, news: Channel) -> None:
    _read(news, _calm())
    one = _start(who, news)
    assert one.needed == 4
    sent = [_sent_in(who, news, one, n) for n in range(8)]
    views = [(post, 1000 + n if arm == "A" else 2000 + n) for n, (post, arm) in enumerate(sent)]
    _measure(news, views[:-1])
    assert experiments.result(one) is None
    _measure(news, views[-1:])
    found = experiments.result(one)
    assert found is not None and found.posts == 8 and found.is_proven and 0.9 < found.change < 1.1


def test_no_difference_is_said_to_be_not_proven(who: Owner, news: Channel) -> None:
    _read(news, _calm())
    one = _start(who, news)
    _measure(
        news, [(_sent_in(who, news, one, n)[0], v) for n, v in enumerate((900, 1100, 1000, 950, 1050, 980, 1020, 990))]
    )
    found = experiments.result(one)
    assert found is not None and not found.is_proven and found.low < 0 < found.high


def _sent_in(who: Owner, news: Channel, one: Experiment, n: int) -> tuple[int, str]:
    """A post counted in and sent; (message id, arm). All in the same part of the day."""
    post = scheduled(who, text(f"post {n}"), news, at=clock.utcnow() + timedelta(days=2))
    arm = _candidates(who, one)[post.public_id]
    _in(who, one, post, arm)
    message_id = 10_000 + n
    with db.write():
        db.execute("UPDATE due_action SET state = 'done' WHERE post_id = ?", post.id)
        (target, revision) = db.row(
            "SELECT t.id, r.id FROM post_target t JOIN post_revision r ON r.post_id = t.post_id WHERE t.post_id = ?",
            post.id,
        ) or (0, 0)
        db.execute(
            "INSERT INTO delivery (workspace_id, post_id, target_id, slot, part, revision_id, sender_id, address, state,"
            " epoch, tries, resends) SELECT workspace_id, post_id, id, 0, 0, ?, sender_id, address, 'sent', 1, 1, 0"
            " FROM post_target WHERE id = ?",
            *(revision, target),
        )
        (delivery,) = db.row("SELECT id FROM delivery WHERE target_id = ?", target) or (0,)
        db.execute(
            "INSERT INTO delivery_message (workspace_id, delivery_id, address, message_id, number) VALUES (?, ?, ?, ?, 0)",
            *(who.workspace.id, delivery, "-1001", message_id),
        )
    return message_id, arm


def _measure(news: Channel, views: list[tuple[Any, int]]) -> None:
    source = readings.ensure_source(readings.PREVIEW_PAGE, now=NOW)
    at = NOW - timedelta(hours=30)
    ids = readings.record_posts(news.chat, [PostFacts(message_id, at) for message_id, _ in views])
    rows = [
        (ids[message_id], db.to_ms(at + timedelta(hours=h)), source, count, 0, 0)
        for message_id, count in views
        for h in (1, 24)
    ]
    readings.record_readings(news.chat, rows, now=NOW)
