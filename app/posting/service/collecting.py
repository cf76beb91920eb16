"""Our own posts enter the analytics from the send result: Telegram sends a bot no update for them."""

from __future__ import annotations

from datetime import datetime

from app.core import db, telemetry
from app.core.errors import AppError
from app.links import service as links
from app.posting.content import utf16
from app.posting.service import rendering
from app.posting.states import SENT
from app.readings.collectors.base import hash_text
from app.readings.service import updates
from app.readings.service.facts import PostFacts

_AT_ONCE = 50


def collect_sent(*, now: datetime) -> int:
    """Tell the readings of deliveries that are out; returns how many. One that fails is left aside, loudly."""
    rows = db.rows(
        "SELECT id, revision_id, target_id, part, sent_at, address, sender_id FROM delivery"
        " WHERE state = ? AND collected_at IS NULL ORDER BY id LIMIT ?",
        *(SENT, _AT_ONCE),
    )
    for delivery_id, revision_id, target_id, part, sent_at, address, sender_id in rows:
        with db.write():
            db.execute("UPDATE delivery SET collected_at = ? WHERE id = ?", db.stamp(now), delivery_id)
        try:
            with db.write():
                _collect(delivery_id, revision_id, target_id, part, db.moment(sent_at), address, sender_id, now=now)
        except (AppError, LookupError, ValueError):
            telemetry.log().exception("a post of ours did not reach the readings", delivery=delivery_id)
    return len(rows)


def _collect(
    delivery_id: int,
    revision_id: int,
    target_id: int,
    part: int,
    sent_at: datetime,
    address: str,
    sender_id: int,
    *,
    now: datetime,
) -> None:
    one = rendering.parts_for_target(rendering.revision_of(revision_id), target_id)[part]
    ids = [
        row[0]
        for row in db.rows("SELECT message_id FROM delivery_message WHERE delivery_id = ? ORDER BY number", delivery_id)
    ]
    if not ids:
        return  # the owner said that it is there: which message it is, a collector will see
    (account,) = db.row("SELECT account FROM sender WHERE id = ?", sender_id) or ("0",)
    facts = PostFacts(
        message_id=ids[0],
        posted_at=sent_at,
        album_id=f"sent:{delivery_id}" if len(ids) > 1 else None,
        album_items=tuple(ids) if len(ids) > 1 else (),
        media="text" if one.kind == "message" else one.kind,
        text_length=utf16.length(one.text) if one.text else None,
        text_hash=hash_text(one.text),
        text=one.text or None,
    )
    updates.note_post(int(address), facts, bot_id=int(account), update_id=0, now=now)
    if one.buttons:
        tell_links(target_id, ids[0])


def tell_links(target_id: int, message_id: int) -> None:
    """The counted links of a post are out at a target, under this message."""
    found = db.row("SELECT workspace_id, post_id, channel_id FROM post_target WHERE id = ?", target_id)
    assert found is not None, "a delivery has a target"
    workspace_id, post_id, channel_id = found
    links.carried_by(workspace_id, post_id, channel_id, message_id)
