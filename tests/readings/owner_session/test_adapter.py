"""The real Telethon client over generated answers: what is sent, how often, and what Telegram's refusals become."""

from __future__ import annotations

from typing import Any

import pytest
from telethon import errors
from telethon.tl import functions as f
from telethon.tl import types

from app.core.errors import Upstream
from app.readings.collectors.base import Count
from app.readings.collectors.owner_session.base import (
    AskedPassword,
    ChannelKey,
    FloodWait,
    NotAllowed,
    Person,
    QrCode,
    SessionRevoked,
    WrongAnswer,
)
from app.readings.collectors.owner_session.guard import ALLOWED, require_allowed
from tests.readings.owner_session.generated import CHANNEL, PERSON, GeneratedTelegram, account_of

KEY = ChannelKey(CHANNEL, CHANNEL * 7)


def _all_history(account: Any) -> list[int]:
    seen, before = [], None
    while True:
        page = account.history(KEY, before=before)
        seen += [p.message_id for p in page.posts]
        if page.before is None:
            return seen
        before = page.before


def test_a_whole_history_comes_once_and_in_order() -> None:
    telegram = GeneratedTelegram()
    account = account_of(telegram)
    assert _all_history(account) == telegram.channels[0].post_ids()
    account.close()


def test_counters_are_asked_without_adding_a_view() -> None:
    telegram = GeneratedTelegram()
    account = account_of(telegram)
    first, gone = account.counters(KEY, [3, 40])
    assert (first.views, first.comments, gone.views) == (Count(1021, 0), Count(3, 0), None)
    (asked,) = telegram.named(f.messages.GetMessagesViewsRequest)
    assert asked.increment is False and asked.id == [3, 40]


def test_a_request_that_would_add_views_is_never_sent() -> None:
    telegram = GeneratedTelegram()
    account = account_of(telegram)
    peer = types.InputPeerChannel(CHANNEL, CHANNEL * 7)
    with pytest.raises(NotAllowed):
        account._ask(f.messages.GetMessagesViewsRequest(peer, [1], increment=True))
    assert telegram.asked == []


WRITES = (
    f.messages.SendMessageRequest(types.InputPeerSelf(), "hello"),
    f.channels.DeleteMessagesRequest(types.InputChannel(1, 2), [1]),
    f.messages.ReadHistoryRequest(types.InputPeerSelf(), 5),
    f.channels.ReadHistoryRequest(types.InputChannel(1, 2), 5),
    f.messages.EditMessageRequest(types.InputPeerSelf(), 1, message="x"),
    f.account.UpdateProfileRequest(first_name="x"),
    f.contacts.GetContactsRequest(0),
    f.updates.GetDifferenceRequest(1, None, 1),
)


@pytest.mark.parametrize("request_", WRITES, ids=lambda r: type(r).__name__)
def test_what_is_not_on_the_list_is_never_sent(request_: Any) -> None:
    telegram = GeneratedTelegram()
    with pytest.raises(NotAllowed):
        account_of(telegram)._ask(request_)
    with pytest.raises(NotAllowed):  # nor hidden among others
        account_of(telegram)._ask([f.users.GetUsersRequest([]), request_])
    assert telegram.asked == []


def test_telethon_s_own_conveniences_pass_the_list_too() -> None:
    telegram = GeneratedTelegram()
    account = account_of(telegram)
    with pytest.raises(NotAllowed):
        account._run(account._client.send_message(types.InputPeerSelf(), "hello"))
    assert telegram.named(f.messages.SendMessageRequest) == []


def test_without_the_list_the_message_would_be_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """The harm that the list prevents."""
    telegram = GeneratedTelegram()
    monkeypatch.setattr("app.readings.collectors.owner_session.guard.require_allowed", lambda request: None)
    account = account_of(telegram)
    with pytest.raises(AttributeError):  # the generated Telegram cannot answer it, but it came there
        account._ask(WRITES[0])
    assert telegram.named(f.messages.SendMessageRequest)


def test_the_list_holds_reads_and_signing_in_and_out_only() -> None:
    names = sorted(f"{kind.__module__.rpartition('.')[2]}.{kind.__name__}" for kind in ALLOWED)
    writes = ("Send", "Edit", "Delete", "Read", "Set", "Update", "Join", "Leave", "Invite", "Forward", "Increment")
    assert [n for n in names if n.partition(".")[2].startswith(writes)] == ["auth.SendCodeRequest"]
    for kind in ALLOWED - {f.messages.GetMessagesViewsRequest}:
        require_allowed(kind.__new__(kind))


def test_at_most_one_call_a_second() -> None:
    telegram = GeneratedTelegram()
    account = account_of(telegram)
    opened_at = telegram.clock()
    _all_history(account)
    account.channels()
    account.stats(KEY)
    moments = [opened_at, *telegram.at]
    assert len(moments) > 6
    assert min(after - before for before, after in zip(moments, moments[1:], strict=False)) >= 1.0


def test_without_the_pace_calls_would_come_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async def at_once(_self: Any) -> None:
        return None

    monkeypatch.setattr("app.readings.collectors.owner_session.guard.Pace.turn", at_once)
    telegram = GeneratedTelegram()
    _all_history(account_of(telegram))
    assert len(telegram.at) > 2 and len(set(telegram.at)) == 1


@pytest.mark.parametrize(
    ("said", "becomes"),
    [
        (errors.FloodWaitError, FloodWait),
        (errors.AuthKeyUnregisteredError, SessionRevoked),
        (errors.SessionRevokedError, SessionRevoked),
        (errors.UserDeactivatedBanError, SessionRevoked),
        (errors.ChannelPrivateError, NotAllowed),
        (errors.ChatAdminRequiredError, NotAllowed),
        (errors.MsgIdInvalidError, Upstream),
    ],
)
def test_telegram_s_refusals_in_our_words(said: type, becomes: type) -> None:
    telegram = GeneratedTelegram(fails={f.messages.GetHistoryRequest: [said]})
    with pytest.raises(becomes) as caught:
        account_of(telegram).history(KEY)
    if becomes is FloodWait:
        assert caught.value.retry_after_s == 77 and len(telegram.asked) == 1  # and nobody asked again meanwhile


def test_a_foreign_channel_is_refused() -> None:
    with pytest.raises(NotAllowed):
        account_of(GeneratedTelegram()).history(ChannelKey(CHANNEL, 1))


def test_only_the_channels_that_the_person_runs_are_kept() -> None:
    (own,) = account_of(GeneratedTelegram()).channels()
    assert (own.title, own.key, own.subscribers) == ("News 24", KEY, Count(12_345, 0))


def test_statistics_with_a_graph_that_is_asked_for_apart() -> None:
    telegram = GeneratedTelegram()
    stats = account_of(telegram).stats(KEY)
    assert stats is not None
    graphs = {one.kind: one for one in stats.graphs}
    assert graphs["languages"].error == "Not enough data" and graphs["growth"].error is None
    assert len(telegram.named(f.stats.LoadAsyncGraphRequest)) == 1
    assert [s.name for s in graphs["views_by_source"].series] == ["URL", "Followers"]


def test_no_statistics_where_telegram_offers_none() -> None:
    telegram = GeneratedTelegram(can_view_stats=False)
    assert account_of(telegram).stats(KEY) is None
    assert telegram.named(f.stats.GetBroadcastStatsRequest) == []


def _scan(account: Any) -> None:
    account._run(account._client._dispatch_update(types.UpdateLoginToken()))


def test_signing_in_by_qr() -> None:
    telegram = GeneratedTelegram(signed_in=False)
    account = account_of(telegram, signs_in=True)
    code = account.start_qr()
    assert isinstance(code, QrCode) and code.url.startswith("tg://login?token=Z2VuZXJhdGVk")
    assert account.wait_qr(0.01) is None
    telegram.scanned = True
    _scan(account)
    assert account.wait_qr(0.01) == Person(PERSON)
    assert account.session()
    asked = {type(asked) for asked in telegram.asked}
    assert asked == {f.auth.ExportLoginTokenRequest, f.users.GetUsersRequest}  # no look at messages


def test_a_scan_that_was_not_heard_is_found_when_the_code_is_made_anew() -> None:
    telegram = GeneratedTelegram(signed_in=False)
    account = account_of(telegram, signs_in=True)
    account.start_qr()
    telegram.scanned = True
    assert account.start_qr() == Person(PERSON)


def test_signing_in_by_code() -> None:
    telegram = GeneratedTelegram(signed_in=False)
    account = account_of(telegram, signs_in=True)
    token = account.start_code("+998901234567")
    with pytest.raises(WrongAnswer) as wrong:
        account.finish_code("+998901234567", token, "00000")
    assert wrong.value.code == "wrong_code"
    assert account.finish_code("+998901234567", token, "12345") == Person(PERSON)


def test_an_account_with_a_second_password_asks_for_it() -> None:
    telegram = GeneratedTelegram(signed_in=False, password=True)
    account = account_of(telegram, signs_in=True)
    token = account.start_code("+998901234567")
    with pytest.raises(AskedPassword):
        account.finish_code("+998901234567", token, "12345")
    telegram.scanned = True
    with pytest.raises(AskedPassword):
        account.start_qr()


def test_signing_out_ends_the_session_at_telegram() -> None:
    telegram = GeneratedTelegram()
    account_of(telegram).log_out()
    assert not telegram.signed_in
