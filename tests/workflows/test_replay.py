"""Histories of earlier versions still replay: what runs today runs on under the next version."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer
from temporalio.workflow import NondeterminismError as WorkflowNondeterminismError

from workflows.gateway_desk import GatewayDesk
from workflows.lane import Lane
from workflows.post_office import PostOffice
from workflows.resolve_delivery import ResolveDelivery
from workflows.subscription import Subscription

HISTORIES = Path(__file__).parent / "histories"


@pytest.mark.parametrize("file", sorted(HISTORIES.glob("*.json")), ids=lambda file: file.stem)
def test_stored_histories_still_replay(file: Path) -> None:
    """What ran under an earlier version must run on under this one."""
    history = WorkflowHistory.from_json("stored", file.read_text())
    kinds = [Lane, ResolveDelivery, Subscription, GatewayDesk, PostOffice]
    asyncio.run(Replayer(workflows=kinds).replay_workflow(history))


def test_there_are_stored_histories_of_every_workflow() -> None:
    assert {file.stem.partition("-")[0] for file in HISTORIES.glob("*.json")} == {
        "lane",
        "resolve",
        "subscription",
        "desk",
        "letters",
    }


def test_a_changed_workflow_would_be_found() -> None:
    """The guard itself: a history in which the lane asked for another activity does not replay."""
    told = (HISTORIES / "lane-idle.json").read_text().replace('"run_lane"', '"another"')
    with pytest.raises(WorkflowNondeterminismError):
        asyncio.run(Replayer(workflows=[Lane]).replay_workflow(WorkflowHistory.from_json("stored", told)))
