"""The palette and its limit: the month's new ones are counted once, by twenty people at once too."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial

import pytest

from app.billing.service import limits
from app.boot import Runtime
from app.channels.models import Channel
from app.channels.queries import channels_of
from app.core import clock, db, ids
from app.core.errors import Invalid, LimitReached, NotFound, Upstream
from app.posting.content.draft import Draft
from app.posting.content.inline import read_spans
from app.posting.emoji import palette, pictures, queries, reading
from app.posting.planning import settings as planning
from app.posting.planning.settings import Typed
from app.posting.service import composing
from app.telegram.port import CustomEmojiFacts, EmojiSetFacts
from tests.posting.authored import may_post
from tests.posting.emoji.telegrams import CATS, FIRST, cats, known
from tests.world import Owner, owned_channel, owner

PEOPLE = 20


@pytest.fixture
def poor(runtime: Runtime, now: datetime) -> Owner:
    """On the free plan: ten new ones a month."""
    return owner("Bekzod", telegram_user_id=43, plan="free", now=now)


@pytest.mark.parametrize(
    "words", ["Cats_2", " t.me/addemoji/Cats_2 ", "https://t.me/addemoji/Cats_2/", "tg://addemoji?set=Cats_2"]
)
def test_a_set_is_named_or_linked(words: str) -> None:
    assert palette.set_name(words) == "Cats_2"


@pytest.mark.parametrize(
    "words", ["", "2cats", "t.me/addstickers/Cats", "https://evil.example/addemoji/Cats", "a" * 65]
)
def test_what_names_no_set_is_refused_in_its_field(words: str) -> None:
    with pytest.raises(Invalid) as refused:
        palette.set_name(words)
    assert set(refused.value.fields) == {"name"}


def test_the_plans_have_the_limits_of_the_table(runtime: Runtime) -> None:
    rows = db.rows("SELECT plan_id, amount, reset FROM plan_limit WHERE key = 'custom_emoji' ORDER BY amount")
    assert {plan: (amount, reset) for plan, amount, reset in rows} == {
        "free": (10, "period"),
        "pro": (100, "period"),
        "business": (500, "period"),
        "network": (None, "period"),
    }


def test_what_is_put_at_hand_is_listed_in_the_order_of_its_set(who: Owner, now: datetime) -> None:
    ids = known(who, cats(), now=now)
    assert palette.add(who.workspace.id, [ids[2], ids[0]], user_id=who.user.id, now=now) == 2
    found = queries.palette_of(who.workspace.id)
    assert [(one.emoji_id, one.number, one.set_title) for one in found] == [(ids[0], 1, "Cats"), (ids[2], 3, "Cats")]
    for one in found:
        (span,) = read_spans(one.markup)
        assert (span.text, span.emoji) == (one.plain, one.emoji_id), "what the picker writes is that emoji"


def test_taken_out_and_put_back_counts_once(poor: Owner, now: datetime) -> None:
    here, ids = poor.workspace.id, known(poor, cats(), now=now)
    for _ in range(3):
        palette.add(here, ids[:2], user_id=poor.user.id, now=now)
        palette.remove(here, ids[0], user_id=poor.user.id, now=now)
    assert queries.room_of(here, now=now).used == 2
    assert [one.emoji_id for one in queries.palette_of(here)] == [ids[1]]
    with pytest.raises(NotFound):
        palette.remove(here, ids[0], user_id=poor.user.id, now=now)


def test_all_or_none_within_the_month_and_anew_in_the_next(poor: Owner, now: datetime) -> None:
    here, ids = poor.workspace.id, known(poor, cats(25), now=now)
    with pytest.raises(LimitReached) as refused:
        palette.add(here, ids[:11], user_id=poor.user.id, now=now)
    assert refused.value.code == "limit_custom_emoji" and refused.value.params["limit"] == 10
    assert queries.palette_of(here) == [] and queries.room_of(here, now=now).left == 10
    palette.add(here, ids[:10], user_id=poor.user.id, now=now)
    later = now + timedelta(days=32)
    palette.add(here, ids[:20], user_id=poor.user.id, now=later)
    assert queries.room_of(here, now=later).used == 10 and len(queries.palette_of(here)) == 20


def test_nothing_that_telegram_never_told_of_and_nothing_of_others(who: Owner, poor: Owner, now: datetime) -> None:
    ids = known(who, cats(), now=now)
    palette.add(who.workspace.id, ids, user_id=who.user.id, now=now)
    assert queries.palette_of(poor.workspace.id) == [] and queries.set_of(poor.workspace.id, CATS.lower()) is None
    for wrong in (["12345"], [ids[0], "12345"], []):
        with pytest.raises(NotFound):
            palette.add(poor.workspace.id, wrong, user_id=poor.user.id, now=now)
    assert queries.room_of(poor.workspace.id, now=now).used == 0


def _twenty_at_once(who: Owner, ids: list[str], now: datetime) -> list[bool]:
    """Each of twenty people puts another emoji at hand at the same moment; who could."""
    gate = threading.Barrier(PEOPLE)

    def person(number: int) -> bool:
        with db.database.connection_context():
            gate.wait()
            try:
                palette.add(who.workspace.id, [ids[number]], user_id=who.user.id, now=now)
            except LimitReached:
                return False
            return True

    with ThreadPoolExecutor(PEOPLE) as pool:
        return list(pool.map(person, range(PEOPLE)))


def test_twenty_at_once_at_the_limit_minus_one_get_exactly_one(poor: Owner, now: datetime) -> None:
    ids = known(poor, cats(40), now=now)
    palette.add(poor.workspace.id, ids[PEOPLE : PEOPLE + 9], user_id=poor.user.id, now=now)
    assert _twenty_at_once(poor, ids, now).count(True) == 1
    assert len(queries.palette_of(poor.workspace.id)) == 10 and queries.room_of(poor.workspace.id, now=now).used == 10


def test_without_the_guard_all_twenty_get_in(poor: Owner, now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    """The harm: a limit that is looked at first and counted afterwards."""
    ids = known(poor, cats(40), now=now)
    palette.add(poor.workspace.id, ids[PEOPLE : PEOPLE + 9], user_id=poor.user.id, now=now)
    looked = threading.Barrier(PEOPLE)
    real = palette.add

    def look_first(workspace_id: int, emoji_ids: list[str], *, user_id: int, now: datetime) -> int:
        if queries.room_of(workspace_id, now=now).left == 0:
            raise LimitReached("full", code="limit_custom_emoji")
        looked.wait(10)
        return real(workspace_id, emoji_ids, user_id=user_id, now=now)

    monkeypatch.setattr(palette, "add", look_first)
    monkeypatch.setattr(limits, "consume", lambda *_args, **_more: None)
    assert _twenty_at_once(poor, ids, now).count(True) == PEOPLE
    assert len(queries.palette_of(poor.workspace.id)) == 9 + PEOPLE, "nineteen more than the plan allows"


def test_twenty_who_put_the_same_one_at_hand_count_it_once(poor: Owner, now: datetime) -> None:
    ids = known(poor, cats(), now=now)
    assert _twenty_at_once(poor, ids[:1] * PEOPLE, now) == [True] * PEOPLE
    assert queries.room_of(poor.workspace.id, now=now).used == 1


def test_a_set_is_read_once_for_all_and_again_when_it_is_old(who: Owner, poor: Owner, now: datetime) -> None:
    ids = known(who, cats(3), now=now)
    palette.ask_for(poor.workspace.id, CATS.upper(), now=now)
    assert reading.due(now) == [], "it was read a moment ago"
    assert [one.emoji_id for one in queries.emoji_of(poor.workspace.id, CATS.lower())] == ids
    later = now + reading.FRESH + timedelta(minutes=1)
    (wish,) = reading.due(later)
    less = EmojiSetFacts(CATS, "Cats, 2nd edition", (CustomEmojiFacts(ids[1], "🐈", CATS),))
    reading.keep(wish, less, now=later)
    assert [(one.emoji_id, one.plain) for one in queries.emoji_of(who.workspace.id, CATS.lower())] == [(ids[1], "🐈")]
    palette.add(who.workspace.id, ids, user_id=who.user.id, now=later)
    gone = {one.emoji_id: one.is_gone for one in queries.palette_of(who.workspace.id)}
    assert gone == {ids[0]: True, ids[1]: False, ids[2]: True}, "what is gone from its set stays at hand, and says so"
    assert reading.due(later) == []


def test_an_outage_ends_no_set_that_was_read(who: Owner, now: datetime) -> None:
    ids = known(who, cats(3), now=now)
    at = now + timedelta(days=8)
    for _ in range(3):
        for _ in range(reading.MOST_ATTEMPTS):
            (wish,) = reading.due(at)
            reading.failed(wish, Upstream("Telegram did not answer."), now=at)
            last, at = at, at + timedelta(minutes=15)
        assert reading.due(last + timedelta(hours=23)) == [], "once a day is enough"
        found = queries.set_of(who.workspace.id, CATS.lower())
        assert found is not None and (found.state, found.count) == ("read", 3)
        at = last + timedelta(hours=25)
    (wish,) = reading.due(at)
    reading.failed(wish, Upstream("Bad Request: STICKERSET_INVALID", permanent=True), now=at)
    (wish,) = reading.due(at + timedelta(hours=25))
    reading.keep(wish, cats(3), now=at + timedelta(hours=25))
    assert reading.due(at + timedelta(hours=50)) == []
    assert [one.emoji_id for one in queries.emoji_of(who.workspace.id, CATS.lower())] == ids


def test_a_set_that_never_came_is_refused_for_good(who: Owner, now: datetime) -> None:
    known(who, cats(3), now=now)
    palette.ask_for(who.workspace.id, "Dogs", now=now)
    for n in range(reading.MOST_ATTEMPTS):
        (wish,) = [one for one in reading.due(now + timedelta(minutes=15 * n)) if one.key == "dogs"]
        reading.failed(wish, Upstream("Telegram did not answer."), now=now + timedelta(minutes=15 * n))
    assert [one.key for one in reading.due(now + timedelta(days=30))] == [CATS.lower()]


def test_a_list_of_sets_that_is_full_is_full(who: Owner, now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also for whoever catches the refusal inside a transaction of his own, as the bot does."""
    known(who, cats(3), now=now)
    monkeypatch.setattr(palette, "MOST_SETS", 1)
    with db.write(), pytest.raises(Invalid) as refused:
        palette.ask_for(who.workspace.id, "Dogs", now=now)
    assert refused.value.code == "too_many_sets"
    assert db.rows("SELECT key FROM emoji_set") == [(CATS.lower(),)]
    palette.ask_for(who.workspace.id, CATS, now=now)


def test_a_set_that_nobody_chooses_from_any_more_is_not_read_again(who: Owner, now: datetime) -> None:
    known(who, cats(3), now=now)
    palette.forget_set(who.workspace.id, CATS.lower())
    assert reading.due(now + timedelta(days=30)) == []


def test_single_ones_are_known_before_their_set_is(who: Owner, now: datetime) -> None:
    with db.write():
        reading.note([CustomEmojiFacts(str(FIRST), "👍", CATS)], now=now)
    palette.add(who.workspace.id, [str(FIRST)], user_id=who.user.id, now=now)
    (alone,) = queries.palette_of(who.workspace.id)
    assert (alone.plain, alone.set_title, alone.number) == ("👍", "", 0)
    known(who, cats(3), now=now)
    (placed,) = queries.palette_of(who.workspace.id)
    assert (placed.set_title, placed.number) == ("Cats", 1)
    with db.write():
        reading.note([CustomEmojiFacts(str(FIRST), "👍", CATS)], now=now)
    (still,) = queries.palette_of(who.workspace.id)
    assert (still.set_title, still.number) == ("Cats", 1), "what is told of a single one takes no set away"


def test_what_nobody_wants_is_forgotten(who: Owner, now: datetime) -> None:
    from app.core import retention
    from app.posting.emoji.jobs import KEPT

    ids = known(who, cats(3), now=now - timedelta(days=100))
    known(who, cats(2, name="Dogs", first=77), now=now - timedelta(days=100))
    palette.add(who.workspace.id, ids[:1], user_id=who.user.id, now=now)
    for emoji_id in (ids[0], "77"):
        with db.write():
            pictures.want(CustomEmojiFacts(emoji_id, "👍", picture_id="f"), 7)
            db.execute("UPDATE emoji_picture SET not_before = ?", db.stamp(now - timedelta(days=100)))
    palette.forget_set(who.workspace.id, CATS.lower())
    assert retention.sweep(KEPT, now=clock.utcnow()) == {"custom_emoji": 2}, "the other set is chosen from"
    palette.forget_set(who.workspace.id, "dogs")
    gone = {"emoji_picture": 1, "custom_emoji": 2, "emoji_set": 1}
    assert retention.sweep(KEPT, now=clock.utcnow()) == gone
    assert [one.emoji_id for one in queries.palette_of(who.workspace.id)] == ids[:1]


def _draft(words: str, channel: Channel) -> Draft:
    return Draft(words, channels=(channel.public_id,))


def test_typed_ones_are_counted_once_when_they_are_scheduled_all_or_none(poor: Owner) -> None:
    now = clock.utcnow()
    channel = owned_channel(poor, "News", telegram_chat_id=-1001, now=now, bot_id=7)
    may_post(channel)
    put = partial(composing.publish_now, user_id=poor.user.id, now=now)
    here, words = poor.workspace.id, [f"[👍](emoji:{n})" for n in range(1, 14)]
    post = put(here, ids.public_id(), composing.NEW, _draft(" ".join([*words[:8], words[0]]), channel))
    assert queries.room_of(here, now=now).used == 8 and queries.palette_of(here) == []
    put(here, post.public_id, post.version, _draft(" ".join(words[:9]), channel))
    assert queries.room_of(here, now=now).used == 9, "a correction counts what is new in it"
    with pytest.raises(LimitReached) as refused:
        put(here, ids.public_id(), composing.NEW, _draft(" ".join(words[8:11]), channel))
    assert refused.value.code == "limit_custom_emoji" and queries.room_of(here, now=now).used == 9
    put(here, ids.public_id(), composing.NEW, _draft(" ".join(words[8:10]), channel))
    assert queries.room_of(here, now=now).used == 10, "of a refused post nothing was counted"
    put(here, ids.public_id(), composing.NEW, _draft("plain 👍", channel))
    with pytest.raises(NotFound):
        palette.add(here, ["1"], user_id=poor.user.id, now=now)


def test_those_of_a_signature_are_counted_when_it_is_kept(poor: Owner) -> None:
    now = clock.utcnow()
    owned_channel(poor, "News", telegram_chat_id=-1001, now=now, bot_id=7)
    (ref,) = channels_of(poor.workspace.id)

    def keep(*numbers: int) -> None:
        words = " ".join(f"[👍](emoji:{n})" for n in numbers)
        rules = Typed([""] * 7, [], [], "0", words, "", is_protected=False)
        planning.save(poor.workspace.id, ref, rules, user_id=poor.user.id, now=now)

    keep(*range(1, 11))
    keep(1, 2)
    with pytest.raises(LimitReached):
        keep(1, 11)
    rules = planning.rules_of(poor.workspace.id, [ref])[ref.id]
    assert rules.signature.count("emoji:") == 2 and queries.room_of(poor.workspace.id, now=now).used == 10
