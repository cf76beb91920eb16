"""A workspace in which posts are in every state: what the crawler walks through."""

from __future__ import annotations

from datetime import datetime, time, timedelta

from app.channels.models import Channel
from app.core import db
from app.links import service as links
from app.posting.approvals import links as client_links
from app.posting.content.blocks import Button, Content
from app.posting.planning import series
from app.posting.planning.recurrence import Rule
from app.posting.service import collecting
from tests.posting import authored
from tests.posting.approvals.proposals import submitted
from tests.world import Owner


def posts_in_every_state(who: Owner, editor: Owner, channel: Channel, *, now: datetime) -> str:
    """Scheduled, sent with a clicked link, refused, unconfirmed, on hold, proposed and recurring. Returns a client's link."""
    authored.may_post(channel)
    when = now + timedelta(hours=2)
    authored.scheduled(
        who, authored.text("Our 1,234th post"), channel, at=when, now=now, delete_after_s=86_400, top_minutes=120
    )
    button = Button("Shop 24/7", "https://shop.example/7", is_tracked=True)
    sent = authored.scheduled(who, Content(authored.text("Only 99 left").blocks, buttons=((button,),)), channel)
    link = links.make(who.workspace.id, button.url, post_id=sent.id, channel_id=channel.id, now=now)
    authored.run_lane(authored.ScriptedLine(), run_s=2)
    collecting.collect_sent(now=now)
    for _ in range(3):
        links.follow(link.key, is_click=True, now=now)
    for words, trouble in (
        ("Refused 400", authored.refusal("Bad Request: chat not found")),
        ("Lost 5", authored.silence()),
    ):
        authored.scheduled(who, authored.text(words), channel)

        def fail(_chat: int, _what: object, trouble: Exception = trouble) -> None:
            raise trouble

        authored.run_lane(authored.ScriptedLine(before=fail), run_s=2)
    with db.write():
        db.execute("UPDATE delivery SET asked_at = begun_at WHERE state = 'unknown'")
    held = authored.scheduled(who, authored.text("Held 8"), channel, at=when + timedelta(hours=1))
    with db.write():
        db.execute("UPDATE due_action SET state = 'blocked', reason = 'no_right' WHERE post_id = ?", held.id)
    submitted(editor, channel, text="Proposed 6 times", due_at=when + timedelta(hours=9))
    _series(who, sent.public_id, now=now)
    return client_links.create(
        who.workspace.id, "Acme 500", [channel.public_id], is_required=False, user_id=who.user.id, now=now
    )


def _series(who: Owner, public_id: str, *, now: datetime) -> None:
    rule = Rule("weekly", weekdays=(now.weekday(),))
    wish = series.Wish(rule, time(9), "Asia/Tashkent", now.date())
    series.start(who.workspace.id, public_id, wish, user_id=who.user.id, now=now)
