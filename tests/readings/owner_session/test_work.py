"""Signing in, reading by the clock, Telegram's wishes, the kill switch: what the jobs process does for an owner."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import pytest
from telethon import errors
from telethon.tl import functions as f
from telethon.tl import types

from app.audit.models import AuditEntry
from app.boot import Runtime
from app.channels.models import Channel
from app.core import clock as wall
from app.core import db
from app.core.errors import Conflict, Invalid, NotFound
from app.core.settings import Settings
from app.readings import owner_jobs
from app.readings import service as readings
from app.readings.collectors.owner_session.models import OwnerSession
from app.readings.owner_jobs import OpenLines
from app.readings.service.owner_session import accounts, own_channels, states, work
from tests.readings.owner_session.generated import GeneratedChannel, GeneratedTelegram, opens
from tests.readings.owner_session.world import SEALER, connected, news, own_source, work_until_idle
from tests.world import Owner, owner

RECENT = timedelta(minutes=40)


def _row(who: Owner) -> OwnerSession:
    return (
        OwnerSession.select().where(OwnerSession.workspace == who.workspace.id).order_by(OwnerSession.id.desc()).get()
    )


def _one_unit(telegram: GeneratedTelegram, who: Owner, lines: OpenLines, at: datetime) -> bool:
    return work.work_on(_row(who), lines, SEALER, clock=lambda: at)


def test_aziza_scans_a_code_and_is_connected(runtime: Runtime) -> None:
    now = wall.utcnow()
    who, telegram = owner("Aziza", now=now), GeneratedTelegram(signed_in=False)
    row = accounts.start(SEALER, workspace_id=who.workspace.id, user_id=who.user.id, now=now)
    lines = OpenLines(SEALER, opens(telegram))
    assert accounts.shown_code(SEALER, row, user_id=who.user.id, now=now) == ""
    assert _one_unit(telegram, who, lines, now)
    shown = accounts.shown_code(SEALER, _row(who), user_id=who.user.id, now=now)
    assert shown.startswith("tg://login?token=")
    assert accounts.shown_code(SEALER, _row(who), user_id=who.user.id + 1, now=now) == ""  # nobody else's code
    telegram.scanned = True
    account = lines.to(_row(who))
    account._run(account._client._dispatch_update(types.UpdateLoginToken()))  # type: ignore[attr-defined]
    _one_unit(telegram, who, lines, now)
    row = _row(who)
    assert (row.state, row.telegram_user_id, row.handshake_sealed) == ("connected", 4242, None)
    assert row.session_sealed.startswith("v1:") and accounts.live_session(who.workspace.id) is not None
    acts = [a.action for a in AuditEntry.select().order_by(AuditEntry.id)]
    assert acts[-2:] == ["owner_session.asked", "owner_session.connected"]


def test_bek_types_a_wrong_code_then_the_right_one_then_his_password(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("telethon.password.compute_check", lambda _, word: types.InputCheckPasswordSRP(1, b"", b""))
    now = wall.utcnow()
    who, telegram = owner("Bek", now=now), GeneratedTelegram(signed_in=False, password=True)
    mine = {"workspace_id": who.workspace.id, "user_id": who.user.id, "now": now}
    accounts.start(SEALER, phone="+998 90 123-45-67", **mine)
    lines = OpenLines(SEALER, opens(telegram))
    assert _one_unit(telegram, who, lines, now) and not _one_unit(telegram, who, lines, now)
    assert telegram.named(f.auth.SendCodeRequest)[0].phone_number == "998901234567"
    accounts.answer(SEALER, "11 111", **mine)
    _one_unit(telegram, who, lines, now)
    assert (_row(who).state, _row(who).last_error) == ("waiting_code", "wrong_code")
    accounts.answer(SEALER, "12-345", **mine)
    _one_unit(telegram, who, lines, now)
    assert (_row(who).state, _row(who).answer_sealed) == ("waiting_password", None)
    assert not _one_unit(telegram, who, lines, now)
    accounts.answer(SEALER, "wrong", **mine)
    _one_unit(telegram, who, lines, now)
    assert (_row(who).state, _row(who).last_error) == ("waiting_password", "wrong_password")
    telegram.password = False
    accounts.answer(SEALER, "right", **mine)
    _one_unit(telegram, who, lines, now)
    assert _row(who).state == "connected" and _row(who).answer_sealed is None


def test_what_cannot_be_a_phone_or_an_answer_is_refused(runtime: Runtime, now: datetime) -> None:
    who = owner("Aziza", now=now)
    mine = {"workspace_id": who.workspace.id, "user_id": who.user.id, "now": now}
    for phone in ("", "12", "call me", "+" + "9" * 40):
        with pytest.raises(Invalid):
            accounts.start(SEALER, phone=phone, **mine)
    with pytest.raises(NotFound):
        accounts.answer(SEALER, "12345", **mine)
    accounts.start(SEALER, phone="+998901234567", **mine)
    with pytest.raises(Invalid):
        accounts.answer(SEALER, "  ", **mine)
    with pytest.raises(NotFound):  # a colleague does not type in somebody else's code
        accounts.answer(SEALER, "12345", workspace_id=who.workspace.id, user_id=who.user.id + 1, now=now)


def test_secrets_are_sealed_to_their_row_and_column(runtime: Runtime, now: datetime) -> None:
    who = owner("Aziza", now=now)
    row = accounts.start(SEALER, workspace_id=who.workspace.id, user_id=who.user.id, phone="+998901234567", now=now)
    stored = db.rows("SELECT handshake_sealed FROM owner_session")[0][0]
    assert "998901234567" not in stored and states.handshake_of(SEALER, row) == {"phone": "+998901234567"}
    row.session_sealed = row.handshake_sealed
    with pytest.raises(Exception, match="cannot be opened here"):
        states.unseal(SEALER, row, "session_sealed")


def test_a_sign_in_that_nobody_finishes_is_thrown_away(runtime: Runtime, now: datetime) -> None:
    who, telegram = owner("Aziza", now=now), GeneratedTelegram(signed_in=False)
    accounts.start(SEALER, workspace_id=who.workspace.id, user_id=who.user.id, phone="+998901234567", now=now)
    work_until_idle(telegram, clock=lambda: now)
    work_until_idle(telegram, clock=lambda: now + timedelta(minutes=11))
    row = _row(who)
    assert (row.state, row.last_error) == ("failed", "gave_up")
    assert (row.session_sealed, row.handshake_sealed, row.answer_sealed) == (None, None, None)


def test_a_connected_account_is_not_replaced_in_passing(runtime: Runtime, now: datetime) -> None:
    who = owner("Aziza", now=now)
    connected(who, now=now)
    with pytest.raises(Conflict):
        accounts.start(SEALER, workspace_id=who.workspace.id, user_id=who.user.id, now=now)


def _reading_account(now: datetime, *, posts: int = 60) -> tuple[Owner, Channel, GeneratedTelegram]:
    """Aziza's channel with posts up to the present; her account is connected."""
    channel = GeneratedChannel(posts=posts, first=now - posts * RECENT - timedelta(minutes=1))
    who, telegram = owner("Aziza", telegram_user_id=42, now=now), GeneratedTelegram([channel])
    kept = news(who, now=now)
    connected(who, now=now)
    return who, kept, telegram


def test_recent_posts_are_read_exactly_at_the_ages_of_the_cadence(runtime: Runtime, now: datetime) -> None:
    who, channel, telegram = _reading_account(now)
    work_until_idle(telegram, clock=lambda: now)
    source = own_source(who.workspace.id)
    first = db.rows("SELECT post_id, views, step FROM reading WHERE source_id = ?", source)
    assert len(first) > 40 and {step for *_, step in first} == {0}
    asked = len(telegram.named(f.messages.GetHistoryRequest))
    work_until_idle(telegram, clock=lambda: now + timedelta(minutes=2))
    assert len(telegram.named(f.messages.GetHistoryRequest)) <= asked + 1
    for minutes in range(15, 24 * 60, 15):
        work_until_idle(telegram, clock=lambda m=minutes: now + timedelta(minutes=m))
    (most,) = db.row(
        "SELECT MAX(n) FROM (SELECT COUNT(*) AS n FROM reading WHERE source_id = ? GROUP BY post_id) c", source
    ) or (0,)
    assert 5 <= int(most) <= 10  # not one for each of the 95 looks
    assert telegram.named(f.messages.GetMessagesViewsRequest) == []  # all stood on the newest page


def test_older_posts_are_counted_without_adding_views(runtime: Runtime, now: datetime) -> None:
    who, channel, telegram = _reading_account(now, posts=260)
    asked = None
    work_until_idle(telegram, clock=lambda: now)
    asked = accounts.live_session(who.workspace.id)
    assert asked is not None
    from app.readings.service.owner_session import want_history

    want_history(who.workspace.id, channel.public_id, user_id=who.user.id, now=now)
    for hours in (1, 30):
        work_until_idle(telegram, clock=lambda h=hours: now + timedelta(hours=h))
    counted = telegram.named(f.messages.GetMessagesViewsRequest)
    assert counted and not any(request.increment for request in counted)
    assert max(len(request.id) for request in counted) <= 100


def test_the_workspace_sees_exact_numbers_through_its_own_feed(runtime: Runtime, now: datetime) -> None:
    who, channel, telegram = _reading_account(now)
    work_until_idle(telegram, clock=lambda: now)
    feed, workspace = db.row("SELECT c.feed_id, f.workspace_id FROM channel c JOIN feed f ON f.id = c.feed_id") or (
        0,
        0,
    )
    assert workspace == who.workspace.id
    views, step = db.row("SELECT MAX(views), MAX(step) FROM post_stat WHERE feed_id = ?", feed) or (0, 1)
    assert int(views) == 1000 + 60 * 7 and step == 0
    subscribers = db.row("SELECT subscribers FROM feed_stat WHERE feed_id = ?", feed)
    assert subscribers == (12_345,)
    assert readings.check_feeds(now=now).differences == 0


def test_telegram_s_wish_to_wait_is_obeyed(runtime: Runtime, now: datetime) -> None:
    who, _, telegram = _reading_account(now)
    telegram.fails = {f.messages.GetDialogsRequest: [errors.FloodWaitError]}
    work_until_idle(telegram, clock=lambda: now)
    row, asked = _row(who), len(telegram.asked)
    assert (row.not_before, row.last_error) == (now + timedelta(seconds=77), "flood_wait")
    work_until_idle(telegram, clock=lambda: now + timedelta(seconds=76))
    assert len(telegram.asked) == asked
    work_until_idle(telegram, clock=lambda: now + timedelta(seconds=78))
    assert len(telegram.asked) > asked


def test_a_session_that_was_ended_elsewhere_is_erased(runtime: Runtime, now: datetime) -> None:
    who, _, telegram = _reading_account(now)
    telegram.fails = {f.messages.GetDialogsRequest: [errors.SessionRevokedError]}
    work_until_idle(telegram, clock=lambda: now)
    row = _row(who)
    assert (row.state, row.last_error, row.session_sealed) == ("revoked", "session_revoked", None)
    assert db.row("SELECT is_on FROM source WHERE kind = 'owner_session'") in ((0,), (False,))
    assert accounts.last_failure(who.workspace.id) == "session_revoked"


def test_disconnecting_ends_reading_at_once_signs_out_and_erases(runtime: Runtime, now: datetime) -> None:
    who, _, telegram = _reading_account(now)
    work_until_idle(telegram, clock=lambda: now)
    accounts.disconnect(who.workspace.id, user_id=who.user.id, now=now)
    assert accounts.live_session(who.workspace.id) is None
    asked = len(telegram.asked)
    work_until_idle(telegram, clock=lambda: now + timedelta(hours=9))
    row = _row(who)
    assert [type(r) for r in telegram.asked[asked:]] == [f.auth.LogOutRequest]
    assert (row.state, row.session_sealed, row.telegram_user_id) == ("revoked", None, None)
    assert AuditEntry.select().where(AuditEntry.action == "owner_session.disconnected").count() == 1


def test_a_session_that_telegram_no_longer_knows_is_erased_all_the_same(runtime: Runtime, now: datetime) -> None:
    who, _, telegram = _reading_account(now)
    telegram.fails = {f.auth.LogOutRequest: [errors.AuthKeyUnregisteredError]}
    accounts.disconnect(who.workspace.id, user_id=who.user.id, now=now)
    work_until_idle(telegram, clock=lambda: now)
    assert _row(who).session_sealed is None


def _settings(runtime: Runtime, **changed: object) -> Settings:
    return runtime.settings.model_copy(update=changed)


def test_with_the_kill_switch_thrown_nothing_is_asked(runtime: Runtime) -> None:
    now = wall.utcnow()
    who, _, telegram = _reading_account(now)
    off = _settings(runtime, owner_sessions_enabled=False)
    assert owner_jobs.work_for_owners(off, SEALER, opens=opens(telegram), run_s=0.3) == 0
    assert telegram.asked == []
    accounts.disconnect(who.workspace.id, user_id=who.user.id, now=now)
    owner_jobs.work_for_owners(off, SEALER, opens=opens(telegram), run_s=0.3)
    assert telegram.asked == [] and _row(who).session_sealed is None
    # and this is what it prevents
    who, _, telegram = owner("Bek", now=now), None, telegram
    connected(who, now=now)
    owner_jobs.work_for_owners(_settings(runtime), SEALER, opens=opens(telegram), run_s=0.3)
    assert telegram.asked


def test_without_telegram_s_keys_nothing_is_asked(runtime: Runtime) -> None:
    _reading_account(wall.utcnow())
    assert not states.is_configured(runtime.settings)
    assert owner_jobs.work_for_owners(runtime.settings, SEALER, run_s=0.3) == 0


def test_a_defect_in_one_account_lets_the_others_be_read(runtime: Runtime, now: datetime) -> None:
    who, _, telegram = _reading_account(now)
    lines = OpenLines(SEALER, lambda session, *, signs_in: 1 / 0)  # type: ignore[arg-type]
    assert owner_jobs.one_unit(_row(who), lines, SEALER)
    assert _row(who).last_error == "defect:ZeroDivisionError" and _row(who).not_before is not None


def test_telegram_s_own_statistics_are_kept_for_the_page(runtime: Runtime, now: datetime) -> None:
    who, _, telegram = _reading_account(now)
    work_until_idle(telegram, clock=lambda: now)
    (channel,) = own_channels(who.workspace.id)
    kinds = {one.kind: one for one in channel.graphs}
    assert channel.has_stats and kinds["top_hours"].is_time is False
    assert kinds["growth"].series[0] == ("Joined", (10.0, None)) and kinds["growth"].fetched_at == now
    assert kinds["languages"].error == "Not enough data" and kinds["languages"].series == ()
    assert json.loads(db.rows("SELECT graph FROM native_stat WHERE kind = 'growth'")[0][0])["series"][0][0] == "Joined"
    assert own_channels(owner("Bek", now=now).workspace.id) == ()


def test_a_channel_without_statistics_is_asked_again_a_day_later(runtime: Runtime, now: datetime) -> None:
    who, _, telegram = _reading_account(now)
    telegram.can_view_stats = False
    work_until_idle(telegram, clock=lambda: now)
    work_until_idle(telegram, clock=lambda: now + timedelta(hours=23))
    assert len(telegram.named(f.channels.GetFullChannelRequest)) == 1
    assert own_channels(who.workspace.id)[0].has_stats is False
