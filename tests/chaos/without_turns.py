"""The twin: the worker with the compare-and-set of charging switched off. Whoever comes takes the turn to ask.

It shows what the rule is for; nothing of the product runs like this.
"""

from __future__ import annotations

import asyncio

from app.billing.service import collecting
from app.core import db
from workflows import worker


def _always(payment_id: int, _state: str, _asked_at: object, *, now: object) -> bool:
    with db.write():
        db.execute("UPDATE payment SET state = 'unknown' WHERE id = ?", payment_id)
    return True


if __name__ == "__main__":
    collecting.take_turn = _always  # type: ignore[assignment]
    asyncio.run(worker.main())
