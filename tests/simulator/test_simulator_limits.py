"""Telegram's limits on sending, and what the simulator bears."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.simulator.process import OWNER_ID, TOKEN, SimulatorProcess
from tests.simulator.test_simulator_contract import with_bot
from tests.simulator.test_simulator_media import photo


@pytest.fixture
def chats(sim: SimulatorProcess) -> Iterator[list[int]]:
    yield list(sim.control("channels", count=40, owner=OWNER_ID)["chat_ids"])
    sim.control("limits", on=False)


def wait(sim: SimulatorProcess, chat: object, method: str = "sendMessage", **params: Any) -> int:
    """The retry_after of a request; 0 when it was accepted."""
    answer = sim.api(method, chat_id=chat, **params or {"text": "x"})
    return int(answer.get("parameters", {}).get("retry_after", 0)) if not answer["ok"] else 0


def violations(sim: SimulatorProcess) -> int:
    return int(sim.state_now()["limits"]["violations"])


def test_no_limit_unless_it_is_switched_on(sim: SimulatorProcess, chats: list[int]) -> None:
    assert [wait(sim, chats[0]) for _ in range(40)] == [0] * 40


def test_a_bot_may_send_so_many_a_second(sim: SimulatorProcess, chats: list[int]) -> None:
    sim.control("limits", on=True, per_bot_s=8)
    answers = [wait(sim, chat) for chat in chats[:12]]
    assert answers == [0] * 8 + [1] * 4
    assert violations(sim) == 3, "the first refusal is none, the three that came before its end are"
    assert sim.api("getMe")["ok"], "reading is not limited"
    time.sleep(1.05)
    assert wait(sim, chats[12]) == 0 and violations(sim) == 3
    refused = [entry for entry in sim.journal() if "refused" in entry]
    assert [entry["refused"]["retry_after"] for entry in refused] == [1] * 4


def test_a_chat_takes_a_burst_of_three_and_then_one_a_second(sim: SimulatorProcess, chats: list[int]) -> None:
    sim.control("limits", on=True)
    assert [wait(sim, chats[0]) for _ in range(4)] == [0, 0, 0, 1]
    assert wait(sim, chats[1]) == 0, "other chats are free"
    time.sleep(1.05)
    assert wait(sim, chats[0]) == 0 and violations(sim) == 0
    assert wait(sim, chats[0]) == 1, "after the burst each second frees one"


def test_a_channel_takes_so_many_a_minute(sim: SimulatorProcess, chats: list[int]) -> None:
    sim.control("limits", on=True, per_chat_s=1000, per_channel_min=5)
    answers = [wait(sim, chats[0]) for _ in range(6)]
    assert answers[:5] == [0] * 5 and 55 <= answers[5] <= 60
    sim.control("message", user_id=OWNER_ID, text="/start")
    assert [wait(sim, OWNER_ID) for _ in range(7)] == [0] * 7, "a person's chat has no such limit"


def test_an_album_counts_once_and_edits_do_not(sim: SimulatorProcess, chats: list[int]) -> None:
    file_id = with_bot(sim, lambda bot: bot.send_photo(chats[0], photo())).photo[-1].file_id
    sim.control("limits", on=True, per_bot_s=2)
    album = [{"type": "photo", "media": file_id}] * 10
    assert wait(sim, chats[1], "sendMediaGroup", media=album) == 0
    assert wait(sim, chats[1], "editMessageCaption", message_id=1, caption="x") == 0
    assert wait(sim, chats[2], "copyMessage", from_chat_id=chats[0], message_id=1) == 0
    assert wait(sim, chats[3], "forwardMessage", from_chat_id=chats[0], message_id=1) == 1


def test_an_injected_retry_after_binds_the_bot_too(sim: SimulatorProcess, chats: list[int]) -> None:
    sim.control("limits", on=True)
    sim.control("faults", method="sendMessage", kind="429", retry_after=30)
    assert wait(sim, chats[0]) == 30
    assert 29 <= wait(sim, chats[1]) <= 30 and violations(sim) == 1


def test_limits_from_the_command_line_hold_after_a_reset(tmp_path: Path) -> None:
    with SimulatorProcess(tmp_path, "--limits") as sim:
        assert sim.state_now()["limits"]["on"] is True
        sim.control("limits", on=False)
        sim.control("reset")
        assert sim.state_now()["limits"] == {
            "on": True,
            "per_bot_s": 30,
            "per_chat_s": 1.0,
            "per_channel_min": 20,
            "violations": 0,
            "refusals": 0,
        }


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_a_message_costs_the_same_among_many(sim: SimulatorProcess) -> None:
    """150 a second need 6.7 ms each; processor time is measured, since other programs share the machine."""
    assert sim.process is not None
    chats = sim.control("channels", count=500, owner=OWNER_ID, public=False)["chat_ids"]
    sim.control("post", chat=chats[0], text="x", count=5000)
    assert sim.api("getMe", token=TOKEN)["ok"]
    started = cpu_s(sim.process.pid)
    for _ in range(150):
        assert wait(sim, chats[0]) == 0
    assert (cpu_s(sim.process.pid) - started) / 150 < 0.005
