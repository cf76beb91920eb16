"""`python -m tests.chaos.charge_once <subscription id> <first moment, seconds> <most steps>`: a worker that charges one card.

It goes on with what is due, eleven minutes later each time, until nothing is; settings and CRASHPOINT by the environment.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta

from app.billing.service import lifecycle
from app.billing.service.lifecycle import Desk
from app.boot import boot


def main(subscription_id: int, first: datetime, steps: int) -> None:
    runtime = boot("worker")
    desk = Desk(runtime.gateways, runtime.settings.base_url)
    for step in range(steps):
        now = first + timedelta(minutes=11 * step)
        report = lifecycle.advance(subscription_id, desk, now=now)
        if report is None or not report.charge:
            return
        lifecycle.collect(subscription_id, desk, runtime.collector, now=now)


if __name__ == "__main__":
    main(int(sys.argv[1]), datetime.fromtimestamp(float(sys.argv[2]), UTC), int(sys.argv[3]))
