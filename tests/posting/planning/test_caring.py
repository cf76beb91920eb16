"""Two people at the same moment: of two posts that are both to stay on top, the second one asks."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from datetime import timedelta

from app.channels.models import Channel
from app.core import clock, db, ids
from app.core.errors import Conflict
from app.posting.approvals import asking
from app.posting.content.draft import Draft
from tests.world import Owner

_PEOPLE = 8


def _submit(who: Owner, news: Channel, begin: threading.Barrier, number: int) -> str:
    """What becomes of an ad that is to have two hours on top, from a few minutes after the others'."""
    now = clock.utcnow()
    draft = Draft(f"Ad {number}", channels=(news.public_id,), top_minutes=120)
    begin.wait(10)
    try:
        with db.database.connection_context() if db.database.is_closed() else nullcontext():
            asking.submit(
                *(who.workspace.id, ids.public_id(), 0, draft),
                due_at=now + timedelta(hours=5, minutes=5 * number),
                may_publish=True,
                user_id=who.user.id,
                now=now,
            )
    except Conflict as error:
        return error.code
    finally:
        db.database.close()
    return "scheduled"


def _all(who: Owner, news: Channel) -> list[str]:
    begin = threading.Barrier(_PEOPLE)
    with ThreadPoolExecutor(_PEOPLE) as pool:
        return list(pool.map(lambda number: _submit(who, news, begin, number), range(_PEOPLE)))


def test_one_gets_the_place_on_top_and_the_others_are_asked(who: Owner, news: Channel) -> None:
    said = _all(who, news)
    assert sorted(said) == ["needs_anyway"] * (_PEOPLE - 1) + ["scheduled"]
    assert db.row("SELECT COUNT(*) FROM authored_post") == (1,), "what was refused left something behind"
