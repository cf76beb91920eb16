"""Faults, kill -9, and signed Mini App data."""

import json
import time
from pathlib import Path

import httpx
import pytest
from aiogram.utils.web_app import check_webapp_signature, safe_parse_webapp_init_data

from tests.simulator.process import OWNER_ID, TOKEN, SimulatorProcess


def test_an_accepted_call_whose_answer_is_lost_is_in_the_journal(sim: SimulatorProcess) -> None:
    sim.control("faults", method="sendMessage", kind="reset_after_accept", times=1)
    with pytest.raises(httpx.TransportError):
        sim.api("sendMessage", chat_id="@news", text="lost answer")
    assert [post["text"] for post in sim.channel("news")["posts"]] == ["lost answer"]
    last = sim.journal()[-1]
    assert (last["method"], last["result"]["text"]) == ("sendMessage", "lost answer")


def test_500_is_not_accepted_and_faults_end(sim: SimulatorProcess) -> None:
    sim.control("faults", method="*", kind="500", times=2)
    assert [sim.api("sendMessage", chat_id="@news", text="x")["ok"] for _ in range(3)] == [False, False, True]
    sim.control("faults", method="*", kind="429", times=9)
    sim.control("faults/clear")
    assert sim.api("getMe")["ok"]
    assert len(sim.channel("news")["posts"]) == 1


def test_a_timeout_keeps_the_caller_waiting(sim: SimulatorProcess) -> None:
    sim.control("faults", method="getMe", kind="timeout", times=1)
    with pytest.raises(httpx.TimeoutException):
        httpx.get(f"{sim.url}/bot{TOKEN}/getMe", timeout=0.5)
    assert sim.api("getMe")["ok"]


def test_a_connection_reset_before_acceptance_does_nothing(sim: SimulatorProcess) -> None:
    sim.control("faults", method="sendMessage", kind="reset_before_accept", times=1)
    with pytest.raises(httpx.TransportError):
        sim.api("sendMessage", chat_id="@news", text="never seen")
    assert sim.channel("news")["posts"] == []
    last = sim.journal()[-1]
    assert (last["method"], last["refused"]["code"], "result" in last) == ("sendMessage", 0, False)


def test_a_slow_answer_comes_late_but_its_effect_at_once(sim: SimulatorProcess) -> None:
    sim.control("faults", method="sendMessage", kind="slow", times=1, delay_s=5)
    with pytest.raises(httpx.TimeoutException):
        httpx.post(f"{sim.url}/bot{TOKEN}/sendMessage", json={"chat_id": "@news", "text": "late"}, timeout=0.5)
    assert [post["text"] for post in sim.channel("news")["posts"]] == ["late"]
    started = time.monotonic()
    sim.control("faults", method="sendMessage", kind="slow", times=1, delay_s=0.3)
    assert sim.api("sendMessage", chat_id="@news", text="later")["ok"] and time.monotonic() - started >= 0.3


def test_a_fault_may_hit_a_share_of_the_requests(sim: SimulatorProcess) -> None:
    sim.control("faults", method="getMe", kind="500", times=10**6, share=0.3)
    failed = sum(not sim.api("getMe")["ok"] for _ in range(200))
    assert 40 <= failed <= 80
    with pytest.raises(AssertionError, match="share"):
        sim.control("faults", kind="500", share=0)


def test_refused_messages_are_journaled_with_the_reason_and_the_millisecond(sim: SimulatorProcess) -> None:
    before = int(time.time() * 1000)
    sim.api("sendMessage", chat_id="@news", text=" ")
    sim.control("faults", method="sendMessage", kind="429", times=1, retry_after=7)
    sim.api("sendMessage", chat_id="@news", text="x")
    sim.api("sendMessage", chat_id="@news", text="x")
    empty, limited, sent = sim.journal()[-3:]
    assert empty["refused"] == {"code": 400, "description": "Bad Request: message text is empty"}
    assert limited["refused"] == {
        "code": 429,
        "description": "Too Many Requests: retry after 7",
        "retry_after": 7,
    }
    assert "result" not in limited and "refused" not in sent
    assert before <= empty["at_ms"] <= limited["at_ms"] <= sent["at_ms"] <= int(time.time() * 1000)


def test_preview_faults(sim: SimulatorProcess) -> None:
    sim.control("post", chat="news", text="x")
    for kind, status in (("preview_500", 500), ("preview_429", 429)):
        sim.control("faults", kind=kind, times=1)
        assert sim.get("/s/news").status_code == status
    sim.control("faults", kind="preview_layout_changed", times=1)
    assert "tgme_widget_message_views" not in sim.get("/s/news").text
    assert "tgme_widget_message_views" in sim.get("/s/news").text


def test_kill_9_loses_nothing(sim: SimulatorProcess) -> None:
    sim.api("sendMessage", chat_id="@news", text="kept")
    sim.control("burst", chat="news", updates=200)
    sim.control("clock", advance_s=3600)
    before, journal = sim.state_now(), sim.journal()
    pending = sim.api("getUpdates")["result"]
    sim.kill()
    lines = (sim.state / "journal.jsonl").read_text().splitlines()
    assert [json.loads(line)["seq"] for line in lines] == list(range(1, len(journal) + 2))
    with (sim.state / "journal.jsonl").open("a") as file:
        file.write('{"seq": 99, "torn')  # a line cut off by the crash
    sim.start()
    after = sim.state_now()
    assert after["channels"] == before["channels"]
    assert sim.api("getUpdates")["result"] == pending
    assert len((sim.state / "journal.jsonl").read_text().splitlines()) == len(journal) + 2
    assert after["now"] >= before["now"]


def test_after_kill_9_updates_go_on_where_they_ended(sim: SimulatorProcess) -> None:
    """No number is given twice or left out, and new people come: not those whom the seed's dice named before."""
    sim.api("getUpdates", allowed_updates=["chat_member"])
    for _ in range(3):
        sim.control("burst", chat="news", updates=8)
        sim.kill()
        sim.start()
    sim.control("burst", chat="news", updates=8)
    waiting = sim.api("getUpdates")["result"]
    assert len(waiting) == 4 * 2
    first = waiting[0]["update_id"]
    assert [update["update_id"] for update in waiting] == list(range(first, first + len(waiting)))
    joined = {update["chat_member"]["new_chat_member"]["user"]["id"] for update in waiting}
    assert len(joined) == len(waiting)
    assert sim.state_now()["bots"][0]["next_update_id"] == first + len(waiting)


def test_a_burst_of_2000_updates_is_all_there(sim: SimulatorProcess) -> None:
    sim.api(
        "getUpdates", allowed_updates=["channel_post", "edited_channel_post", "message_reaction_count", "chat_member"]
    )
    sim.control("burst", chat="news", updates=2000)
    assert sim.state_now()["pending_updates"][TOKEN.split(":")[0]] == 2000


def test_init_data_is_signed_as_telegram_signs_it(sim: SimulatorProcess) -> None:
    data = sim.control("init_data", user_id=OWNER_ID, start_param="ref1")["init_data"]
    parsed = safe_parse_webapp_init_data(TOKEN, data)
    assert parsed.user is not None and parsed.user.id == OWNER_ID and parsed.start_param == "ref1"
    assert not check_webapp_signature("2:other", data)
    again = sim.control("init_data", user_id=OWNER_ID, start_param="ref1", auth_date=parsed.auth_date.isoformat())
    assert again["init_data"] != data, "two launches of one second are two launches"


def test_it_ends_cleanly_on_sigterm(tmp_path: Path) -> None:
    simulator = SimulatorProcess(tmp_path / "s").start()
    assert simulator.stop() == 0
