"""Checkout: sessions as they are asked for, and what happens when somebody presses Pay on their page."""

import time
from typing import Any

from simulator.stripe import objects
from simulator.stripe.account import Account
from simulator.stripe.objects import CARDS, Doc, Refusal, metadata_of, needed, whole

_HALF_AN_HOUR_S, _A_DAY_S = 1_800, 86_400
_REFUSED_QUESTION = "payment_intent_authentication_failure"


class Checkout:
    def __init__(self, account: Account) -> None:
        self._account, self._store = account, account.store

    def create(self, asked: Doc, base: str) -> Doc:
        mode, success = needed(asked, "mode"), needed(asked, "success_url")
        if mode not in ("payment", "setup"):
            raise Refusal(
                400, "The simulator knows the modes payment and setup.", code="parameter_invalid", param="mode"
            )
        now = int(time.time())
        expires_at = whole(asked, "expires_at", standard=now + _A_DAY_S)
        if not now + _HALF_AN_HOUR_S - 60 <= expires_at <= now + _A_DAY_S + 60:
            text = "`expires_at` must be between 30 minutes and 24 hours from Checkout Session creation."
            raise Refusal(400, text, code="parameter_invalid", param="expires_at")
        currency, amount, title = self._bought(asked) if mode == "payment" else (needed(asked, "currency"), None, "")
        customer = asked.get("customer")
        if customer:
            self._account.find("customer", customer, "customer")
        made = objects.session(mode, currency.lower(), amount_total=amount, amount_subtotal=amount, _title=title)
        made |= {"customer": customer, "customer_email": asked.get("customer_email"), "metadata": metadata_of(asked)}
        made |= {"client_reference_id": asked.get("client_reference_id"), "expires_at": expires_at}
        made |= {"success_url": success, "cancel_url": asked.get("cancel_url"), "locale": asked.get("locale")}
        made |= {"url": f"{base}/pay/{made['id']}", "_intent": self._intent_data(asked)}
        if mode == "setup":
            setup = objects.setup_intent(customer, metadata_of(asked.get("setup_intent_data") or {}))
            made["setup_intent"] = self._store.put(setup)["id"]
        return self._store.put(made)

    def _intent_data(self, asked: Doc) -> Doc:
        given = asked.get("payment_intent_data") or {}
        usage, text = given.get("setup_future_usage"), given.get("description")
        return {"metadata": metadata_of(given), "setup_future_usage": usage, "description": text}

    def _bought(self, asked: Doc) -> tuple[str, int, str]:
        """(currency, sum, names) of line_items."""
        items = asked.get("line_items")
        if not isinstance(items, list) or not items:
            raise Refusal(400, "Missing required param: line_items.", code="parameter_missing", param="line_items")
        total, currencies, names = 0, set(), []
        for item in items:
            price = item.get("price_data") or {}
            currencies.add(needed(price, "currency").lower())
            total += whole(price, "unit_amount", least=0) * whole(item, "quantity", least=1, standard=1)
            names.append(needed(price.get("product_data") or {}, "name"))
        if len(currencies) > 1:
            raise Refusal(
                400, "All line items must have the same currency.", code="parameter_invalid", param="line_items"
            )
        return currencies.pop(), total, ", ".join(names)

    def expire(self, _asked: Doc, id_: str) -> Doc:
        session = self._account.find("checkout.session", id_)
        if session["status"] != "open":
            text = 'Only Checkout Sessions with a status in ["open"] can be expired.'
            raise Refusal(400, f"{text} This Checkout Session has a status of {session['status']}.")
        return self._account.expired(session)

    def pay(self, session: Doc, card: str, *, question: str = "") -> None:
        """Somebody pressed Pay. `question` is the answer to the bank's: yes or no. Raises Refusal 402 on a decline."""
        kind = CARDS[card]
        decline = kind.now
        if kind.asks:
            decline = "" if question == "yes" else _REFUSED_QUESTION
        method = self._store.put(objects.payment_method(card))
        if session["mode"] == "payment":
            self._pay(session, method, decline)
        else:
            self._save(session, method, decline)

    def _pay(self, session: Doc, method: Doc, decline: str) -> None:
        given = session["_intent"]
        if session["customer"] is None and given["setup_future_usage"]:
            email = {"email": session["customer_email"]} if session["customer_email"] else {}
            session["customer"] = self._account.create_customer(email)["id"]
        intent = self._store.get(session["payment_intent"] or "")
        if intent is None:
            amount, currency = session["amount_total"], session["currency"]
            intent = self._store.put(objects.payment_intent(amount, currency, session["customer"], **given))
        session["payment_intent"] = intent["id"]
        self._store.put(session)
        if not decline and given["setup_future_usage"]:
            method = self._store.put(method | {"customer": session["customer"]})
        self._account.charge_on_page(intent, method, decline)
        self._account.completed(session, payment_status="paid")

    def _save(self, session: Doc, method: Doc, decline: str) -> None:
        setup = self._account.find("setup_intent", session["setup_intent"])
        if decline:
            error: dict[str, Any] = objects.decline_error(decline, None, method, None)
            self._store.put(setup | {"last_setup_error": error})
            raise Refusal(402, error.pop("message"), kind=error.pop("type"), **error)
        self._store.put(method | {"customer": session["customer"]})
        done = {"status": "succeeded", "payment_method": method["id"], "last_setup_error": None}
        self._account.setup_done(setup | done)
        self._account.completed(session)
