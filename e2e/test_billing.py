"""Buying in a browser at the simulated Payme and Click: an empty card, a larger plan, cancelling, taking it back."""

from __future__ import annotations

import re
import time

from playwright.sync_api import Page, expect

from e2e import telegram
from e2e.stack import OWNER_ID, Stack, wait_for
from e2e.test_journey import Visit, browser, stack

__all__ = ["browser", "stack"]  # the journey's fixtures


def test_plans_are_bought_changed_cancelled_and_taken_back(browser: object, stack: Stack) -> None:
    visit = Visit(browser, stack)  # type: ignore[arg-type]
    visit.allowed = {402}  # the simulated Click says that the card is empty
    page = visit.sign_in()
    page.goto("/billing")
    _buy(page, "Pro", "Click")
    page.get_by_role("button", name="Pay with an empty card").click()
    expect(page.get_by_role("alert")).to_contain_text("-9")
    page.get_by_role("link", name="Back to the shop").click()
    expect(page.locator("#order_state")).to_contain_text("Pay by Click")
    page.get_by_role("link", name="Pay by Click").click()
    page.get_by_role("button", name="Pay", exact=True).click()
    expect(page.locator("#order_state")).to_contain_text("Paid. Thank you!")
    page.goto("/billing")
    expect(page.locator("#billing_standing")).to_contain_text("by Click")
    card = page.locator("article.card", has=page.get_by_role("heading", name="Business"))
    expect(card).to_contain_text("the difference until")
    card.get_by_role("button", name="Pay by Payme").click()
    page.wait_for_url("**/orders/**")
    page.get_by_role("link", name="Pay by Payme").click()
    page.get_by_role("button", name="Pay", exact=True).click()
    expect(page.locator("#order_state")).to_contain_text("Paid. Thank you!")
    page.get_by_role("link", name="Plan and payments").first.click()
    expect(page.locator("#billing_standing h2")).to_have_text(re.compile("Business"))
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Cancel the plan").click()
    expect(page.locator("#billing_standing")).to_contain_text("Then you are on the free plan")
    page.get_by_role("button", name="Go on after all").click()
    expect(page.get_by_role("button", name="Cancel the plan")).to_be_visible()
    expect(page.locator("tbody tr")).to_have_count(2)
    visit.context.close()
    assert not visit.problems
    assert stack.rows("SELECT COUNT(*) FROM ledger_entry WHERE kind = 'payment'") == [(2,)]
    assert stack.cli("billing", "check") == "0 unbalanced entries"


def _buy(page: Page, plan: str, gateway: str) -> None:
    """As far as the gateway's own page."""
    card = page.locator("article.card", has=page.get_by_role("heading", name=plan))
    card.get_by_role("button", name=f"Pay by {gateway}").click()
    page.wait_for_url("**/orders/**")
    page.get_by_role("link", name=f"Pay by {gateway}").click()
    expect(page.get_by_role("heading", name=re.compile(gateway))).to_be_visible()


def test_the_order_page_notices_by_itself_that_it_was_paid(browser: object, stack: Stack) -> None:
    visit = Visit(browser, stack, width=360)  # type: ignore[arg-type]
    page = visit.sign_in()
    page.goto("/billing")
    page.get_by_role("button", name="Pay by Payme").first.click()
    page.wait_for_url("**/orders/**")
    with visit.context.expect_page() as opened:
        page.get_by_role("link", name="Pay by Payme").click(modifiers=["Control"])
    opened.value.get_by_role("button", name="Pay", exact=True).click()
    opened.value.wait_for_url("**/orders/**")
    expect(page.locator("#order_state")).to_contain_text("Paid. Thank you!", timeout=10_000)
    page.goto("/billing")
    total = page.get_by_role("region", name="Invoices").locator("td.num").first.bounding_box()
    assert total and total["x"] + total["width"] <= 360, "what an invoice comes to is seen on a phone"
    visit.context.close()
    assert not visit.problems


def test_a_late_payment_is_made_good_from_the_banner(browser: object, stack: Stack) -> None:
    visit = Visit(browser, stack, width=768)  # type: ignore[arg-type]
    page = visit.sign_in()
    page.goto("/billing")
    if stack.rows("SELECT 1 FROM subscription WHERE state = 'active'") == []:
        page.get_by_role("button", name="Pay by Payme").first.click()
        page.get_by_role("link", name="Pay by Payme").click()
        page.get_by_role("button", name="Pay", exact=True).click()
        expect(page.locator("#order_state")).to_contain_text("Paid. Thank you!")
    stack.change("UPDATE subscription SET state = 'past_due', past_due_at = ?", int(time.time() * 1000) - 86_400_000)
    page.goto("/network")
    banner = page.locator(".banner-bad", has_text="The payment for your plan is late.")
    banner.get_by_role("link", name="Plan and payments").click()
    expect(page.locator("#billing_standing")).to_contain_text("payment is late")
    page.locator("article.is-mine").get_by_role("button", name="Pay by Payme").first.click()
    page.get_by_role("link", name="Pay by Payme").click()
    page.get_by_role("button", name="Pay", exact=True).click()
    expect(page.locator("#order_state")).to_contain_text("Paid. Thank you!")
    page.goto("/network")
    expect(page.locator("#channels_table tbody tr").first).to_be_visible()
    expect(banner).to_have_count(0)
    visit.context.close()
    assert not visit.problems


def test_inside_telegram_a_plan_is_bought_in_stars_and_nothing_else_is_offered(browser: object, stack: Stack) -> None:
    stack.change("UPDATE subscription SET ended_at = created_at, state = 'canceled' WHERE ended_at IS NULL")
    visit = Visit(browser, stack, width=390)  # type: ignore[arg-type]
    telegram.stand_in(visit.context)
    visit.page.goto(f"{stack.other_site}/?user={OWNER_ID}&tab=app")
    frame = telegram.mini_app(visit.page)
    expect(frame.locator("#channels_table tbody tr").first).to_be_visible()
    frame.get_by_role("link", name="Settings").first.click()
    frame.get_by_role("link", name="Plan and payments").first.click()
    expect(frame.locator("#billing_usage")).to_be_visible()
    wait_for("the offer is there", lambda: frame.locator("#billing_offer").count())
    assert frame.get_by_role("button", name=re.compile("^Pay by ")).count() > 0
    assert frame.get_by_role("button", name=re.compile("Payme|Click|Stripe|card", re.I)).count() == 0
    assert frame.get_by_role("link", name=re.compile("Payme|Click|Stripe|card", re.I)).count() == 0
    card = frame.locator("article.card", has=frame.get_by_role("heading", name="Pro"))
    card.get_by_role("button", name="Pay by Telegram Stars").click()
    frame.get_by_role("link", name="Pay by Telegram Stars").click()
    said = frame.evaluate("Telegram.WebApp.said.filter((one) => one.startsWith('invoice'))")
    assert len(said) == 1, "Telegram's own sheet opens"
    stack.control("stars/pay", user_id=OWNER_ID, link=said[0].removeprefix("invoice "))
    expect(frame.locator("#order_state")).to_contain_text("Paid. Thank you!")
    frame.get_by_role("link", name="Plan and payments").first.click()
    expect(frame.locator("#billing_standing")).to_contain_text("by Telegram Stars")
    frame.page.on("dialog", lambda dialog: dialog.accept())
    frame.get_by_role("button", name="Cancel the plan").click()
    expect(frame.get_by_role("button", name="Go on after all")).to_be_visible()
    wait_for(
        "Telegram knows", lambda: [one["state"] for one in stack.control("stars/charges")["charges"]] == ["canceled"]
    )
    visit.context.close()
    assert not visit.problems
