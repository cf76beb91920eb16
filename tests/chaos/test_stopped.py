"""A worker that stands still between its intent and the call, and a Temporal that has forgotten everything."""

from __future__ import annotations

import signal
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest

from app.core import clock
from app.posting.service import scheduling
from e2e.stack import ROOT, wait_for
from tests.chaos.publishing import PublishingStack, full, read_back

FORGOTTEN = full("CHAOS_FORGOTTEN", 60)
pytestmark = pytest.mark.timeout(180 + FORGOTTEN)
_FULL, _ON_TIME_MS = 500, 1_000  # times are asserted by the proof at full size only
_STOP = f"posting.intent:{int(signal.SIGSTOP)}"


def test_a_worker_stopped_for_ten_seconds_sends_nothing_late(tmp_path: Path) -> None:
    """SIGSTOP between compare-and-set and call. Its owner calls the post off meanwhile; on waking, it sends nothing."""
    with PublishingStack(tmp_path, crashpoint=_STOP) as stack:
        stack.connect(2)
        (cancelled,) = stack.schedule(1, first=clock.utcnow(), over_s=0, name="called off")
        wait_for("the worker stands at its intent", lambda: stack.is_stopped("worker"))
        assert stack.rows("SELECT state FROM delivery") == [("sending",)]
        who, _ = stack.channels[0]
        ((post,),) = stack.rows("SELECT public_id FROM authored_post")
        scheduling.cancel(who.workspace.id, post, user_id=who.user.id, now=clock.utcnow())
        time.sleep(10)
        stack.signal("worker", signal.SIGCONT)
        wait_for(
            "the post is called off",
            lambda: stack.rows("SELECT state FROM due_action WHERE kind = 'publish'") == [("cancelled",)],
        )
        (kept,) = stack.schedule(1, first=clock.utcnow(), over_s=0, name="still wanted")
        wait_for("the lane goes on", lambda: stack.last_accepted_ms() > 0)
        found = read_back(stack.folder, [cancelled, kept])
    assert (found["published"], found["lost"], found["foreign"]) == (1, 1, 0)


def test_without_the_second_look_at_the_clock_the_late_call_would_go_out(tmp_path: Path) -> None:
    """The guard off: the same stop, a worker that does not look at the time before it calls."""
    twin = (sys.executable, str(ROOT / "tests" / "chaos" / "without_stale_check.py"))
    with PublishingStack(tmp_path, crashpoint=_STOP, worker=twin) as stack:
        stack.connect(2)
        (cancelled,) = stack.schedule(1, first=clock.utcnow(), over_s=0, name="called off")
        wait_for("the worker stands at its intent", lambda: stack.is_stopped("worker"))
        who, _ = stack.channels[0]
        ((post,),) = stack.rows("SELECT public_id FROM authored_post")
        scheduling.cancel(who.workspace.id, post, user_id=who.user.id, now=clock.utcnow())
        time.sleep(4)
        stack.signal("worker", signal.SIGCONT)
        wait_for("the late call goes out", lambda: stack.last_accepted_ms() > 0)
        assert read_back(stack.folder, [cancelled])["published"] == 1


@pytest.mark.parametrize("by", ["worker", "command", "itself"])
def test_posts_that_wait_go_out_on_time_after_temporal_has_forgotten_everything(by: str, tmp_path: Path) -> None:
    """Temporal's file is deleted while posts wait: a worker that starts, the command, or a worker that runs on notices."""
    with PublishingStack(tmp_path) as stack:
        stack.connect(max(20, FORGOTTEN // 10))  # Telegram lets twenty posts a minute into a channel
        first = clock.utcnow() + timedelta(seconds=25)
        wanted = stack.schedule(FORGOTTEN, first=first, over_s=FORGOTTEN / 10)
        wait_for("the lane knows", lambda: stack.rows("SELECT 1 FROM workflow_run WHERE topic = 'posting.lane'"))
        for file in stack.folder.glob("temporal.sqlite3*"):
            file.unlink()
        stack.kill("temporal")
        if by == "worker":
            stack.kill("worker")
        stack.wait_until_up("temporal")
        stack.wait_until_up("worker")
        if by == "command":
            assert "1 lanes" in stack.cli("posting", "reconcile")
        stack.wait_until_settled(timeout_s=120)
        ((soonest, latest),) = stack.rows(
            "SELECT MIN(d.begun_at - a.due_at), MAX(d.begun_at - a.due_at) FROM delivery d"
            " JOIN due_action a ON a.target_id = d.target_id"
        )
        found = read_back(stack.folder, wanted)
        assert (found["published"], found["twice"], found["lost"]) == (FORGOTTEN, 0, 0)
        assert soonest >= 0
        assert FORGOTTEN < _FULL or latest <= _ON_TIME_MS
        print(f"{FORGOTTEN} posts after Temporal's file was deleted ({by}): at most {latest} ms after their time")
