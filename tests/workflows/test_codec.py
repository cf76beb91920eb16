"""What Temporal keeps of us is sealed; what was plain before stays readable."""

from __future__ import annotations

import asyncio
import base64
from concurrent.futures import ThreadPoolExecutor

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from app.billing.service import subscriptions
from app.boot import Runtime
from app.core import clock
from app.core.crypto import Sealer
from app.core.errors import AppError
from app.core.settings import DEV_MASTER_KEY, Settings
from tests.billing import buying
from tests.billing.conftest import runtime as runtime  # with Payme and Click set up
from tests.workflows.temporal import until
from tests.world import owner
from workflows import codec, devserver, dispatch
from workflows.contracts import subscription_id_of
from workflows.worker import billing_worker, ensure_search_attributes

OTHER_KEY = base64.urlsafe_b64encode(b"another-key-of-thirty-two-bytes!").decode()
PLAIN = Payload(metadata={"encoding": b"json/plain"}, data=b'{"subscription_id": 7}')


def test_what_is_sealed_opens_with_its_key_also_an_older_one_and_with_no_other() -> None:
    async def story() -> None:
        (shut,) = await codec.SealedPayloads(Sealer(DEV_MASTER_KEY)).encode([PLAIN])
        assert b"subscription_id" not in shut.SerializeToString()
        rotated = codec.SealedPayloads(Sealer(f"{OTHER_KEY},{DEV_MASTER_KEY}"))
        assert await rotated.decode([shut, PLAIN]) == [PLAIN, PLAIN], "and what was never sealed stays"
        with pytest.raises(AppError):
            await codec.SealedPayloads(Sealer(OTHER_KEY)).decode([shut])

    asyncio.run(story())


def test_the_history_of_a_subscription_on_the_real_server_holds_no_plain_payload(runtime: Runtime) -> None:
    who = owner("Bobur", plan="free", now=clock.utcnow())
    buying.bought_by_payme(buying.order(runtime, who, "payme", now=clock.utcnow()), "0" * 24, now=clock.utcnow())
    sub = subscriptions.live(who.workspace.id)
    assert sub is not None

    async def story() -> None:
        binary = devserver.binary(Settings(_env_file=None))  # type: ignore[call-arg]
        async with await WorkflowEnvironment.start_local(dev_server_existing_path=binary) as env:
            await ensure_search_attributes(env.client)
            address = env.client.service_client.config.target_host
            client = await Client.connect(address, data_converter=codec.sealed(runtime.sealer))
            with ThreadPoolExecutor(4) as threads:
                async with billing_worker(client, runtime, threads):
                    await dispatch.deliver_due(client)
                    handle = client.get_workflow_handle(subscription_id_of(sub.id))
                    await until("it has looked", lambda: asyncio.run(_looks(address, sub.id)) > 0)
                    history = (await handle.fetch_history()).to_json()
            assert _b64(f'"Subscription {sub.id}"') in history, "the reader's summary is plain"
            assert '"subscription_id"' not in history and "YmluYXJ5L2VuY3J5cHRlZA==" in history
            assert _b64('{"subscription_id"')[:20] not in history, "nor in base64"

    asyncio.run(story())


async def _looks(address: str, sub_id: int) -> int:
    """How many looks have ended, asked by somebody without keys."""
    plain = await Client.connect(address)
    history = await plain.get_workflow_handle(subscription_id_of(sub_id)).fetch_history()
    return sum(event.HasField("activity_task_completed_event_attributes") for event in history.events)


def _b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
