"""What was edited, on the post's page: words for the channel's owner, lengths for who only watches it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from flask import Flask
from flask.testing import FlaskClient

from app.core import clock
from app.readings import service as readings
from app.readings.collectors.base import hash_text
from app.readings.service import updates
from tests.world import Owner, owned_channel, owner, read_posts, watched

SignIn = Callable[[Owner], FlaskClient]


def test_the_owner_reads_the_difference_and_a_watcher_its_lengths(app: Flask, sign_in: SignIn) -> None:
    now = clock.utcnow()
    aziza, bek = owner("Aziza", now=now), owner("Bek", now=now)
    hers = owned_channel(aziza, "News1", telegram_chat_id=-1001, now=now)
    read_posts(hers, posts=2, now=now)
    his = watched(bek, "news1", now=now)
    posted = now - timedelta(days=3) + timedelta(hours=1)
    for number, (text, minutes) in enumerate((("Apples <b> cost 9000", None), ("Apples <b> cost 8000 today", 5))):
        edited_at = None if minutes is None else posted + timedelta(minutes=minutes)
        facts = readings.PostFacts(
            1, posted, edited_at=edited_at, text=text, text_length=len(text), text_hash=hash_text(text)
        )
        updates.note_post(-1001, facts, bot_id=7, update_id=number, now=now)
    page = sign_in(aziza).get(f"/channels/{hers.public_id}/posts/1").text
    assert "Edited 1 time<" in page
    assert "Apples &lt;b&gt; cost <del>9000</del><ins>8000 today</ins>" in page
    other = sign_in(bek).get(f"/channels/{his.public_id}/posts/1").text
    assert "20 characters before, 26 after" in other and "Apples" not in other
    assert 'id="edits"' not in sign_in(aziza).get(f"/channels/{hers.public_id}/posts/2").text
