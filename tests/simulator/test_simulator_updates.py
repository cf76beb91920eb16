"""Update delivery: filters, confirmation, long poll, webhooks."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.simulator.process import OWNER_ID, SimulatorProcess

ALL = ["channel_post", "edited_channel_post", "chat_member", "my_chat_member", "message_reaction_count", "message"]


def kinds(sim: SimulatorProcess, **params: Any) -> list[str]:
    updates = sim.api("getUpdates", **params)["result"]
    return [next(key for key in update if key != "update_id") for update in updates]


def something_of_everything(sim: SimulatorProcess) -> int:
    message_id = int(sim.control("post", chat="news", text="one")["message_ids"][0])
    sim.control("edit", chat="news", message_id=message_id, text="two")
    sim.control("react", chat="news", message_id=message_id, reactions=[{"emoji": "👍", "count": 3}])
    sim.control("join", chat="news")
    return message_id


def test_members_and_reactions_come_only_when_asked_for(sim: SimulatorProcess) -> None:
    something_of_everything(sim)
    assert kinds(sim, allowed_updates=ALL) == ["channel_post", "edited_channel_post"]
    something_of_everything(sim)
    # The list was set by the call above, and an omitted list keeps it.
    assert kinds(sim)[2:] == ["channel_post", "edited_channel_post", "message_reaction_count", "chat_member"]
    sim.api("getUpdates", allowed_updates=[], offset=2**40)
    something_of_everything(sim)
    assert kinds(sim) == ["channel_post", "edited_channel_post"]


def test_an_offset_confirms_what_is_below_it(sim: SimulatorProcess) -> None:
    sim.control("post", chat="news", text="x", count=3)
    first = [update["update_id"] for update in sim.api("getUpdates")["result"]]
    assert [update["update_id"] for update in sim.api("getUpdates", limit=2)["result"]] == first[:2]
    assert [update["update_id"] for update in sim.api("getUpdates", offset=first[1])["result"]] == first[1:]
    assert [update["update_id"] for update in sim.api("getUpdates", offset=-1)["result"]] == first[2:]
    assert sim.api("getUpdates", offset=first[2] + 1)["result"] == []


def test_a_long_poll_returns_when_something_happens(sim: SimulatorProcess) -> None:
    threading.Timer(0.4, lambda: sim.control("post", chat="news", text="now")).start()
    started = time.monotonic()
    assert kinds(sim, timeout=10) == ["channel_post"]
    assert 0.2 < time.monotonic() - started < 5


def test_a_bot_hears_nothing_of_its_own_posts(sim: SimulatorProcess) -> None:
    assert sim.api("sendMessage", chat_id="@news", text="mine")["result"]["message_id"] == 1
    assert kinds(sim) == []


def test_updates_expire_after_a_day(sim: SimulatorProcess) -> None:
    sim.control("post", chat="news", text="old")
    sim.control("clock", advance_s=24 * 3600 + 5)
    assert kinds(sim) == []


def test_rights_and_removal_are_told_to_the_bot(sim: SimulatorProcess) -> None:
    sim.control("rights", chat="news", rights={"can_invite_users": False})
    sim.control("remove_bot", chat="news", user_id=OWNER_ID)
    first, second = (update["my_chat_member"] for update in sim.api("getUpdates")["result"])
    assert first["new_chat_member"]["can_invite_users"] is False
    assert (second["from"]["id"], second["new_chat_member"]["status"]) == (OWNER_ID, "kicked")


def test_a_join_by_a_link_names_the_link(sim: SimulatorProcess) -> None:
    sim.api("getUpdates", allowed_updates=ALL)
    link = sim.api("createChatInviteLink", chat_id="@news", name="ad-1")["result"]["invite_link"]
    before = sim.channel("news")["subscribers"]
    user_id = sim.control("join", chat="news", invite_link=link)["user_id"]
    assert sim.channel("news")["subscribers"] == before + 1
    sim.control("leave", chat="news", user_id=user_id)
    joined, left = (update["chat_member"] for update in sim.api("getUpdates")["result"])
    assert joined["invite_link"]["name"] == "ad-1"
    assert left["new_chat_member"]["status"] == "left"
    assert sim.channel("news")["subscribers"] == before


def test_duplicates_and_disorder_on_demand(sim: SimulatorProcess) -> None:
    sim.control("post", chat="news", text="x", count=2)
    ids = [update["update_id"] for update in sim.api("getUpdates")["result"]]
    sim.control("faults", kind="reorder_updates", times=1)
    assert [update["update_id"] for update in sim.api("getUpdates")["result"]] == ids[::-1]
    sim.control("faults", kind="duplicate_updates", times=1)
    assert [u["update_id"] for u in sim.api("getUpdates")["result"]] == [ids[0], ids[0], ids[1], ids[1]]


class Receiver:
    """A webhook that answers what the test says and remembers what came."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, dict[str, str]]] = []
        self.got: list[tuple[float, str | None, dict[str, Any]]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                secret = self.headers.get("X-Telegram-Bot-Api-Secret-Token")
                receiver.got.append((time.monotonic(), secret, body))
                status, headers = receiver.answers.pop(0) if receiver.answers else (200, {})
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hook"

    def wait_for(self, count: int, timeout_s: float = 10) -> None:
        deadline = time.monotonic() + timeout_s
        while len(self.got) < count and time.monotonic() < deadline:
            time.sleep(0.02)
        assert len(self.got) >= count


@pytest.fixture
def receiver() -> Any:
    it = Receiver()
    yield it
    it.server.shutdown()


def test_a_webhook_is_tried_again_in_order_with_its_secret(sim: SimulatorProcess, receiver: Receiver) -> None:
    receiver.answers = [(500, {}), (503, {"Retry-After": "1"})]
    sim.api("setWebhook", url=receiver.url, secret_token="s-1")
    assert "webhook is active" in sim.api("getUpdates")["description"]
    sim.control("post", chat="news", text="x", count=3)
    receiver.wait_for(5)
    ids = [body["update_id"] for _, _, body in receiver.got]
    assert ids == [ids[0]] * 3 + [ids[0] + 1, ids[0] + 2]
    assert {secret for _, secret, _ in receiver.got} == {"s-1"}
    times = [at for at, _, _ in receiver.got]
    assert times[1] - times[0] < 0.9 and times[2] - times[1] >= 1.0
    info = sim.api("getWebhookInfo")["result"]
    assert (info["pending_update_count"], info["last_error_message"][-3:]) == (0, "503")


def test_one_chats_failure_does_not_hold_back_another(sim: SimulatorProcess, receiver: Receiver) -> None:
    sim.control("channels", username="two", title="Two", owner_id=OWNER_ID, subscribers=5)
    sim.control("promote_bot", chat="two", user_id=OWNER_ID)
    sim.api("getUpdates", offset=2**40)
    receiver.answers = [(503, {"Retry-After": "3"})]
    sim.api("setWebhook", url=receiver.url)
    sim.control("post", chat="news", text="stuck")
    receiver.wait_for(1)
    sim.control("post", chat="two", text="free")
    receiver.wait_for(2, timeout_s=2)
    assert receiver.got[1][2]["channel_post"]["text"] == "free"
