"""Which request asks what of the account: routes, the parameters each one knows, lists and expansion."""

import re
from collections.abc import Callable
from typing import Any

from simulator.stripe.account import Account
from simulator.stripe.checkout import Checkout
from simulator.stripe.objects import Doc, Refusal, needed, public, whole

KINDS = {
    "customers": "customer",
    "checkout/sessions": "checkout.session",
    "payment_intents": "payment_intent",
    "setup_intents": "setup_intent",
    "payment_methods": "payment_method",
    "charges": "charge",
    "refunds": "refund",
    "disputes": "dispute",
    "balance_transactions": "balance_transaction",
    "events": "event",
}
_FILTERS = {
    "customers": ("email",),
    "checkout/sessions": ("customer", "payment_intent", "status"),
    "payment_intents": ("customer",),
    "payment_methods": ("customer", "type"),
    "charges": ("customer", "payment_intent"),
    "refunds": ("charge", "payment_intent"),
    "disputes": ("charge", "payment_intent"),
    "balance_transactions": ("type", "source", "currency"),
    "events": ("type",),
}
_SIGNS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
# Parameters of Stripe's that change nothing here are known too; any other is refused, as Stripe does.
_KNOWN = {
    "customers": "email name phone description address preferred_locales metadata",
    "checkout/sessions": (
        "mode line_items payment_intent_data setup_intent_data customer customer_email customer_creation customer_update"
        " client_reference_id metadata success_url cancel_url expires_at currency locale payment_method_types ui_mode"
        " submit_type saved_payment_method_options payment_method_options billing_address_collection allow_promotion_codes"
        " automatic_tax custom_text"
    ),
    "checkout/sessions/:id/expire": "",
    "payment_intents": (
        "amount currency customer payment_method off_session confirm metadata description setup_future_usage"
        " payment_method_types automatic_payment_methods error_on_requires_action receipt_email return_url"
        " statement_descriptor statement_descriptor_suffix use_stripe_sdk"
    ),
    "payment_intents/:id/confirm": (
        "payment_method off_session error_on_requires_action return_url receipt_email use_stripe_sdk setup_future_usage"
    ),
    "payment_intents/:id/cancel": "cancellation_reason",
    "payment_methods/:id/attach": "customer",
    "payment_methods/:id/detach": "",
    "refunds": "payment_intent charge amount reason metadata",
}
_EXPANDABLE = (
    *("customer", "payment_intent", "setup_intent", "latest_charge", "charge", "payment_method", "dispute"),
    *("balance_transaction", "source"),
)


class Endpoints:
    def __init__(self, account: Account) -> None:
        self._account, self._checkout = account, Checkout(account)
        self._made: dict[str, Callable[[Doc], Doc]] = {
            "customers": account.create_customer,
            "payment_intents": account.create_intent,
            "refunds": account.create_refund,
        }
        self._done: dict[str, Callable[[Doc, str], Doc]] = {
            "checkout/sessions/:id/expire": self._checkout.expire,
            "payment_intents/:id/confirm": account.confirm_intent,
            "payment_intents/:id/cancel": account.cancel_intent,
            "payment_methods/:id/attach": account.attach,
            "payment_methods/:id/detach": account.detach,
        }

    def run(self, method: str, path: str, asked: Doc, base: str) -> Doc:
        """The body of a 200. Raises Refusal."""
        found = re.fullmatch(r"(checkout/sessions|[a-z_]+)(?:/([^/]+)(?:/([a-z]+))?)?", path)
        resource, id_, verb = found.groups() if found else ("", None, None)
        expand, params = asked.get("expand") or [], {name: value for name, value in asked.items() if name != "expand"}
        if method == "GET" and resource in KINDS and verb is None:
            self._refuse_unknown(params, "" if id_ else self._listed(resource))
            told = public(self._account.find(KINDS[resource], id_)) if id_ else self._page(resource, params)
        elif method == "POST":
            told = public(self._posted(resource, id_, verb, params, base))
        else:
            raise _unrecognized(method, path)
        for names in expand:
            self._expand(told, names.split("."), names)
        return told

    def _posted(self, resource: str, id_: str | None, verb: str | None, params: Doc, base: str) -> Doc:
        name = "/".join(part for part in (resource, id_ and ":id", verb) if part)
        if name not in _KNOWN:
            raise _unrecognized("POST", "/".join(part for part in (resource, id_, verb) if part))
        self._refuse_unknown(params, _KNOWN[name])
        if name == "checkout/sessions":
            return self._checkout.create(params, base)
        return self._done[name](params, str(id_)) if id_ else self._made[name](params)

    def _listed(self, resource: str) -> str:
        if resource not in _FILTERS:
            raise _unrecognized("GET", resource)
        return " ".join(("limit starting_after created", *_FILTERS[resource]))

    def _refuse_unknown(self, params: Doc, known: str) -> None:
        for name in params:
            if name not in known.split():
                raise Refusal(400, f"Received unknown parameter: {name}", code="parameter_unknown", param=name)

    def _page(self, resource: str, asked: Doc) -> Doc:
        kind, limit, after = KINDS[resource], whole(asked, "limit", least=1, standard=10), asked.get("starting_after")
        if limit > 100:
            raise Refusal(400, "limit is at most 100", code="parameter_invalid_integer", param="limit")
        if after is not None:
            self._account.find(kind, after, "starting_after")
        where = {name: needed(asked, name) for name in _FILTERS[resource] if name in asked}
        rows, has_more = self._account.store.page(kind, where, _moments(asked.get("created")), after, limit)
        listed = [public(row) for row in rows]
        return {"object": "list", "url": f"/v1/{resource}", "has_more": has_more, "data": listed}

    def _expand(self, place: Any, names: list[str], told: str) -> None:
        """Ids that lie at this path become what they stand for."""
        if isinstance(place, list):
            for one in place:
                self._expand(one, names, told)
            return
        name, rest = names[0], names[1:]
        is_list = name == "data" and isinstance(place.get("data"), list)
        if not is_list and (name not in _EXPANDABLE or name not in place):
            raise Refusal(400, f"This property cannot be expanded ({told}).", code="parameter_invalid", param="expand")
        if isinstance(place[name], str):
            found = self._account.store.get(place[name])
            place[name] = public(found) if found else place[name]
        if rest and place[name] is not None:
            self._expand(place[name], rest, told)


def _moments(created: Any) -> list[tuple[str, int]]:
    if created is None:
        return []
    if not isinstance(created, dict):
        return [("=", whole({"created": created}, "created"))]
    for name in created:
        if name not in _SIGNS:
            raise Refusal(400, f"Invalid created[{name}]", code="parameter_unknown", param="created")
    return [(_SIGNS[name], whole(created, name)) for name in created]


def _unrecognized(method: str, path: str) -> Refusal:
    return Refusal(404, f"Unrecognized request URL ({method}: /v1/{path}).")
