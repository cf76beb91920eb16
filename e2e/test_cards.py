"""A plan bought at the simulated Stripe in a browser, its card charged by Temporal, declined, and made good from the banner."""

from __future__ import annotations

import time

import httpx
from playwright.sync_api import Page, expect
from pypdf import PdfReader

from app.core.settings import SIMULATED_STRIPE_KEY
from e2e.posting import stack, visit
from e2e.stack import Stack, wait_for
from e2e.test_journey import Visit, browser

__all__ = ["browser", "stack", "visit"]


def test_a_plan_is_bought_at_stripe_declined_later_and_paid_from_the_banner(visit: Visit) -> None:
    page, stack = visit.page, visit.stack
    visit.allowed = {402}  # the simulated Stripe says that the bank declined
    _buy(page)
    page.goto("/billing")
    expect(page.locator("#billing_standing")).to_contain_text("Then Visa •••• 4242")
    _bank_says(stack, "insufficient_funds")
    _period_is_over(stack)
    wait_for("the charge is declined", lambda: stack.rows("SELECT 1 FROM payment WHERE state = 'declined'"))
    page.goto("/network")
    page.locator(".banner-bad").get_by_role("link", name="Plan and payments").click()
    expect(page.locator("#billing_standing")).to_contain_text("We try Visa •••• 4242")
    page.get_by_role("link", name="Pay now").click()
    expect(page.locator("#order_state")).to_contain_text("was not charged: its bank declined")
    _bank_says(stack, "visa")
    page.get_by_role("button", name="Charge Visa •••• 4242").click()
    expect(page.locator("#order_state")).to_contain_text("Paid. Thank you!", timeout=20_000)
    with page.expect_download() as got:
        page.get_by_role("link", name="Invoice").click()
    words = PdfReader(got.value.path()).pages[0].extract_text()
    assert "$9.99" in words and "AnalyticBot Pro" in words
    page.goto("/network")
    expect(page.locator("#channels_table tbody tr").first).to_be_visible()
    expect(page.locator(".banner-bad", has_text="The payment for your plan is late.")).to_have_count(0)
    assert stack.rows("SELECT COUNT(*) FROM ledger_entry WHERE kind = 'payment'") == [(2,)]
    assert len([one for one in _money(stack) if one["money"] == "charge"]) == 2


def _buy(page: Page) -> None:
    page.goto("/billing?currency=USD")
    card = page.locator("article.card", has=page.get_by_role("heading", name="Pro"))
    card.get_by_role("button", name="Pay by Stripe").click()
    page.wait_for_url("**/orders/**")
    page.get_by_role("link", name="Pay by Stripe").click(timeout=15_000)
    page.get_by_label("Card").select_option("insufficient_funds")
    page.get_by_role("button", name="Pay", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("insufficient_funds")
    page.get_by_label("Card").select_option("visa")
    page.get_by_role("button", name="Pay", exact=True).click()
    expect(page.locator("#order_state")).to_contain_text("Paid. Thank you!", timeout=20_000)


def _bank_says(stack: Stack, card: str) -> None:
    """The bank looks at the newest saved card otherwise from now on."""
    url = f"{stack.stripe_url}/v1/payment_intents/{_money(stack)[-1]['payment_intent']}"
    token = httpx.get(url, headers={"Authorization": f"Bearer {SIMULATED_STRIPE_KEY}"}).json()["payment_method"]
    told = httpx.post(f"{stack.stripe_url}/_control/card", json={"payment_method": token, "card": card})
    assert told.status_code == 200, told.text


def _money(stack: Stack) -> list[dict[str, str]]:
    found: list[dict[str, str]] = httpx.get(f"{stack.stripe_url}/_control/charges").json()["charges"]
    return found


def _period_is_over(stack: Stack) -> None:
    """Its month ends now, and the workflow is told to look."""
    now_ms = int(time.time() * 1000)
    stack.change("UPDATE subscription SET period_end = ?, next_action_at = ? WHERE ended_at IS NULL", now_ms, now_ms)
    stack.change(
        "INSERT INTO outbox (topic, key, version, created_at, not_before, attempts) SELECT 'billing.subscription', id, 1,"
        " ?, ?, 0 FROM subscription WHERE ended_at IS NULL",
        *(now_ms, now_ms),
    )


def test_a_card_is_saved_and_removed_on_its_page(visit: Visit) -> None:
    page, stack = visit.page, visit.stack
    page.goto("/billing/cards")
    page.get_by_role("button", name="card").last.click()
    page.get_by_role("link", name="Save a card at Stripe").click(timeout=15_000)
    page.get_by_label("Card").select_option("authentication_later")
    page.get_by_role("button", name="Save card").click()
    page.wait_for_url("**/billing/cards")
    saved = page.locator("#saved_cards li", has_text="3155")
    wait_for("the card is there", lambda: page.reload() and saved.count())
    page.on("dialog", lambda dialog: dialog.accept())
    saved.get_by_role("button", name="Remove").click()
    expect(saved).to_have_count(0)
    wait_for(
        "Stripe forgot it", lambda: stack.rows("SELECT 1 FROM payment_method WHERE state = 'removed' AND token = ''")
    )


def test_an_uzcard_is_saved_at_payme_by_the_browser_and_its_number_never_comes_to_us(visit: Visit) -> None:
    page, stack = visit.page, visit.stack
    sent: list[tuple[str, str]] = []
    page.on("request", lambda asked: sent.append((asked.url, asked.post_data or "")))
    page.goto("/billing/cards")
    page.get_by_role("link", name="Save an Uzcard or Humo card").click()
    page.get_by_label("Card number").fill("8600 4954 7331 64")
    page.get_by_label("Expires").fill("03/29")
    page.get_by_role("button", name="Go on").click()
    expect(page.locator("#payme_code")).to_be_hidden()
    page.get_by_label("Card number").fill("8600 4954 7331 6478")
    page.get_by_role("button", name="Go on").click()
    expect(page.locator("#payme_phone")).to_have_text("99890*****31")
    page.get_by_label("Code").fill("000000")
    page.get_by_role("button", name="Save the card").click()
    expect(page.get_by_role("alert")).to_have_text("This code is not right.")
    page.get_by_label("Code").fill("666666")
    page.get_by_role("button", name="Save the card").click()
    page.wait_for_url("**/billing/cards")
    saved = page.locator("#saved_cards li", has_text="Uzcard •••• 6478, 03/29")
    expect(saved).to_be_visible(timeout=20_000)
    ours = [body for url, body in sent if url.startswith(stack.base_url)]
    assert any("token=" in body for body in ours) and not any("8600" in body or "666666" in body for body in ours)
    page.go_back()
    assert page.locator("#payme_card_number").input_value() == "", "who goes back sees nothing of the card"
    assert page.locator("#payme_sms_code").input_value() == ""
    page.goto("/billing/cards")
    page.on("dialog", lambda dialog: dialog.accept())
    saved.get_by_role("button", name="Remove").click()
    expect(saved).to_have_count(0)
