"""Sending by plain HTTP, against the simulator: what is composed is what arrives, and each failure says what is known."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from PIL import Image

from app.core.errors import Upstream
from app.telegram.outgoing import Outgoing, OutgoingMedia, OutgoingPoll, UrlButton
from app.telegram.port import NO_ANSWER, NOT_SENT, REFUSED, RETRY_AFTER
from app.telegram.publisher import HttpPublisher
from tests.simulator.process import OWNER_ID, TOKEN, SimulatorProcess

BUTTONS = ((UrlButton("Read", "https://example.com/a"), UrlButton("Buy", "https://example.com/b")),)


@pytest.fixture(scope="module")
def sim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatorProcess]:
    with SimulatorProcess(tmp_path_factory.mktemp("sim")) as process:
        process.http.timeout = httpx.Timeout(120)
        process.api("getMe")  # it loads its types first, which takes longer than a post may wait
        process.control("users", id=OWNER_ID, first_name="Owner")
        process.control("channels", count=2, owner_id=OWNER_ID)
        yield process


@pytest.fixture
def line(sim: SimulatorProcess) -> HttpPublisher:
    return HttpPublisher(TOKEN, sim.url)


@pytest.fixture
def chat(sim: SimulatorProcess) -> int:
    return int(sim.state_now()["channels"][0]["chat_id"])


@pytest.fixture
def photo(tmp_path: Path) -> OutgoingMedia:
    Image.new("RGB", (64, 48), "red").save(tmp_path / "a.png")
    return OutgoingMedia("photo", path=str(tmp_path / "a.png"), name="a.png")


def _journal(sim: SimulatorProcess) -> dict[str, object]:
    return dict(sim.journal()[-1]["params"])


def test_a_text_arrives_as_composed_with_its_options(line: HttpPublisher, sim: SimulatorProcess, chat: int) -> None:
    what = Outgoing(
        "message",
        "👋 Hello https://example.com",
        ({"type": "bold", "offset": 3, "length": 5},),
        buttons=BUTTONS,
        is_silent=True,
        is_protected=True,
        preview="large",
        preview_above=True,
    )
    (sent,) = line.send(chat, what)
    told = _journal(sim)
    assert (sent.text, [dict(e) for e in sent.entities][0]) == (what.text, dict(what.entities[0]))
    assert told["link_preview_options"] == {"prefer_large_media": True, "show_above_text": True}
    assert (told["disable_notification"], told["protect_content"]) == (True, True)
    assert told["reply_markup"] == {"inline_keyboard": [[{"text": b.text, "url": b.url} for b in BUTTONS[0]]]}


def test_a_file_goes_up_once_and_then_by_its_id(line: HttpPublisher, chat: int, photo: OutgoingMedia) -> None:
    (first,) = line.send(chat, Outgoing("photo", "Caption", media=(photo,), buttons=BUTTONS))
    assert first.file_id and first.media == "photo" and first.text == "Caption"
    (again,) = line.send(chat, Outgoing("photo", "Again", media=(OutgoingMedia("photo", file_id=first.file_id),)))
    assert again.file_unique_id == first.file_unique_id


def test_an_album_is_one_call_and_several_messages(line: HttpPublisher, chat: int, photo: OutgoingMedia) -> None:
    (known,) = line.send(chat, Outgoing("photo", media=(photo,)))
    both = (photo, OutgoingMedia("photo", file_id=known.file_id, has_spoiler=True))
    sent = line.send(chat, Outgoing("album", "Two", media=both))
    assert [s.text for s in sent] == ["Two", ""] and len({s.album_id for s in sent}) == 1
    assert sent[1].message_id == sent[0].message_id + 1


def test_a_quiz_arrives_with_its_answer(line: HttpPublisher, sim: SimulatorProcess, chat: int) -> None:
    quiz = OutgoingPoll("Which?", ("a", "b"), correct=1, explanation="since")
    (sent,) = line.send(chat, Outgoing("poll", poll=quiz, buttons=BUTTONS))
    assert sent.media == "poll"
    assert (_journal(sim)["type"], _journal(sim)["explanation"]) == ("quiz", "since")


def test_edit_pin_and_delete_may_be_done_twice(line: HttpPublisher, sim: SimulatorProcess, chat: int) -> None:
    (sent,) = line.send(chat, Outgoing("message", "first"))
    for _ in range(2):
        line.edit(chat, sent.message_id, Outgoing("message", "second", buttons=BUTTONS))
    line.pin(chat, sent.message_id, is_silent=True)
    line.unpin(chat, sent.message_id)
    for _ in range(2):
        line.delete_messages(chat, [sent.message_id])
    with pytest.raises(Upstream) as caught:
        line.edit(chat, sent.message_id, Outgoing("message", "third"))
    assert caught.value.permanent


def test_forwarding_shows_what_a_message_holds(line: HttpPublisher, sim: SimulatorProcess, chat: int) -> None:
    storage = int(sim.state_now()["channels"][1]["chat_id"])
    (sent,) = line.send(chat, Outgoing("message", "to be looked at"))
    copy = line.forward(chat, sent.message_id, to_chat_id=storage)
    assert copy is not None and copy.text == "to be looked at"
    assert line.forward(chat, sent.message_id + 50, to_chat_id=storage) is None


@pytest.mark.parametrize(
    ("kind", "code", "is_taken"),
    [
        ("429", RETRY_AFTER, False),
        ("500", NO_ANSWER, False),
        ("reset_before_accept", NO_ANSWER, False),
        ("reset_after_accept", NO_ANSWER, True),
    ],
)
def test_a_failure_says_what_is_known(
    kind: str, code: str, is_taken: bool, line: HttpPublisher, sim: SimulatorProcess, chat: int
) -> None:
    before = len([entry for entry in sim.journal() if "refused" not in entry])
    sim.control("faults", kind=kind, method="sendMessage", times=1, retry_after=7)
    with pytest.raises(Upstream) as caught:
        line.send(chat, Outgoing("message", f"through {kind}"))
    assert (caught.value.code, caught.value.permanent) == (code, False)
    assert caught.value.retry_after_s == (7.0 if code == RETRY_AFTER else None)
    after = len([entry for entry in sim.journal() if "refused" not in entry])
    assert after - before == int(is_taken)


def test_what_telegram_refuses_is_told_in_its_words(line: HttpPublisher, chat: int) -> None:
    with pytest.raises(Upstream, match="message is too long") as caught:
        line.send(chat, Outgoing("message", "x" * 4097))
    assert (caught.value.code, caught.value.permanent) == (REFUSED, True)


def test_a_refused_connection_proves_that_nothing_was_sent() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(Upstream) as caught:
        HttpPublisher(TOKEN, f"http://127.0.0.1:{port}").send(-1, Outgoing("message", "Hello"))
    assert caught.value.code == NOT_SENT
