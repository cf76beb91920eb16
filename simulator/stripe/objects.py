"""Stripe's objects as they are made, its errors, and its bracketed parameters. Names that begin with _ stay inside."""

import re
import secrets
import time
from dataclasses import dataclass
from typing import Any

Doc = dict[str, Any]
API_VERSION = "2026-10-28.endive"


@dataclass(frozen=True)
class Card:
    """What a bank says of a card: "" pays, else the decline code. `asks`: the page shows the bank's question first."""

    title: str
    last4: str
    now: str = ""
    later: str = ""
    asks: bool = False


AUTHENTICATION = "authentication_required"
CARDS = {
    "visa": Card("Visa that works", "4242"),
    "insufficient_funds": Card("Without enough money", "9995", "insufficient_funds", "insufficient_funds"),
    "lost_card": Card("Lost", "9987", "lost_card", "lost_card"),
    "authentication_always": Card("The bank asks each time", "3184", AUTHENTICATION, AUTHENTICATION, asks=True),
    "authentication_later": Card("Works now, later the bank asks", "3155", later=AUTHENTICATION),
    "poor_later": Card("Works now, later without enough money", "0341", later="insufficient_funds"),
}
HELPERS = {
    "pm_card_visa": "visa",
    "pm_card_chargeDeclinedInsufficientFunds": "insufficient_funds",
    "pm_card_chargeDeclinedLostCard": "lost_card",
    "pm_card_authenticationRequired": "authentication_always",
    "pm_card_chargeCustomerFail": "poor_later",
}
_MESSAGES = {
    "insufficient_funds": "Your card has insufficient funds.",
    "lost_card": "Your card was declined.",
    AUTHENTICATION: "Your card was declined. This transaction requires authentication.",
    "payment_intent_authentication_failure": "We are unable to authenticate your payment method.",
}


class Refusal(Exception):
    """An answer that is no 200: its status and what stands under `error`."""

    def __init__(self, status: int, message: str, *, kind: str = "invalid_request_error", **more: Any) -> None:
        super().__init__(message)
        self.status, self.error = status, {"type": kind, "message": message, **more}

    @property
    def is_validation(self) -> bool:
        """Refused before the endpoint began: Stripe remembers no answer then."""
        return self.status < 402 and str(self.error.get("code", "")).startswith("parameter_")


def missing(kind: str, id_: str, param: str | None = None) -> Refusal:
    """404 for an id in the path, 400 for one among the parameters."""
    more = {"code": "resource_missing", "param": param or "id"}
    return Refusal(404 if param is None else 400, f"No such {kind}: '{id_}'", **more)


def decline_error(decline: str, intent: Doc | None, method: Doc, charge: str | None) -> Doc:
    """What stands in last_payment_error and, with the intent, in the answer."""
    is_plain = decline in ("insufficient_funds", "lost_card")
    error = {"code": "card_declined" if is_plain else decline, "message": _MESSAGES[decline], "type": "card_error"}
    error |= {"decline_code": decline} if is_plain or decline == AUTHENTICATION else {}
    error |= {"charge": charge} if charge else {}
    error |= {"doc_url": f"https://stripe.com/docs/error-codes/{error['code'].replace('_', '-')}"}
    error["payment_method"] = public(method)  # type: ignore[assignment]
    return error | ({"payment_intent": public(intent)} if intent else {})


def public(doc: Doc) -> Doc:
    return {name: value for name, value in doc.items() if not name.startswith("_")}


def new(kind: str, prefix: str, **fields: Any) -> Doc:
    made = {"id": f"{prefix}_{secrets.token_hex(12)}", "object": kind, "created": int(time.time()), "livemode": False}
    return made | fields


def payment_method(card: str) -> Doc:
    shown = {"brand": "visa", "last4": CARDS[card].last4, "exp_month": 12, "exp_year": 2034, "country": "US"}
    shown |= {"funding": "credit", "fingerprint": f"sim{CARDS[card].last4}"}
    return new("payment_method", "pm", type="card", card=shown, customer=None, metadata={}, _card=card)


def payment_intent(amount: int, currency: str, customer: str | None, metadata: Doc, **more: Any) -> Doc:
    made = new("payment_intent", "pi", amount=amount, currency=currency, customer=customer, metadata=metadata)
    made |= {"amount_received": 0, "amount_capturable": 0, "capture_method": "automatic", "canceled_at": None}
    made |= {"cancellation_reason": None, "client_secret": f"{made['id']}_secret_{secrets.token_hex(8)}"}
    made |= {"description": None, "last_payment_error": None, "latest_charge": None, "next_action": None}
    made |= {"payment_method": None, "payment_method_types": ["card"], "setup_future_usage": None}
    return made | {"status": "requires_payment_method"} | more


def setup_intent(customer: str | None, metadata: Doc) -> Doc:
    made = new("setup_intent", "seti", customer=customer, metadata=metadata, usage="off_session")
    made |= {"client_secret": f"{made['id']}_secret_{secrets.token_hex(8)}", "last_setup_error": None}
    return made | {"payment_method": None, "payment_method_types": ["card"], "status": "requires_payment_method"}


def charge(intent: Doc, method: Doc, decline: str) -> Doc:
    made = new("charge", "ch", amount=intent["amount"], currency=intent["currency"], customer=intent["customer"])
    made |= {"amount_captured": 0 if decline else intent["amount"], "amount_refunded": 0, "refunded": False}
    made |= {"balance_transaction": None, "captured": not decline, "paid": not decline, "disputed": False}
    made |= {"description": intent["description"], "metadata": dict(intent["metadata"])}
    made |= {"payment_intent": intent["id"], "payment_method": method["id"], "receipt_url": None, "dispute": None}
    made |= {"payment_method_details": {"type": "card", "card": method["card"]}}
    made |= {"failure_code": (decline_error(decline, None, method, None)["code"] if decline else None)}
    made |= {"failure_message": _MESSAGES[decline] if decline else None}
    return made | {"status": "failed" if decline else "succeeded"}


def session(mode: str, currency: str, **more: Any) -> Doc:
    made = new("checkout.session", "cs_test", mode=mode, currency=currency, status="open", customer_email=None)
    made |= {"amount_total": None, "amount_subtotal": None, "payment_intent": None, "setup_intent": None}
    made |= {"payment_status": "unpaid" if mode == "payment" else "no_payment_required"}
    return made | {"payment_method_types": ["card"], "customer_details": None, "ui_mode": "hosted_page"} | more


def balance_transaction(kind: str, amount: int, source: Doc) -> Doc:
    fee = _fee(amount) if kind == "charge" else 0
    details = (
        [{"type": "stripe_fee", "amount": fee, "currency": source["currency"], "description": None}] if fee else []
    )
    made = new("balance_transaction", "txn", type=kind, amount=amount, net=amount - fee, fee=fee, fee_details=details)
    made |= {"currency": source["currency"], "source": source["id"], "status": "pending", "exchange_rate": None}
    category = {"adjustment": "dispute" if amount < 0 else "dispute_reversal"}.get(kind, kind)
    return made | {"available_on": made["created"], "description": None, "reporting_category": category}


def _fee(amount: int) -> int:
    """Stripe's standard price for a card: 2.9 % and 30 cents (stripe.com/pricing, read 2026-11)."""
    return (amount * 29 + 500) // 1000 + 30


def event(kind: str, doc: Doc, request: Doc) -> Doc:
    made = new("event", "evt", type=kind, api_version=API_VERSION, data={"object": public(doc)})
    return made | {"pending_webhooks": 1, "request": request}


def parsed(pairs: list[tuple[str, str]]) -> Doc:
    """`a[b][0][c]=d` as nested dictionaries and lists."""
    found: Doc = {}
    for name, value in pairs:
        place, keys = found, re.findall(r"[^\[\]]+|(?<=\[)(?=\])", name)
        for key in keys[:-1]:
            place = place.setdefault(key, {})
            if not isinstance(place, dict):
                raise Refusal(400, f"Invalid parameter: {name}", code="parameter_invalid", param=name)
        place[keys[-1] or str(len(place))] = value
    return {name: _lists(value) for name, value in found.items()}


def _lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if value and all(key.isdigit() for key in value):
        return [_lists(value[key]) for key in sorted(value, key=int)]
    return {key: _lists(inner) for key, inner in value.items()}


def whole(asked: Doc, name: str, *, least: int | None = None, standard: int | None = None) -> int:
    """A parameter that is a whole number; a missing one is `standard`, or refused."""
    text = needed(asked, name) if standard is None or name in asked else str(standard)
    if not re.fullmatch(r"-?\d{1,15}", text):
        raise Refusal(400, f"Invalid integer: {text}", code="parameter_invalid_integer", param=name)
    if least is not None and int(text) < least:
        raise Refusal(
            400, f"This value must be greater than or equal to {least}.", code="parameter_invalid_integer", param=name
        )
    return int(text)


def needed(asked: Doc, name: str) -> str:
    if not asked.get(name):
        raise Refusal(400, f"Missing required param: {name}.", code="parameter_missing", param=name)
    if not isinstance(asked[name], str):
        raise Refusal(400, f"Invalid string: {name}", code="parameter_invalid", param=name)
    found: str = asked[name]
    return found


def metadata_of(asked: Doc) -> dict[str, str]:
    """Within Stripe's limits: 50 keys of 40 characters, values of 500."""
    given = asked.get("metadata") or {}
    if not isinstance(given, dict) or len(given) > 50:
        raise Refusal(400, "Metadata can have up to 50 keys.", code="parameter_invalid", param="metadata")
    for key, value in given.items():
        if not isinstance(value, str) or len(key) > 40 or len(value) > 500:
            name = f"metadata[{key}]"
            raise Refusal(400, f"Metadata is too long or no text: {name}", code="parameter_invalid", param=name)
    return {key: value for key, value in given.items() if value}
