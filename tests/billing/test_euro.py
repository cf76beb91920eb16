"""Plans in euro: sold by Stripe once they have a price, charged, billed, booked and given back to the cent; before, to nobody."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from pypdf import PdfReader

from app.billing.money_models import CheckoutOrder, Invoice
from app.billing.service import ledger, lifecycle, orders, prices, returning, revenue, subscriptions
from app.billing.service.lifecycle import Desk
from app.billing.service.limits import plan_of
from app.billing.service.prices import Price
from app.boot import Runtime
from app.core import clock, db
from app.core.errors import Invalid
from app.web import create_app
from tests.billing import buying, charged
from tests.billing.buying import as_paid
from tests.billing.outside import Outside
from tests.billing.test_stripe import Shop
from tests.conftest import NOW
from tests.web.conftest import sign_in as sign_in_to
from tests.world import Owner, owner

DAY = timedelta(days=1)
EURO = 899


@pytest.fixture
def runtime(database_url: str, tmp_path: Path, outside: Outside) -> Iterator[Runtime]:
    with charged.booted(database_url, tmp_path, outside) as found:
        yield found


@pytest.fixture
def who(runtime: Runtime) -> Owner:
    return owner("Bobur", telegram_user_id=77, plan="free", now=NOW)


class EuroShop(Shop):
    """Everything is asked for in euro."""

    def order(self, *, now: object = None) -> CheckoutOrder:
        way, at = self.runtime.gateways.get("stripe", "EUR"), clock.utcnow()
        return orders.open_once(self.who.workspace.id, "pro", "month", way, user_id=self.who.user.id, now=at)


@pytest.fixture
def shop(runtime: Runtime, outside: Outside, who: Owner) -> EuroShop:
    return EuroShop(runtime, outside, who)


def _priced(amount_minor: int = EURO) -> None:
    prices.set_price(Price("pro", "month", "EUR", amount_minor), actor="test", now=clock.utcnow())


def test_nothing_is_sold_in_euro_before_it_has_a_price(shop: EuroShop) -> None:
    with pytest.raises(Invalid, match="not for sale in this currency"):
        shop.order()
    with pytest.raises(Invalid, match="not for sale in this currency"):
        shop.runtime.gateways.get("payme", "EUR")
    assert [one.currency for one in shop.runtime.gateways.on("web")] == ["UZS", "UZS", "USD", "EUR"]


def test_a_plan_is_bought_in_euro_and_the_books_say_so(shop: EuroShop) -> None:
    _priced()
    order, intent = shop.bought()
    assert as_paid(order) == ("paid", 1) and plan_of(shop.who.workspace.id) == "pro"
    taken = shop.outside.stripe("get", f"/v1/payment_intents/{intent}")
    assert (taken["amount_received"], taken["currency"]) == (EURO, "eur")
    invoice: Invoice = Invoice.get(Invoice.workspace == shop.who.workspace.id)
    assert (invoice.currency, invoice.total_minor, invoice.tax_minor) == ("EUR", EURO, 0) and invoice.number
    assert ledger.balance(ledger.clearing("stripe"), "EUR") == EURO == -ledger.balance(ledger.DEFERRED, "EUR")
    assert ledger.balance(ledger.clearing("stripe"), "USD") == 0 and buying.books_are_right()
    assert revenue.at(clock.utcnow(), "EUR") == EURO and revenue.currencies() == ["EUR"]


def test_its_card_is_charged_in_euro_at_the_end_of_the_period(shop: EuroShop) -> None:
    _priced()
    shop.bought()
    sub = subscriptions.live(shop.who.workspace.id)
    assert sub is not None and sub.currency == "EUR"
    desk = Desk(shop.runtime.gateways, "https://bot.example")
    lifecycle.advance(sub.id, desk, now=sub.period_end)
    lifecycle.collect(sub.id, desk, shop.runtime.collector, now=sub.period_end)
    lifecycle.advance(sub.id, desk, now=sub.period_end)
    assert shop.outside.money("stripe")[-1]["amount"] == EURO
    paid = db.rows("SELECT currency, amount_minor, state FROM payment ORDER BY id")
    assert paid == 2 * [("EUR", EURO, "succeeded")]
    assert ledger.balance(ledger.clearing("stripe"), "EUR") == 2 * EURO and buying.books_are_right()


def test_without_a_card_the_next_period_is_asked_for_in_euro(shop: EuroShop) -> None:
    """What the first currency of the gateway costs is nobody's business."""
    _priced()
    shop.bought()
    with db.write():
        db.execute(
            "UPDATE subscription SET method_id = NULL, next_action = 'invite', next_action_at = ?", db.stamp(NOW)
        )
    sub = subscriptions.live(shop.who.workspace.id)
    assert sub is not None
    lifecycle.advance(sub.id, Desk(shop.runtime.gateways, "https://bot.example"), now=sub.period_end - DAY)
    asked = db.rows("SELECT currency, amount_minor FROM checkout_order WHERE state = 'open'")
    assert asked == [("EUR", EURO)]


def test_euros_go_back_in_parts_until_nothing_is_left(shop: EuroShop) -> None:
    _priced()
    order, intent = shop.bought()
    (payment,) = db.row("SELECT id FROM payment") or (0,)
    for number, amount in enumerate((300, 599)):
        returning.refund_part(payment, amount, f"part {number}", "as agreed", now=clock.utcnow())
    assert "2 refunds sent" in shop.desk()
    moved = [one["amount"] for one in shop.outside.money("stripe") if one["money"] == "refund"][-2:]
    assert [abs(one) for one in moved] == [300, 599] and as_paid(order)[0] == "taken_back"
    assert db.rows("SELECT currency, SUM(total_minor) FROM credit_note GROUP BY currency") == [("EUR", EURO)]
    assert ledger.balance(ledger.clearing("stripe"), "EUR") == 0 == ledger.balance(ledger.DEFERRED, "EUR")
    assert buying.books_are_right() and revenue.at(clock.utcnow() + DAY, "EUR") == 0


def test_an_order_in_dollars_is_not_one_of_the_same_number_of_euros(shop: EuroShop) -> None:
    _priced(999)
    dollars = orders.open_once(
        *(shop.who.workspace.id, "pro", "month", shop.runtime.gateways.get("stripe")),
        user_id=shop.who.user.id,
        now=clock.utcnow(),
    )
    euros = shop.order()
    assert (dollars.currency, dollars.amount_minor) == ("USD", 999) and (euros.currency, euros.amount_minor) == (
        "EUR",
        999,
    )
    assert euros.id != dollars.id and shop.order().id == euros.id


def test_the_page_offers_euro_once_there_is_a_price_and_the_invoice_is_written_in_it(shop: EuroShop) -> None:
    app = create_app(shop.runtime)
    app.config["WTF_CSRF_ENABLED"] = False
    client = sign_in_to.__wrapped__(app)(shop.who)  # type: ignore[attr-defined]
    assert "currency=EUR" not in client.get("/billing").text and "currency=USD" in client.get("/billing").text
    _priced()
    page = client.get("/billing?currency=EUR").text
    assert "€8.99" in page and "Pay by Stripe" in page and "Pay by Payme" not in page
    asked = {"plan": "pro", "interval": "month", "currency": "EUR"}
    refused = client.post("/billing/checkout", data=asked | {"gateway": "payme"})
    assert refused.status_code == 422 and buying.count("checkout_order") == 0
    location = client.post("/billing/checkout", data=asked | {"gateway": "stripe"}).headers["Location"]
    assert "€8.99" in client.get(location).text
    order = orders.any_order(location.rpartition("/")[2])
    shop.press(shop.page(order))
    shop.hear("payment_intent.succeeded", shop.intent_of(order))
    shop.desk()
    invoice: Invoice = Invoice.get(Invoice.workspace == shop.who.workspace.id)
    paper = client.get(f"/billing/invoices/{invoice.public_id}.pdf")
    text = PdfReader(io.BytesIO(paper.data)).pages[0].extract_text()
    assert text.count("€8.99") >= 2 and "$" not in text
