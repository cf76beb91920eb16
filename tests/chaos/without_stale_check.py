"""The twin: the worker without the second look at the clock between the intent and the call."""

from __future__ import annotations

import asyncio

from app.posting.lane import delivering
from workflows import worker

if __name__ == "__main__":
    delivering.STALE_S = float("inf")
    asyncio.run(worker.main())
