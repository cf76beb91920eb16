"""Notices about money reach whoever pays by mail, once, in the owner's language, with the way to pay."""

from __future__ import annotations

import re
from collections import Counter
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest

from app.accounts.service import people
from app.billing.gateways.base import SavedCard
from app.billing.models import BillingAccount, Subscription
from app.billing.service import cards, erasing, letters, lifecycle, payers, subscriptions, trials
from app.billing.service.lifecycle import Desk
from app.billing.service.payers import Details
from app.boot import Runtime
from app.core import clock, db, i18n
from app.core.policy import Role
from app.mail import service as mail
from app.telegram import service as telegram
from tests.billing import buying
from tests.billing.buying import at_once, order
from tests.conftest import NOW
from tests.mail.server import Mailbox
from tests.world import Owner

DAY = timedelta(days=1)


@pytest.fixture
def desk(runtime: Runtime) -> Desk:
    return Desk(runtime.gateways, "https://bot.example")


@pytest.fixture
def sub(runtime: Runtime, buyer: Owner) -> Subscription:
    """Paid by link for the first month; the payer has an address."""
    _reach(buyer, "kassa@bobur.example")
    assert buying.bought_by_payme(order(runtime, buyer, "payme"), "0" * 24)["state"] == 2
    found: Subscription = Subscription.get(Subscription.workspace == buyer.workspace.id)
    return found


def _reach(who: Owner, email: str) -> None:
    payers.change_details(who.workspace.id, Details("OOO Bobur", email), user_id=who.user.id, now=NOW)


def _look(sub: Subscription, desk: Desk, now: datetime) -> tuple[str, ...]:
    report = lifecycle.advance(sub.id, desk, now=now)
    assert report is not None
    return report.done


def _letters() -> list[tuple[Any, ...]]:
    return db.rows("SELECT key, address, subject, body, language, state FROM letter ORDER BY id")


def test_three_days_before_the_end_the_link_goes_by_mail_though_there_is_no_bot(
    sub: Subscription, desk: Desk, runtime: Runtime, mailbox: Mailbox, buyer: Owner
) -> None:
    people.prefer(buyer.user.id, language="uz", timezone="Asia/Tashkent")
    other = people.create_user(name="Karim", language="ru", timezone="UTC", telegram_user_id=78, now=NOW)
    people.add_member(sub.workspace, other.id, Role.ADMIN, now=NOW)
    at = sub.period_end - 3 * DAY
    assert _look(sub, desk, at - timedelta(seconds=1)) == () and _letters() == []
    at_once([partial(_look, sub, desk, at)] * 5)
    (letter,) = _letters()
    assert letter[0] == f"renewal_due:{sub.public_id}:0:0" and letter[1] == "kassa@bobur.example"
    (invited,) = db.row("SELECT public_id FROM checkout_order WHERE state = 'open'") or ("",)
    assert f"\nhttps://bot.example/orders/{invited}\n" in letter[3]
    assert letter[2].startswith("Pro tarifi ") and "toʻlangan" in letter[2] and letter[4] == "uz"
    assert db.rows("SELECT id FROM notice") == [], "nobody was told by a bot"
    assert runtime.post is not None and mail.send_due(runtime.post, now=at) == {"sent": 1}
    (arrived,) = mailbox.letters
    assert arrived["Subject"] == letter[2] and arrived.get_content().replace("\r\n", "\n") == letter[3]
    assert "Bobur's channels" in letter[3] and letter[3].endswith("https://bot.example/billing/payer\n")


def test_a_letter_is_one_however_many_are_told_by_the_bot(
    sub: Subscription, desk: Desk, runtime: Runtime, buyer: Owner
) -> None:
    telegram.register(runtime.sealer, token="7:x", username="Bot", updates="polling", now=NOW)
    for number in (78, 79):
        other = people.create_user(name="Karim", timezone="UTC", telegram_user_id=number, now=NOW)
        people.add_member(sub.workspace, other.id, Role.ADMIN, now=NOW)
    _look(sub, desk, sub.period_end - 3 * DAY)
    assert len(_letters()) == 1 and db.row("SELECT COUNT(*) FROM notice") == (3,)


def test_who_does_not_pay_is_reminded_by_mail_as_by_the_bot(sub: Subscription, desk: Desk, runtime: Runtime) -> None:
    telegram.register(runtime.sealer, token="7:x", username="Bot", updates="polling", now=NOW)
    moment = sub.period_end - 4 * DAY
    while moment <= sub.period_end + 15 * DAY:
        _look(sub, desk, moment)
        moment += timedelta(hours=1)
    kinds = Counter(str(letter[0]).partition(":")[0] for letter in _letters())
    assert kinds == {"renewal_due": 1, "renewal_overdue": 7, "subscription_ended": 1}
    assert kinds == Counter(kind for (kind,) in db.rows("SELECT template FROM notice"))


def test_a_trial_with_a_card_is_told_of_before_its_card_is_charged(desk: Desk, runtime: Runtime, buyer: Owner) -> None:
    _reach(buyer, "kassa@bobur.example")
    sub = trials.start(buyer.workspace.id, "pro", runtime.gateways.get("payme"), user_id=buyer.user.id, now=NOW)
    runtime.vault.save(buyer.workspace.id, SavedCard("payme", "token", "payer", "8600 •••• 6478"), now=NOW)
    assert cards.card_of(Subscription.get(Subscription.workspace == buyer.workspace.id)) is not None
    _look(sub, desk, NOW + trials.LENGTH - 3 * DAY)
    (letter,) = _letters()
    assert letter[0] == f"trial_ends:{sub.public_id}:-1:0" and "https://bot.example/billing\n" in letter[3]


@pytest.mark.parametrize("language", list(i18n.LANGUAGES))
def test_every_notice_about_money_is_a_letter_in_every_language(sub: Subscription, buyer: Owner, language: str) -> None:
    people.prefer(buyer.user.id, language=language, timezone="Asia/Tashkent")
    for template in letters._SUBJECTS:
        letters.write(
            sub, template, minor=1_000_000, link="https://b.example/o", payer_link="https://b.example/p", now=NOW
        )
    made = _letters()
    assert len(made) == len(letters._SUBJECTS) and {letter[4] for letter in made} == {language}
    texts = [letter[2] + letter[3] for letter in made]
    assert all("https://b.example/o" in text and "%(" not in text and "Pro" in text for text in texts)
    if language != "en":
        assert not [text for text in texts if re.search(r"\b(Your|plan|letter)\b", text)]


def test_the_card_that_was_declined_is_written_of_for_each_payment(sub: Subscription) -> None:
    for payment in (1, 1, 2):
        letters.write(
            sub, "charge_declined", minor=1, link="https://l", payer_link="https://p", key=f"payment{payment}", now=NOW
        )
    assert [letter[0].rpartition(":")[2] for letter in _letters()] == ["0payment1", "0payment2"]


def test_nothing_is_written_without_an_address_and_a_wrong_one_stops_no_plan(
    sub: Subscription, desk: Desk, buyer: Owner
) -> None:
    at = sub.period_end - 3 * DAY
    BillingAccount.update(email="a@b.example\nBcc: eve@evil.example").execute()
    assert _look(sub, desk, at) == ("invite",) and _letters() == []
    BillingAccount.update(email="").execute()
    assert _look(sub, desk, sub.period_end) == ("lapse",) and _look(sub, desk, sub.period_end + 2 * DAY) == ("remind",)
    assert _letters() == []


def test_without_mail_the_bot_alone_tells(sub: Subscription, desk: Desk, runtime: Runtime) -> None:
    mail.configure(is_set_up=False)
    telegram.register(runtime.sealer, token="7:x", username="Bot", updates="polling", now=NOW)
    _look(sub, desk, sub.period_end - 3 * DAY)
    assert _letters() == [] and db.row("SELECT COUNT(*) FROM notice") == (1,)


def test_erasing_a_payer_blanks_the_letters(sub: Subscription, desk: Desk, buyer: Owner) -> None:
    _look(sub, desk, sub.period_end - 3 * DAY)
    mail.queue(sub.workspace + 1, "other:1", to="z@other.example", subject="Other", body="Other", now=NOW)
    live = subscriptions.live(buyer.workspace.id)
    assert live is not None
    with db.write():
        subscriptions.end(live, "cancel_now", now=NOW)
    erasing.erase_payer(sub.account, now=clock.utcnow())
    erased, other = _letters()
    assert erased[1:] == ("", "", "", "", "dropped") and other[1:4] == ("z@other.example", "Other", "Other")
