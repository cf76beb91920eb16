"""Pages for those who run the service; for everybody else they are not there."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, current_app, g, request
from flask_login import current_user

from app.admin import queries, service
from app.admin.queries import DifferenceRow, MonthOfRevenue, MovementRow, OverrideRow
from app.billing import revenue_metrics
from app.billing.service import ledger
from app.billing.service.prices import CURRENCIES, Price, intervals_of
from app.billing.service.revenue import INTO, AllInOne
from app.core.errors import Invalid
from app.core.htmx import page, redirect_or_hx
from app.core.policy import Act, policy

blueprint = Blueprint("admin", __name__, url_prefix="/admin")
_PRICE_FIELDS = ("plan", "interval", "currency", "amount")
_FIELDS = ("workspace", "key", "amount", "reason", "until")


@dataclass(frozen=True, slots=True)
class RevenuePage:
    """A month of recurring revenue; `opened` are the movements behind the bar that was chosen; `choices`: what all of it
    can be shown in."""

    month: str
    before: str
    after: str
    currencies: tuple[MonthOfRevenue, ...]
    all_in_one: AllInOne | None
    choices: tuple[str, ...]
    kinds: tuple[str, ...]
    chosen: tuple[str, str]
    opened: tuple[MovementRow, ...]
    number: int
    has_more: bool
    differences: tuple[DifferenceRow, ...]
    unbalanced: int


@dataclass(frozen=True, slots=True)
class LimitsPage:
    """Customers' own limits, and the form for another; `given` is what was typed and refused."""

    rows: tuple[OverrideRow, ...]
    keys: tuple[str, ...]
    given: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PricesPage:
    """What plans cost, and the form for another price; `given` is what was typed and refused."""

    rows: tuple[Price, ...]
    plans: tuple[str, ...]
    currencies: tuple[str, ...]
    intervals: tuple[str, ...]
    given: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)


def _zone() -> str:
    return str(current_app.extensions["runtime"].settings.default_timezone)


@blueprint.get("/revenue")
@policy(Act.OPERATE)
def revenue() -> Response:
    month, start, end = queries.month_bounds(request.args.get("month", "")[:7], _zone(), now=g.now)
    chosen = request.args.get("currency", "")[:3], request.args.get("kind", "")[:16]
    number = int(request.args.get("page", "0")[:6]) if request.args.get("page", "0").isdecimal() else 0
    opened = queries.movements(*chosen, start, end, page=number) if chosen[1] else []
    found = RevenuePage(
        month=month,
        before=f"{start - timedelta(days=1):%Y-%m}",
        after=f"{end:%Y-%m}",
        currencies=tuple(queries.month_of_revenue(start, end)),
        all_in_one=queries.all_in_one(request.args.get("into", "")[:3], start, end, now=g.now),
        choices=INTO,
        kinds=revenue_metrics.KINDS,
        chosen=chosen,
        opened=tuple(opened[: queries.PAGE]),
        number=number,
        has_more=len(opened) > queries.PAGE,
        differences=tuple(queries.open_differences()),
        unbalanced=len(ledger.unbalanced()),
    )
    return page("admin/revenue.html", page=found)


@blueprint.post("/differences/<int:difference_id>/settle")
@policy(Act.OPERATE)
def settle_difference(difference_id: int) -> Any:
    service.settle_difference(difference_id, actor=_actor(), now=g.now)
    return redirect_or_hx("/admin/revenue")


@blueprint.get("/limits")
@policy(Act.OPERATE)
def limits() -> Response:
    return page("admin/limits.html", page=_limits())


@blueprint.post("/limits")
@policy(Act.OPERATE)
def grant_limit() -> Any:
    """Another limit for one customer."""
    given = {name: request.form.get(name, "")[:600] for name in _FIELDS}
    who = {"user_id": current_user.user_id, "actor": _actor(), "now": g.now}
    try:
        until = _end_of(given["until"])
        service.grant_limit(given["workspace"], given["key"], given["amount"], given["reason"], until, **who)
    except Invalid as error:
        return page("admin/limits.html", status=error.status, page=_limits(given, dict(error.fields)))
    return redirect_or_hx("/admin/limits")


@blueprint.post("/limits/<int:override_id>/revoke")
@policy(Act.OPERATE)
def revoke_limit(override_id: int) -> Any:
    service.revoke_limit(override_id, actor=_actor(), now=g.now)
    return redirect_or_hx("/admin/limits")


@blueprint.get("/prices")
@policy(Act.OPERATE)
def prices() -> Response:
    return page("admin/prices.html", page=_prices())


@blueprint.post("/prices")
@policy(Act.OPERATE)
def set_price() -> Any:
    """What a plan costs from now on."""
    given = {name: request.form.get(name, "")[:32] for name in _PRICE_FIELDS}
    try:
        service.set_price(**given, actor=_actor(), now=g.now)
    except Invalid as error:
        return page("admin/prices.html", status=error.status, page=_prices(given, dict(error.fields)))
    return redirect_or_hx("/admin/prices")


def _prices(given: dict[str, str] | None = None, errors: dict[str, str] | None = None) -> PricesPage:
    intervals = dict.fromkeys(one for currency in CURRENCIES for one in intervals_of(currency))
    return PricesPage(
        tuple(queries.prices_now(now=g.now)),
        tuple(queries.plans_sold()),
        CURRENCIES,
        tuple(intervals),
        given or {},
        errors or {},
    )


def _limits(given: dict[str, str] | None = None, errors: dict[str, str] | None = None) -> LimitsPage:
    return LimitsPage(tuple(queries.overrides(now=g.now)), tuple(queries.limit_keys()), given or {}, errors or {})


def _end_of(day: str) -> datetime | None:
    """The end of a day as forms send it; None for none. Raises Invalid."""
    if not day:
        return None
    try:
        return datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=ZoneInfo(_zone())) + timedelta(days=1)
    except ValueError as error:
        raise Invalid("Nothing was granted.", fields={"until": "This is no day."}) from error


def _actor() -> str:
    return f"user:{current_user.user_id}"
