"""Messages to people: in order, in their language, not at night, within the budget, and never for ever."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from app.accounts.models import User
from app.accounts.service import people
from app.boot import Runtime
from app.core import db, retention
from app.core.errors import Upstream
from app.notices import jobs, service, texts
from tests.bot.wire import BOT_ID, FakeTelegram

NIGHT = datetime(2026, 3, 1, 20, 30, tzinfo=UTC)  # 01:30 in Tashkent
MORNING = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)  # 08:00 there


def _person(language: str = "en", *, chat: int | None = 501, now: datetime) -> User:
    return people.create_user(name="Aziza", language=language, timezone="Asia/Tashkent", telegram_user_id=chat, now=now)


def _queue(user: User, now: datetime, *, title: str = "News", key: str | None = None, is_urgent: bool = False) -> None:
    service.queue(
        "channel_connected",
        user=user,
        bot_id=BOT_ID,
        params={"title": title},
        dedupe_key=key,
        is_urgent=is_urgent,
        now=now,
    )


def _states() -> list[tuple[str, int, str | None]]:
    return [(s, a, e) for s, a, e in db.rows("SELECT state, attempts, error FROM notice ORDER BY id")]


def test_a_message_waits_for_the_morning_and_an_urgent_one_does_not(runtime: Runtime) -> None:
    person = _person(now=NIGHT)
    _queue(person, NIGHT)
    assert service.due(NIGHT + timedelta(hours=6)) == []
    assert [n.chat_id for n in service.due(MORNING)] == [501]
    other = _person(chat=502, now=NIGHT)
    _queue(other, NIGHT, is_urgent=True)
    assert [n.chat_id for n in service.due(NIGHT)] == [502]


@pytest.mark.parametrize(
    ("local", "waits"),
    [("22:59", "22:59"), ("23:00", "08:00"), ("07:59", "08:00"), ("08:00", "08:00"), ("12:00", "12:00")],
)
def test_the_edges_of_the_night(local: str, waits: str) -> None:
    now = datetime.fromisoformat(f"2026-03-01T{local}:00+05:00").astimezone(UTC)
    sent = service.after_quiet_hours(now, "Asia/Tashkent")
    assert f"{sent + timedelta(hours=5):%H:%M}" == waits and timedelta() <= sent - now < timedelta(hours=9, minutes=1)


def test_a_chat_hears_things_in_order_and_once(runtime: Runtime, now: datetime) -> None:
    person = _person(now=now)
    for title in ("First", "First", "Second"):
        _queue(person, now, title=title, key=title)
    line = FakeTelegram()
    (first,) = service.due(now)
    assert service.send(first, line, now=now)
    later = now + timedelta(seconds=5)
    (second,) = service.due(later)
    assert service.send(second, line, now=later) and service.due(later) == []
    assert [text for _, text in line.sent] == [
        f"“{t}” is connected. Its numbers start now." for t in ("First", "Second")
    ]


def test_nobody_without_telegram_is_written_to(runtime: Runtime, now: datetime) -> None:
    _queue(_person(chat=None, now=now), now)
    assert db.row("SELECT COUNT(*) FROM notice") == (0,)


def test_a_second_message_within_a_second_waits_for_the_chats_budget(runtime: Runtime, now: datetime) -> None:
    person, line = _person(now=now), FakeTelegram()
    _queue(person, now, title="First")
    _queue(person, now, title="Second")
    assert service.send(service.due(now)[0], line, now=now)
    assert not service.send(service.due(now)[0], line, now=now)
    assert len(line.sent) == 1 and service.due(now) == []
    assert service.send(service.due(now + timedelta(seconds=2))[0], line, now=now + timedelta(seconds=2))


def test_telegram_says_wait_and_the_whole_bot_waits(runtime: Runtime, now: datetime) -> None:
    line = FakeTelegram()
    line.failures["send_message"].append(Upstream("Too Many Requests", retry_after_s=30))
    for chat in (501, 502):
        _queue(_person(chat=chat, now=now), now)
    first, second = service.due(now)
    assert not service.send(first, line, now=now)
    assert not service.send(second, line, now=now + timedelta(seconds=10))
    assert line.sent == [] and _states()[0] == ("queued", 1, "Too Many Requests")
    calm = now + timedelta(seconds=31)
    assert [service.send(n, line, now=calm) for n in service.due(calm)] == [True, True]


def test_a_refusal_for_good_ends_a_message_and_the_next_one_goes_out(runtime: Runtime, now: datetime) -> None:
    person, line = _person(now=now), FakeTelegram()
    line.failures["send_message"].append(Upstream("bot was blocked by the user", permanent=True))
    _queue(person, now, title="First")
    _queue(person, now, title="Second")
    assert not service.send(service.due(now)[0], line, now=now)
    assert _states()[0] == ("failed", 1, "bot was blocked by the user")
    later = now + timedelta(seconds=5)
    assert service.send(service.due(later)[0], line, now=later)
    assert [text for _, text in line.sent] == ["“Second” is connected. Its numbers start now."]


def test_a_message_is_given_up_after_six_attempts_ever_further_apart(runtime: Runtime, now: datetime) -> None:
    line, moments = FakeTelegram(), []
    line.failures["send_message"] += [Upstream("no answer")] * 6
    _queue(_person(now=now), now)
    at = now
    for _ in range(6):
        (notice,) = service.due(at)
        assert not service.send(notice, line, now=at)
        moments.append(at)
        found = db.row("SELECT not_before FROM notice")
        assert found is not None
        at = db.moment(found[0])
    waits = [(b - a).total_seconds() for a, b in zip(moments, moments[1:], strict=False)]
    assert waits == sorted(waits) and waits[0] < waits[-1]
    assert _states() == [("failed", 6, "no answer")] and service.due(at + timedelta(days=1)) == []


def test_what_nothing_can_send_says_why(runtime: Runtime, now: datetime) -> None:
    _queue(_person(now=now), now)
    (notice,) = service.due(now)
    service.give_up(notice, "the bot is gone", now=now)
    assert _states() == [("failed", 0, "the bot is gone")]


@pytest.mark.parametrize("language", ["en", "ru", "uz"])
def test_every_text_speaks_every_language_with_the_same_blanks(language: str) -> None:
    params = {
        "name": "Aziza",
        "title": "News",
        "reason": "no",
        "rights": "post",
        "link": "https://a.uz/login",
        "count": "3",
    }
    params |= {"add_url": "https://t.me/bot", "words": "Hello", "channels": "News", "when": "at once", "comment": "Why"}
    params |= {"archive": "News", "out": "7", "total": "9", "failed": "2"}
    params |= {"gateway": "Payme", "plan": "Pro", "amount": "UZS 125,000", "day": "1 Dec 2026"}
    told = {key: texts.render(key, params, language) for key in texts.TEMPLATES - {"answer"}}
    assert all("%" not in text and text for text in told.values())
    for key, text in told.items():
        english = texts.render(key, params, "en")
        assert all((value in text) == (value in english) for value in ("Aziza", "News", "https://"))
        assert (text == english) == (language == "en")
        assert texts.render(key, params, "de") == english


def test_sent_messages_are_forgotten_after_ninety_days_and_waiting_ones_are_not(
    runtime: Runtime, now: datetime
) -> None:
    person, line = _person(now=now), FakeTelegram()
    _queue(person, now, title="Sent")
    assert service.send(service.due(now)[0], line, now=now)
    _queue(person, now, title="Waiting")
    assert retention.sweep(jobs.KEPT, now=now + timedelta(days=89)) == {}
    assert retention.sweep(jobs.KEPT, now=now + timedelta(days=91)) == {"notice": 1}
    assert [state for state, *_ in _states()] == ["queued"]
