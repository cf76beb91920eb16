"""The twin: the worker with the intent switched off. What an attempt left in `sending` is taken for unsent.

It shows what the ledger's rule is for; nothing of the product runs like this.
"""

from __future__ import annotations

import asyncio
from datetime import datetime

from app.core import db
from app.posting.service import ledger
from workflows import worker


def _take_for_unsent(delivery_id: int, tries: int, _why: str, *, now: datetime) -> None:
    db.execute(
        "UPDATE delivery SET state = 'reserved' WHERE id = ? AND tries = ? AND state = 'sending'", delivery_id, tries
    )
    found = db.row("SELECT target_id, slot FROM delivery WHERE id = ?", delivery_id)
    assert found is not None
    ledger.stand_ready(found[0], found[1], at=now)


if __name__ == "__main__":
    ledger.call_unknown = _take_for_unsent
    asyncio.run(worker.main())
