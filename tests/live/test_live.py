"""Pages hear when to look again: every change, once each, by a ticket that opens one stream."""

from __future__ import annotations

import queue
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest

from app.accounts.service import people, sessions, streams
from app.accounts.service.sessions import SignedIn
from app.boot import Runtime
from app.core import clock, db
from app.readings import service as readings
from app.web import create_app
from tests.live.process import Listener, LiveProcess
from tests.world import Owner, owned_channel, owner


@pytest.fixture
def live(runtime: Runtime) -> Iterator[LiveProcess]:
    with LiveProcess(runtime) as process:
        yield process


def _signed_in(who: Owner) -> SignedIn:
    now = clock.utcnow()
    token, _ = sessions.start(who.user.id, who.workspace.id, kind="browser", now=now)
    found = sessions.signed_in(token, now=now)
    assert found is not None
    return found


def _ticket(runtime: Runtime, who: SignedIn) -> str:
    return streams.ticket(runtime.settings.secret_key.get_secret_value(), who, now=clock.utcnow())


def _count(who: Owner, channel: int, value: int) -> None:
    now = clock.utcnow()
    source = readings.ensure_source(readings.BOT_UPDATES, now=now)
    readings.record_subscribers(channel, source_id=source, value=value, step=0, observed_at=now)


def test_every_page_hears_of_a_change_and_of_nobody_elses(runtime: Runtime, live: LiveProcess) -> None:
    aziza, bek = (owner(name, now=clock.utcnow()) for name in ("Aziza", "Bek"))
    mine = owned_channel(aziza, "News", telegram_chat_id=-1, now=clock.utcnow())
    owned_channel(bek, "Fun", telegram_chat_id=-2, now=clock.utcnow())
    people = [_signed_in(aziza) for _ in range(3)]
    pages, other = (
        [Listener(live, _ticket(runtime, who)) for who in people],
        Listener(live, _ticket(runtime, _signed_in(bek))),
    )
    first = {page.next()[0] for page in (*pages,)}
    other.next()
    assert len(first) == 1
    _count(aziza, mine.chat, 1001)
    told = {page.next()[0] for page in pages}
    assert len(told) == 1 and told != first
    with pytest.raises(queue.Empty):
        other.next(timeout_s=2.5)
    assert live.streams() == 4


def test_what_changed_while_nobody_listened_is_told_at_once(runtime: Runtime, live: LiveProcess) -> None:
    aziza = owner("Aziza", now=clock.utcnow())
    mine = owned_channel(aziza, "News", telegram_chat_id=-1, now=clock.utcnow())
    who = _signed_in(aziza)
    page = Listener(live, _ticket(runtime, who))
    known, _ = page.next()
    page.close()
    unchanged = Listener(live, _ticket(runtime, who), since=known)
    with pytest.raises(queue.Empty):
        unchanged.next(timeout_s=2)
    unchanged.close()
    _count(aziza, mine.chat, 1001)
    again = Listener(live, _ticket(runtime, who), since=known)
    assert again.next()[0] != known


def test_a_ticket_opens_one_stream_within_half_a_minute(runtime: Runtime, live: LiveProcess) -> None:
    who = _signed_in(owner("Aziza", now=clock.utcnow()))
    ticket = _ticket(runtime, who)
    assert [Listener(live, ticket).status for _ in range(2)] == [200, 401]
    secret = runtime.settings.secret_key.get_secret_value()
    old = streams.ticket(secret, who, now=clock.utcnow() - timedelta(seconds=31))
    assert [Listener(live, given).status for given in (old, "nonsense", ticket[:-1])] == [401] * 3


def test_a_fourth_page_of_one_person_is_refused(runtime: Runtime, live: LiveProcess) -> None:
    who = _signed_in(owner("Aziza", now=clock.utcnow()))
    pages = [Listener(live, _ticket(runtime, who)) for _ in range(4)]
    assert [page.status for page in pages] == [200, 200, 200, 429]
    pages[0].close()
    until = time.monotonic() + 5
    while live.streams() == 3 and time.monotonic() < until:
        time.sleep(0.05)
    assert Listener(live, _ticket(runtime, who)).status == 200, "a page that went away made room"


def test_a_stream_ends_with_its_session(runtime: Runtime, live: LiveProcess) -> None:
    who = _signed_in(owner("Aziza", now=clock.utcnow()))
    page = Listener(live, _ticket(runtime, who))
    sessions.end(who.session_id, now=clock.utcnow())
    assert page.ended.wait(8), "revoked sessions hear nothing more"


def test_a_stream_ends_when_its_session_enters_another_workspace(runtime: Runtime, live: LiveProcess) -> None:
    aziza = owner("Aziza", now=clock.utcnow())
    second = people.create_workspace("Second", owner=aziza.user, timezone="UTC", now=clock.utcnow())
    who = _signed_in(aziza)
    page = Listener(live, _ticket(runtime, who))
    sessions.move(who, second.id, now=clock.utcnow())
    assert page.ended.wait(8), "it would go on to tell of the workspace that was left"


def test_a_stream_ends_for_who_no_longer_belongs_there(runtime: Runtime, live: LiveProcess) -> None:
    who = _signed_in(owner("Aziza", now=clock.utcnow()))
    page = Listener(live, _ticket(runtime, who))
    db.execute("DELETE FROM membership WHERE user_id = ?", who.user_id)
    assert page.ended.wait(8)


def test_without_a_live_process_there_is_no_ticket(runtime: Runtime) -> None:
    aziza = owner("Aziza", now=clock.utcnow())
    token, _ = sessions.start(aziza.user.id, aziza.workspace.id, kind="browser", now=clock.utcnow())
    client = create_app(runtime).test_client(use_cookies=False)
    assert client.post("/live/ticket", headers={"X-Session": token}).status_code == 404
    page = client.get("/network", headers={"X-Session": token})
    assert 'data-live="poll"' in page.text, "its pages ask again by themselves"


def test_twenty_pages_at_once_hear_of_one_reading(runtime: Runtime, live: LiveProcess) -> None:
    """The small version of `make proof`'s five hundred."""
    crowd = [owner(f"Owner {n}", now=clock.utcnow()) for n in range(20)]
    channel = owned_channel(crowd[0], "News", telegram_chat_id=-1, now=clock.utcnow())
    for who in crowd[1:]:
        db.execute(
            "INSERT INTO channel (public_id, workspace_id, chat_id, feed_id, relation, state, timezone, is_simulated,"
            " connected_at) SELECT ?, ?, chat_id, feed_id, 'watched', 'active', timezone, is_simulated, connected_at"
            " FROM channel WHERE id = ?",
            *(f"watched{who.workspace.id:015}", who.workspace.id, channel.id),
        )
    pages = [Listener(live, _ticket(runtime, _signed_in(who))) for who in crowd]
    for page in pages:
        page.next()
    _count(crowd[0], channel.chat, 1001)
    assert all(page.next()[0] for page in pages)
