"""analyticbot billing open-order|show-order|check|refund|keep-credit|revenue|rates|certify|coupon|coupons"""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click

from app.accounts.service import people
from app.billing.rates import service as rates
from app.billing.service import coupons, keeping, ledger, orders, returning, revenue
from app.billing.service.checkout import check_out
from app.boot import Runtime, boot, exchange_rates
from app.core import clock, money
from app.core.clock import iso
from app.core.errors import Invalid

_CERTIFYING = 6
_ACTOR = "operator"
_ROOT = Path(__file__).resolve().parents[2]


@click.group("billing")
def group() -> None:
    """Orders, payments and the ledger."""


@group.command("open-order")
@click.option("--workspace", required=True, help="its name; one that does not exist is made")
@click.option("--plan", required=True)
@click.option("--interval", default="month", show_default=True)
@click.option("--gateway", required=True)
@click.option("--currency", default="", help="one of the gateway's; its first when left out")
@click.option("--coupon", default="", help="makes it cheaper")
def open_order(workspace: str, plan: str, interval: str, gateway: str, currency: str, coupon: str) -> None:
    """Open an order as the checkout does; prints it as JSON."""
    runtime, now = boot("cli"), clock.utcnow()
    way = runtime.gateways.get(gateway, currency)
    here = _workspace(runtime, workspace, now=now)
    made = check_out(here, plan, interval, way, user_id=None, coupon=coupon, is_new=True, now=now)
    if made.amount_minor and way.is_asked_first and way.key in runtime.desks:
        runtime.desks.run(way.key, now)  # the gateway makes the page; elsewhere the worker asks for it
    base = runtime.settings.base_url
    url = orders.pay_url(made, way, language="en", base_url=base) if made.amount_minor else ""
    _print(order_id=made.public_id, amount_minor=made.amount_minor, currency=made.currency, pay_url=url)


# a number may begin with a dash, and is no option then
@group.command("show-order", context_settings={"ignore_unknown_options": True})
@click.argument("order_id")
def show_order(order_id: str) -> None:
    """How an order stands, as JSON: status, when it was paid, how often it was fulfilled."""
    boot("cli")
    found = orders.any_order(order_id)
    paid_at = iso(found.paid_at) if found.paid_at else None
    _print(order_id=order_id, status=found.state, paid_at=paid_at, deliveries=found.deliveries)


@group.command("coupon")
@click.argument("code")
@click.option("--percent", type=int, help="off, 1-100")
@click.option("--amount-minor", type=int, help="off, in minor units of --currency")
@click.option("--currency")
@click.option("--plan", help="for this plan only")
@click.option("--periods", default=1, show_default=True, help="for how many periods; 0: as long as the plan is kept")
@click.option("--most", type=int, help="how many payers can redeem it")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="the first day (UTC) on which nobody can any more")
@click.option("--for-new", "is_for_new", is_flag=True, help="only for who never paid for a plan")
@click.option("--revoke", is_flag=True, help="nobody can redeem it any more; who did keeps it")
def coupon(code: str, revoke: bool, until: datetime | None, periods: int, most: int | None, **given: Any) -> None:
    """Offer a coupon, or revoke it."""
    boot("cli")
    now = clock.utcnow()
    if revoke:
        coupons.revoke(code, actor=_ACTOR, now=now)
        _print(code=code.upper(), revoked_at=iso(now))
        return
    day = until.replace(tzinfo=UTC) if until else None
    terms = coupons.Terms(**given, periods=periods or None, most=most, valid_until=day)
    _print(code=coupons.create(code, terms, actor=_ACTOR, now=now).code)


@group.command("coupons")
def list_coupons() -> None:
    """Every coupon, the newest first: a line of JSON each."""
    boot("cli")
    for one, used in coupons.all_of_them():
        until, revoked = (iso(at) if at else None for at in (one.valid_until, one.revoked_at))
        _print(
            code=one.code,
            percent=one.percent,
            amount_minor=one.amount_minor,
            currency=one.currency,
            plan=one.plan,
            periods=one.periods,
            redeemed=used,
            most=one.most_redemptions,
            valid_until=until,
            revoked_at=revoked,
        )


@group.command()
def check() -> None:
    """Prove that every ledger entry sums to nothing; exit code 1 when one does not. Differences to gateways are listed."""
    boot("cli")
    wrong = ledger.unbalanced()
    for kind, reference in wrong:
        click.echo(f"unbalanced: {kind} {reference}")
    click.echo(f"{len(wrong)} unbalanced entries")
    for one in ledger.differences():
        click.echo(f"difference: {one.gateway} {one.kind} {one.reference}: {one.detail}")
    sys.exit(1 if wrong else 0)


@group.command("keep-credit")
@click.argument("refund", type=int)
def keep_credit(refund: int) -> None:
    """Keep a refund that its gateway cannot send as its payer's credit, as the payer asked for: REFUND is the number in
    the difference `refund:NUMBER` of `check`."""
    boot("cli")
    keeping.keep_by_operator(refund, now=clock.utcnow())
    _print(refund=refund, state="kept")


@group.command()
@click.argument("invoice")
@click.option("--amount-minor", type=int, required=True, help="so much of what was paid, in minor units")
@click.option("--reason", required=True, help="stands on the credit note")
@click.option("--key", default="operator", show_default=True, help="another refund of one payment needs another")
def refund(invoice: str, amount_minor: int, reason: str, key: str) -> None:
    """Owe money of a paid INVOICE (its number) back: the gateway's desk sends it, and what it cannot send is offered to the
    payer as credit. The same twice is one refund."""
    boot("cli")
    number = returning.refund_of_invoice(invoice, amount_minor, f"operator:{key}"[:64], reason, now=clock.utcnow())
    _print(refund=number, amount_minor=amount_minor)


@group.command("revenue")
@click.option("--month", type=click.DateTime(["%Y-%m"]), required=True, help="as 2026-11, in the service's zone")
@click.option("--into", type=click.Choice(revenue.INTO), help="one line more: all currencies in this one")
def show_revenue(month: datetime, into: str | None) -> None:
    """A month of recurring revenue: one line of JSON for each currency, in minor units without tax; shares of 1."""
    zone = ZoneInfo(boot("cli").settings.default_timezone)
    start = month.replace(tzinfo=zone)
    end = start.replace(year=start.year + start.month // 12, month=start.month % 12 + 1)
    for currency in revenue.currencies():
        found = revenue.figures(currency, start, end)
        bridge = found.bridge
        _print(
            currency=currency,
            start=bridge.start_minor,
            **bridge.moved_minor,
            churn_unpaid=bridge.unpaid_minor,
            end=bridge.end_minor,
            arr=found.arr_minor,
            customers={"start": found.customers_start, "lost": found.customers_lost, "end": found.customers_end},
            arpa=found.arpa_minor,
            ltv=found.ltv_minor,
            logo_churn=_share(found.logo_churn),
            gross_churn=_share(found.gross_churn),
            net_churn=_share(found.net_churn),
            nrr=_share(found.nrr),
            grr=_share(found.grr),
            quick_ratio=_share(found.quick_ratio),
        )
    all_in_one = revenue.all_in_one(into, start, end, now=clock.utcnow()) if into else None
    if all_in_one is not None:
        whole = all_in_one.bridge
        _print(
            all_in=whole.currency,
            start=whole.start_minor,
            **whole.moved_minor,
            currency_effect=whole.effect_minor,
            end=whole.end_minor,
            missing=[f"{gap.currency} {gap.day}" for gap in whole.missing],
        )


@group.command("rates")
@click.option("--from", "since", type=click.DateTime(["%Y-%m-%d"]), required=True, help="the first day")
@click.option("--to", "until", type=click.DateTime(["%Y-%m-%d"]), required=True, help="the last day")
@click.option("--again", is_flag=True, help="also ask about days that have an answer; what differs is the newer one's")
def show_rates(since: datetime, until: datetime, again: bool) -> None:
    """Ask the Central Bank about days without an answer, and print what holds: a line of JSON for each day and currency.

    `uzs` is null on a day for which the bank set no rate: then the last one holds, for at most seven days.
    """
    source, now = exchange_rates(boot("cli").settings), clock.utcnow()
    first, last = since.date(), until.date()
    rates.standing(first, last)  # refuses days that make no sense before anybody is asked
    if source is not None:
        rates.read_days(source, rates.days_to_ask(first, last, now=now, again=again), now=now)
    for one in rates.standing(first, last):
        rate = None if one.uzs_micro is None else f"{Decimal(one.uzs_micro).scaleb(-6).normalize():f}"
        told = {"day": str(one.day), "currency": one.currency, "nominal": one.nominal, "uzs": rate}
        _print(**told, source=one.source, fetched_at=iso(one.fetched_at))


def _share(exact: Fraction | None) -> float | None:
    return None if exact is None else round(float(exact), 4)


@group.command()
@click.argument("gateway", type=click.Choice(["payme", "click"]))
@click.argument("url")
def certify(gateway: str, url: str) -> None:
    """Run a gateway's sandbox scenarios against a live address, as URL/hooks/GATEWAY; exit code 1 when a check is red.

    The orders for it are opened in a workspace of their own, `certification`.
    """
    runtime, now = boot("cli"), clock.utcnow()
    way, settings = runtime.gateways.get(gateway), runtime.settings
    here = _workspace(runtime, "certification", now=now)
    made = [orders.open_order(here, "pro", "month", way, user_id=None, now=now) for _ in range(_CERTIFYING)]
    told: dict[str, Any] = {"url": f"{url.rstrip('/')}/hooks/{gateway}", "orders": [one.public_id for one in made]}
    if gateway == "payme":
        told |= {"key": settings.payme_key.get_secret_value(), "amount": made[0].amount_minor}
    else:
        told |= {"service_id": settings.click_service_id, "secret": settings.click_secret_key.get_secret_value()}
        told |= {"amount": money.plain(made[0].amount_minor, made[0].currency)}
    command = [sys.executable, "-m", "simulator.payments.certify", gateway]
    done = subprocess.run(command, input=json.dumps(told), text=True, cwd=_ROOT)
    sys.exit(done.returncode)


def _workspace(runtime: Runtime, name: str, *, now: datetime) -> int:
    known = people.workspace_by_name(name)
    if known is not None:
        return int(known.id)
    if not 0 < len(name.strip()) <= 128:
        raise Invalid("A workspace has a name of 1 to 128 characters.", fields={"workspace": "length"})
    zone = runtime.settings.default_timezone
    owner = people.create_user(name=name, timezone=zone, now=now)
    return int(people.create_workspace(name, owner=owner, timezone=zone, now=now).id)


def _print(**facts: Any) -> None:
    click.echo(json.dumps(facts, ensure_ascii=False))
