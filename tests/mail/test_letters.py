"""Letters are queued once, sent once, tried again for days, and never lost. Against a real server on loopback."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.boot import Runtime, boot
from app.core import db, outbox, retention
from app.core.errors import Upstream
from app.core.settings import Settings
from app.mail import jobs, service
from app.mail.post import Outgoing, Unmailable
from tests.billing.buying import at_once
from tests.conftest import NOW
from tests.mail.server import Mailbox
from workflows.contracts import LETTERS_TOPIC

SECOND, MINUTE, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(days=1)  # a try itself takes its time


def _queue(key: str = "due:1", *, to: str = "aziza@bobur.example", subject: str = "Plan", workspace: int = 1) -> bool:
    return service.queue(workspace, key, to=to, subject=subject, body=f"Pay for {key}", now=NOW)


def _send(runtime: Runtime, now: datetime = NOW) -> dict[str, int]:
    assert runtime.post is not None
    return service.send_due(runtime.post, now=now)


def _rows() -> list[tuple[Any, ...]]:
    return db.rows("SELECT key, state, tries, error FROM letter ORDER BY id")


def test_the_same_key_twice_is_one_letter_and_wakes_its_sender_once(runtime: Runtime, mailbox: Mailbox) -> None:
    assert [_queue(), _queue(to="other@bobur.example"), _queue("due:2")] == [True, False, True]
    assert [(row.topic, row.key) for row in outbox.due(NOW)] == [(LETTERS_TOPIC, "due")]
    assert _send(runtime) == {"sent": 2} and _send(runtime) == {}
    assert [str(letter["To"]) for letter in mailbox.letters] == ["aziza@bobur.example"] * 2
    assert mailbox.ids == ["<due.1@analytic.example>", "<due.2@analytic.example>"]
    assert service.next_at() is None and _queue() is False, "a letter that was sent is not sent again"


def test_a_change_that_is_rolled_back_takes_its_letter_along(runtime: Runtime) -> None:
    with pytest.raises(RuntimeError), db.write():
        _queue()
        raise RuntimeError
    assert _rows() == [] and outbox.due(NOW) == []


@pytest.mark.parametrize("is_guarded", [True, False])
def test_two_senders_at_once_send_a_letter_once(
    runtime: Runtime, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch, is_guarded: bool
) -> None:
    """And without the comparison in the claim they send it twice, so the test would see the harm."""
    _queue()
    both, seen = threading.Barrier(2), service._due

    def seen_by_both(now: datetime, most: int) -> list[tuple[int, int]]:
        found = seen(now, most)
        both.wait(10)
        return found

    def careless(letter_id: int, tries: int, now: datetime) -> Any:
        with db.write():
            db.execute("UPDATE letter SET tries = tries + 1 WHERE id = ?", letter_id)
            return service._read(letter_id)

    monkeypatch.setattr(service, "_due", seen_by_both)
    if not is_guarded:
        monkeypatch.setattr(service, "_claim", careless)
    told = at_once([lambda: _send(runtime)] * 2)
    assert len(mailbox.letters) == (1 if is_guarded else 2)
    assert len(set(mailbox.ids)) == 1, "copies can be recognised"
    if is_guarded:
        assert sorted(told, key=len) == [{}, {"sent": 1}] and _rows() == [("due:1", "sent", 1, None)]


def test_a_letter_is_sent_outside_of_any_transaction_and_held_by_its_sender(runtime: Runtime) -> None:
    _queue()
    seen: list[tuple[int, list[tuple[Any, ...]], dict[str, int]]] = []

    class Looking:
        def send(self, letter: Outgoing, *, now: datetime) -> None:
            inside = db._local.depth
            seen.append((inside, _rows(), service.send_due(self, now=now)))

    assert service.send_due(Looking(), now=NOW) == {"sent": 1}
    assert seen == [(0, [("due:1", "queued", 1, None)], {})]


def test_a_sender_that_died_leaves_its_letter_to_the_next(runtime: Runtime, mailbox: Mailbox) -> None:
    _queue()

    class Dying:
        def send(self, letter: Outgoing, *, now: datetime) -> None:
            assert runtime.post is not None
            runtime.post.send(letter, now=now)
            raise SystemExit  # taken by the server, and we did not live to write it down

    with pytest.raises(SystemExit):
        service.send_due(Dying(), now=NOW)
    assert _send(runtime, NOW + 9 * MINUTE) == {} and _send(runtime, NOW + 11 * MINUTE) == {"sent": 1}
    assert mailbox.ids == ["<due.1@analytic.example>"] * 2, "twice rather than never, and the copies say that they are"


def test_what_is_put_off_is_tried_again_later_and_nothing_is_lost(runtime: Runtime, mailbox: Mailbox) -> None:
    for number in range(5):
        _queue(f"due:{number}", to=f"later{number}.aziza@bobur.example")
    waits, now = [], NOW
    assert _send(runtime) == {"sent": 1, "queued": 4}
    assert {row[3] for row in _rows()} == {None, "451 4.7.1 Greylisted, try again"}
    while (at := service.next_at()) is not None:
        waits.append(at - now)
        assert _send(runtime, at - timedelta(milliseconds=1)) == {}, "not before its time"
        now = at + SECOND
        _send(runtime, now)
    assert [round(wait / MINUTE) for wait in waits] == [1, 5, 15, 60], "ever less often"
    assert sorted(mailbox.ids) == [f"<due.{number}@analytic.example>" for number in range(5)]
    assert [row[1:] for row in _rows()] == [("sent", number + 1, None) for number in range(5)]


def test_a_server_that_is_away_costs_no_letter(runtime: Runtime, mailbox: Mailbox) -> None:
    mailbox.stop()
    for number in range(3):
        _queue(f"due:{number}")
    assert _send(runtime) == {"queued": 3}
    assert all(str(row[3]).startswith("ConnectionRefusedError") for row in _rows())
    with Mailbox(mailbox.port) as back:
        assert _send(runtime, NOW + MINUTE + SECOND) == {"sent": 3} and len(set(back.ids)) == 3


def test_after_three_days_of_trying_a_letter_has_failed_with_its_last_reason(runtime: Runtime) -> None:
    _queue(to="later99.aziza@bobur.example")
    while (at := service.next_at()) is not None:
        last = at
        _send(runtime, at)
    assert [row[1::2] for row in _rows()] == [("failed", "451 4.7.1 Greylisted, try again")]
    assert 2 * DAY < last - NOW <= 3 * DAY and 8 <= _rows()[0][2] <= 15


def test_a_turn_that_grows_long_ends_and_leaves_the_rest_to_the_next(
    runtime: Runtime, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    _queue("due:1"), _queue("due:2")
    assert runtime.post is not None and service.send_due(runtime.post, now=NOW, most=1) == {"sent": 1}
    monkeypatch.setattr(service, "_LONGEST_TURN_S", -1)
    assert _send(runtime) == {} and service.next_at() == NOW


@pytest.mark.parametrize(
    ("to", "reason"),
    [
        ("gone@bobur.example", "550 5.1.1 <gone@bobur.example>: no such mailbox"),
        ("spam@bobur.example", "554 5.7.1 We do not like this"),
    ],
)
def test_what_is_refused_for_good_has_failed_with_the_servers_reason(
    runtime: Runtime, mailbox: Mailbox, to: str, reason: str
) -> None:
    _queue("due:1", to=to), _queue("due:2")
    assert _send(runtime) == {"failed": 1, "sent": 1}
    assert _rows() == [("due:1", "failed", 1, reason), ("due:2", "sent", 1, None)]
    assert _send(runtime, NOW + DAY) == {} and len(mailbox.letters) == 1


def test_an_answer_that_was_lost_brings_a_copy_and_no_silence(runtime: Runtime, mailbox: Mailbox) -> None:
    _queue(to="lost@bobur.example")
    assert _send(runtime) == {"queued": 1} and _send(runtime, NOW + MINUTE + SECOND) == {"sent": 1}
    assert mailbox.ids == ["<due.1@analytic.example>"] * 2


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r", "\x0b", "\x0c", "\x1e", "\x85", "\u2028", "\u2029", "\0"])
def test_no_header_can_be_put_into_an_address_or_a_subject(runtime: Runtime, mailbox: Mailbox, end: str) -> None:
    planted = f"{end}Bcc: eve@evil.example"
    for wrong in ({"to": f"a@b.example{planted}"}, {"to": f"a{end}@b.example"}, {"subject": f"Plan{planted}"}):
        with pytest.raises(Unmailable):
            _queue(**wrong)
    for letter in (Outgoing("k", f"a@b.example{planted}", "s", "b"), Outgoing("k", "a@b.example", f"s{planted}", "b")):
        with pytest.raises(Unmailable):
            assert runtime.post is not None
            runtime.post.send(letter, now=NOW)
    assert _rows() == [] and mailbox.letters == []


@pytest.mark.parametrize(
    "to", ["", "a", "a@b@c.uz", "a@b.uz, c@d.uz", "<a@b.uz>", "A <a@b.uz>", "a@b.uz;c@d.uz", "@b.uz"]
)
def test_an_address_is_one_address(runtime: Runtime, to: str) -> None:
    with pytest.raises(Unmailable):
        _queue(to=to)


@pytest.mark.parametrize("key", ["", "a b", "a@b", "a>b", "к", "k" * 129, "a\n"])
def test_a_key_can_stand_in_a_message_id(runtime: Runtime, key: str) -> None:
    with pytest.raises(Unmailable):
        _queue(key)


def test_a_row_that_was_changed_past_us_fails_alone(runtime: Runtime, mailbox: Mailbox) -> None:
    _queue("due:1"), _queue("due:2")
    db.execute("UPDATE letter SET address = ? WHERE key = 'due:1'", "a@b.example\nBcc: eve@evil.example")
    assert _send(runtime) == {"failed": 1, "sent": 1}
    assert _rows()[0] == ("due:1", "failed", 1, "this is not one address") and len(mailbox.letters) == 1


def test_without_a_mail_server_nothing_is_queued(database_url: str, tmp_path: Path) -> None:
    settings = Settings(database_url=database_url, data_dir=tmp_path, demo=True, _env_file=None)  # type: ignore[call-arg]
    booted = boot("worker", settings)
    assert booted.post is None and not service.is_set_up()
    assert _queue() is False and _rows() == [] and outbox.due(NOW) == []


@pytest.mark.parametrize("role", ["web", "jobs", "bot", "cli"])
def test_only_the_worker_sends(runtime: Runtime, mailbox: Mailbox, role: str) -> None:
    other = boot(role, runtime.settings)
    assert _queue(), "everybody may queue"
    with pytest.raises(RuntimeError, match="worker alone"):
        _send(other)
    assert mailbox.letters == []


def test_erasing_blanks_and_what_waits_is_not_sent(runtime: Runtime, mailbox: Mailbox) -> None:
    _queue("due:1"), _queue("due:2", to="gone@bobur.example"), _queue("due:9", workspace=2)
    _send(runtime)
    _queue("due:3")
    for _ in range(2):
        service.erase(1)
    assert db.rows("SELECT DISTINCT address, subject, body, language, error FROM letter WHERE workspace_id = 1") == [
        ("", "", "", "", None)
    ]
    assert [row[:2] for row in _rows()] == [
        ("due:1", "sent"),
        ("due:2", "failed"),
        ("due:9", "sent"),
        ("due:3", "dropped"),
    ]
    assert _send(runtime, NOW + DAY) == {} and not _queue("due:3")
    assert db.row("SELECT address FROM letter WHERE workspace_id = 2") == ("aziza@bobur.example",)


def test_a_letter_erased_while_it_is_sent_stays_blank(runtime: Runtime) -> None:
    _queue("due:1")

    class Erased:
        def send(self, letter: Outgoing, *, now: datetime) -> None:
            service.erase(1)
            raise Upstream(f"550 no {letter.address}", permanent=True)

    service.send_due(Erased(), now=NOW)
    assert db.rows("SELECT state, address, error FROM letter") == [("dropped", "", None)]


def test_letters_are_forgotten_ninety_days_after(runtime: Runtime) -> None:
    _queue("due:1"), _queue("due:2", to="gone@bobur.example"), _queue("due:3", to="later9.a@bobur.example")
    _send(runtime)
    assert retention.sweep(jobs.KEPT, now=NOW + 90 * DAY) == {}
    assert retention.sweep(jobs.KEPT, now=NOW + 91 * DAY) == {"letter": 2}
    assert [row[:2] for row in _rows()] == [("due:3", "queued")], "what waits is never forgotten"
