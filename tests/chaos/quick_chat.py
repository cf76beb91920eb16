"""The worker where a chat takes a hundred messages a second: a thousand posts into one channel within the time of a test.

Telegram's limit of twenty a minute makes that fifty minutes; how the lanes keep it is tested in tests/posting. Nothing
of the product runs like this.
"""

from __future__ import annotations

import asyncio

from app.telegram import budget
from workflows import worker

if __name__ == "__main__":
    budget.STEP_CHAT_MS, budget.MOST_A_MINUTE, budget.MINUTE_MS = 10, 100, 1_000
    asyncio.run(worker.main())
