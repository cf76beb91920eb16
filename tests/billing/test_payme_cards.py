"""Cards that a payer's browser saves at Payme: nothing is charged before Payme says what the token is."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest

from app.billing.gateways.payme.subscribe import PaymeCards
from app.billing.service import cards
from app.boot import Runtime
from app.core import db
from app.core.errors import Conflict, Invalid, Upstream
from tests.billing import buying, charged
from tests.billing.outside import PAYME_MERCHANT, Outside
from tests.conftest import NOW
from tests.world import Owner, owner

GOOD, SMS = "8600495473316478", "666666"


@pytest.fixture
def payer(worker: Runtime) -> Owner:
    """Somebody whose plan is paid by Payme, by link so far."""
    who = owner("Bobur", telegram_user_id=77, plan="free", now=NOW)
    buying.bought_by_payme(buying.order(worker, who, "payme"), "1" * 24)
    return who


def browser(outside: Outside, method: str, **params: Any) -> dict[str, Any]:
    """A call as the page's script makes it: with the kassa's id, without its key."""
    body = {"id": 1, "method": method, "params": params}
    answer = httpx.post(f"{outside.payments_url}/payme-api", json=body, headers={"X-Auth": PAYME_MERCHANT})
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    return dict(answer.json())


def typed(outside: Outside, number: str = GOOD, *, code: str | None = SMS) -> str:
    """The token that the browser has in the end; without a code that of a card which nobody confirmed."""
    token = browser(outside, "cards.create", card={"number": number, "expire": "0329"}, save=True)["result"]["card"][
        "token"
    ]
    assert browser(outside, "cards.get_verify_code", token=token)["result"]["sent"]
    return str(browser(outside, "cards.verify", token=token, code=code)["result"]["card"]["token"] if code else token)


def kept() -> list[tuple[str, str]]:
    return [(str(state), str(label)) for state, label in db.rows("SELECT state, label FROM payment_method ORDER BY id")]


def test_a_card_that_payme_knows_is_charged_for_the_next_period(
    worker: Runtime, outside: Outside, payer: Owner
) -> None:
    worker.vault.offer(payer.workspace.id, "payme", typed(outside), now=NOW)
    assert kept() == [("checking", "")] and cards.newest(payer.workspace.id, "payme") is None
    assert db.rows("SELECT DISTINCT key FROM outbox WHERE topic = 'billing.desk'") == [("payme",)]
    done, _ = worker.desks.run("payme", NOW)
    assert "1 cards checked" in done and kept() == [("active", "Uzcard •••• 6478, 03/29")]
    paying = charged.Payer(worker, outside, payer, "payme")
    end, before = paying.sub.period_end, outside.charges("payme")
    paying.live(end - timedelta(days=4), end + timedelta(hours=2))
    assert paying.sub.period_start == end and outside.charges("payme") == before + 1
    assert buying.books_are_right()


@pytest.mark.parametrize("case", ["unknown", "unconfirmed"])
def test_a_token_that_payme_refuses_is_never_charged(
    worker: Runtime, outside: Outside, payer: Owner, case: str
) -> None:
    token = "f" * 48 if case == "unknown" else typed(outside, code=None)
    worker.vault.offer(payer.workspace.id, "payme", token, now=NOW)
    worker.desks.run("payme", NOW)
    assert kept() == [("refused", "")] and cards.newest(payer.workspace.id, "payme") is None
    assert charged.Payer(worker, outside, payer, "payme").sub.method_id is None


def test_while_payme_does_not_answer_the_token_waits(worker: Runtime, outside: Outside, payer: Owner) -> None:
    worker.vault.offer(payer.workspace.id, "payme", typed(outside), now=NOW)
    issuer = worker.desks.chargers["payme"]
    right, issuer._url = issuer._url, "http://127.0.0.1:9/"  # type: ignore[attr-defined]
    _, again = worker.desks.run("payme", NOW)
    assert kept() == [("checking", "")] and again == NOW + timedelta(seconds=30)
    issuer._url = right  # type: ignore[attr-defined]
    worker.desks.run("payme", NOW + timedelta(seconds=30))
    assert kept()[0][0] == "active"


def test_what_is_no_token_or_was_brought_before_is_refused(worker: Runtime, outside: Outside, payer: Owner) -> None:
    other = owner("Aziz", telegram_user_id=78, plan="free", now=NOW)
    token = typed(outside)
    for wrong in ("", "short", "a b c d e f g h", "t" * 2049, "ключключ"):
        with pytest.raises(Invalid, match="not saved"):
            worker.vault.offer(payer.workspace.id, "payme", wrong, now=NOW)
    worker.vault.offer(payer.workspace.id, "payme", token, now=NOW)
    for who in (payer, other):
        with pytest.raises(Conflict, match="already"):
            worker.vault.offer(who.workspace.id, "payme", token, now=NOW)
    assert len(kept()) == 1


def test_one_that_was_removed_while_it_was_checked_stays_removed(
    worker: Runtime, outside: Outside, payer: Owner
) -> None:
    card = worker.vault.offer(payer.workspace.id, "payme", typed(outside), now=NOW)
    cards.remove(payer.workspace.id, card.public_id, user_id=payer.user.id, now=NOW)
    assert not cards._conclude(card, cards.ACTIVE, "Uzcard", None, now=NOW)
    done, _ = worker.desks.run("payme", NOW)
    assert "1 cards forgotten" in done and kept() == [("removed", "")]


def test_the_simulated_payme_lets_a_browser_do_no_more_than_save_a_card(outside: Outside) -> None:
    assert browser(outside, "cards.check", token=typed(outside))["error"]["code"] == -32504
    assert browser(outside, "receipts.create", amount=100, account={})["error"]["code"] == -32504
    assert browser(outside, "cards.create", card={"number": "12", "expire": "0329"})["error"]["code"] == -31300
    assert httpx.options(f"{outside.payments_url}/payme-api").headers["Access-Control-Allow-Headers"]


def test_a_card_that_cannot_be_asked_about_keeps_nobody_waiting(worker: Runtime, payer: Owner) -> None:
    other = owner("Aziz", telegram_user_id=78, plan="free", now=NOW)
    for who, token in ((payer, "never-heard-of"), (other, "another-token")):
        worker.vault.offer(who.workspace.id, "payme", token, now=NOW)

    class Issuer:
        def check(self, token: str) -> str:
            if token == "never-heard-of":
                raise Upstream("Payme does not answer.")
            return "Uzcard"

    assert cards.check_offered("payme", Issuer(), worker.vault, now=NOW) == (1, NOW + timedelta(seconds=30))
    assert [state for state, _ in kept()] == ["checking", "active"]


def test_our_own_wrong_key_says_nothing_of_the_card(worker: Runtime, outside: Outside, payer: Owner) -> None:
    worker.vault.offer(payer.workspace.id, "payme", typed(outside), now=NOW)
    wrong = PaymeCards(f"{outside.payments_url}/payme-api", PAYME_MERCHANT, "wrong key")
    assert cards.check_offered("payme", wrong, worker.vault, now=NOW) == (0, NOW + timedelta(seconds=30))
    assert kept() == [("checking", "")]
    worker.desks.run("payme", NOW + timedelta(seconds=30))
    assert kept()[0][0] == "active"


def test_a_workspace_cannot_fill_the_table_with_tokens(worker: Runtime, payer: Owner) -> None:
    for number in range(5):
        worker.vault.offer(payer.workspace.id, "payme", f"token-{number:04d}", now=NOW)
    with pytest.raises(Conflict, match="Remove the cards"):
        worker.vault.offer(payer.workspace.id, "payme", "token-0005", now=NOW)


def test_a_card_that_was_saved_before_pays_for_a_plan_that_is_bought_by_link(worker: Runtime, outside: Outside) -> None:
    """And of two cards the next newest, when the newest is removed."""
    who = owner("Karim", telegram_user_id=79, plan="free", now=NOW)
    made = [worker.vault.offer(who.workspace.id, "payme", typed(outside), now=NOW) for _ in range(2)]
    worker.desks.run("payme", NOW)
    paying = charged.Payer(worker, outside, who, "payme")
    buying.bought_by_payme(buying.order(worker, who, "payme"), "2" * 24)
    assert paying.sub.method_id == made[1].id
    cards.remove(who.workspace.id, made[1].public_id, user_id=None, now=NOW)
    assert paying.sub.method_id == made[0].id
    cards.remove(who.workspace.id, made[0].public_id, user_id=None, now=NOW)
    assert paying.sub.method_id is None
