"""Connecting a channel by making the bot administrator, and what losing it means."""

from __future__ import annotations

from app.accounts.service import people
from app.boot import Runtime
from app.core import clock, db, inbox
from app.core.errors import Upstream
from tests.bot.conftest import Apply
from tests.bot.wire import BOT_ID, CHAT_ID, OTHER_CHAT_ID, OWNER_ID, STRANGER_ID, FakeTelegram, said, standing

CHANNELS = "SELECT workspace_id, relation, state FROM channel WHERE deleted_at IS NULL"


def _notices() -> list[tuple[int, str]]:
    return [
        (int(chat), str(template)) for chat, template in db.rows("SELECT chat_id, template FROM notice ORDER BY id")
    ]


def _refusal() -> str:
    found = db.row("SELECT params FROM notice WHERE template = 'channel_refused' ORDER BY id DESC LIMIT 1")
    return str(found[0]) if found else ""


def _workspace(user_id: int) -> int:
    mine = people.managed_workspace(user_id)
    assert mine
    return mine[1]


def test_start_makes_a_person_with_a_workspace_and_greets_once(apply: Apply) -> None:
    apply(said(1, "/start"), said(1, "/start"), said(2, "hello?"))
    assert _workspace(OWNER_ID)
    assert _notices() == [(OWNER_ID, "welcome")]


def test_an_owner_who_adds_the_bot_owns_the_channel(owned: None) -> None:
    assert db.rows(CHANNELS) == [(_workspace(OWNER_ID), "owned", "active")]
    assert _notices() == [(OWNER_ID, "welcome"), (OWNER_ID, "channel_connected")]
    assert db.rows("SELECT value, step FROM subscriber_reading") == [(1234, 0)]
    assert db.rows("SELECT state FROM preview_watch") == [("ok",)]


def test_a_duplicated_update_connects_and_tells_once(apply: Apply, owned: None) -> None:
    apply(standing(2), standing(2))
    assert len(db.rows(CHANNELS)) == 1
    assert [template for _, template in _notices()].count("channel_connected") == 1


def test_somebody_who_does_not_run_the_channel_is_refused(apply: Apply, telegram: FakeTelegram) -> None:
    telegram.statuses[CHAT_ID, STRANGER_ID] = "member"
    telegram.counts[CHAT_ID] = 5
    apply(said(1, "/start", by=STRANGER_ID), standing(2, by=STRANGER_ID))
    assert db.rows(CHANNELS) == []
    assert _notices()[-1] == (STRANGER_ID, "channel_refused")
    assert "faqat egasi yoki administratori" in _refusal()
    assert db.row("SELECT status FROM bot_rights") == ("administrator",), "what Telegram said stays"


def test_a_stranger_without_an_account_connects_nothing_and_hears_nothing(apply: Apply, telegram: FakeTelegram) -> None:
    telegram.statuses[CHAT_ID, STRANGER_ID], telegram.counts[CHAT_ID] = "creator", 5
    apply(standing(2, by=STRANGER_ID))
    assert (db.rows(CHANNELS), _notices()) == ([], [])


def test_a_channel_that_another_workspace_owns_is_refused(apply: Apply, owned: None, telegram: FakeTelegram) -> None:
    telegram.statuses[CHAT_ID, STRANGER_ID] = "administrator"
    apply(said(3, "/start", by=STRANGER_ID), standing(4, by=STRANGER_ID))
    assert db.rows(CHANNELS) == [(_workspace(OWNER_ID), "owned", "active")]
    assert "boshqa ish maydoniga ulangan" in _refusal()


def test_another_admin_changing_rights_claims_nothing(apply: Apply, owned: None, telegram: FakeTelegram) -> None:
    telegram.statuses[CHAT_ID, STRANGER_ID] = "administrator"
    apply(said(3, "/start", by=STRANGER_ID), standing(4, by=STRANGER_ID, was="administrator"))
    assert (STRANGER_ID, "channel_refused") not in _notices()


def test_a_full_plan_is_refused_and_leaves_nothing_behind(apply: Apply, owned: None, telegram: FakeTelegram) -> None:
    telegram.statuses[OTHER_CHAT_ID, OWNER_ID], telegram.counts[OTHER_CHAT_ID] = "creator", 9
    apply(standing(3, chat_id=OTHER_CHAT_ID))
    assert len(db.rows(CHANNELS)) == 1
    assert "Free tarifida koʻpi bilan 1 ta kanal" in _refusal()
    assert db.row("SELECT COUNT(*) FROM preview_watch") == (1,)
    assert db.row("SELECT COUNT(*) FROM feed") == (1,)


def test_losing_and_regaining_rights_is_told(apply: Apply, owned: None) -> None:
    apply(standing(3, was="administrator", can_post_messages=False))
    assert db.rows(CHANNELS)[0][2] == "rights_missing"
    apply(standing(4, was="administrator", now_is="kicked"))
    assert db.rows(CHANNELS)[0][2] == "bot_removed"
    apply(standing(5, was="kicked"))
    assert db.rows(CHANNELS)[0][2] == "active"
    told = [template for _, template in _notices()]
    assert told[2:] == ["rights_lost", "bot_removed", "rights_back", "channel_connected"]


def test_being_removed_from_a_chat_we_never_knew_leaves_no_trace(apply: Apply) -> None:
    apply(standing(3, was="administrator", now_is="kicked"))
    assert db.rows("SELECT id FROM chat") == []


def test_when_telegram_asks_for_patience_the_update_waits_without_losing_an_attempt(
    apply: Apply, telegram: FakeTelegram, runtime: Runtime
) -> None:
    telegram.statuses[CHAT_ID, OWNER_ID], telegram.counts[CHAT_ID] = "creator", 5
    telegram.failures["member_status"] = [Upstream("Too Many Requests", retry_after_s=40)]
    before = clock.utcnow()
    apply(said(1, "/start"), standing(2))
    assert db.rows(CHANNELS) == []
    attempts, not_before = db.row("SELECT attempts, not_before FROM inbox WHERE update_id = 2") or (None, 0)
    assert attempts == 0
    assert 39 <= (db.moment(not_before) - before).total_seconds() <= 45
    budget = db.row("SELECT not_before FROM send_budget WHERE bot_id = ? AND scope = 'all'", BOT_ID)
    assert budget and budget[0], "every sender of this bot sees the wait"
    db.execute("UPDATE inbox SET not_before = NULL")
    apply()
    assert len(db.rows(CHANNELS)) == 1
    assert dict(inbox.counts()) == {"waiting": 0, "dead": 0}


def test_a_bot_that_is_gone_before_it_could_ask_connects_nothing(apply: Apply, telegram: FakeTelegram) -> None:
    refused = Upstream("Forbidden: bot is not a member of the channel chat", permanent=True)
    telegram.failures |= {"member_status": [refused], "member_count": [refused]}
    apply(said(1, "/start"), standing(2))
    assert db.rows(CHANNELS) == []
    assert dict(inbox.counts()) == {"waiting": 0, "dead": 0}
