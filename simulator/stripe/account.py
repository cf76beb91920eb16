"""What an account does when it is asked: money moves, cards are saved, and each of it leaves an event."""

import time
from typing import Any

from simulator.stripe import objects
from simulator.stripe.objects import CARDS, Doc, Refusal, metadata_of, missing, needed, whole
from simulator.stripe.store import Store

_WAITING = ("requires_payment_method", "requires_confirmation", "requires_action")


class Account:
    """The caller commits, or rolls back what was refused. `request` says under which request events come to be."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.request: Doc = {"id": None, "idempotency_key": None}

    def find(self, kind: str, id_: str, param: str | None = None) -> Doc:
        found = self.store.get(id_)
        if found is None or found["object"] != kind:
            raise missing(kind, id_, param)
        if kind == "checkout.session":
            self._expire_when_due(found)
        return found

    def _customer(self, asked: Doc) -> str | None:
        return str(self.find("customer", asked["customer"], "customer")["id"]) if asked.get("customer") else None

    def _emit(self, kind: str, doc: Doc) -> None:
        event = self.store.put(objects.event(kind, doc, self.request))
        self.store.queue(event["id"], self.store.fault("webhook_delay_s"))

    def _move(self, kind: str, amount: int, charge: Doc, source: Doc, **more: Any) -> Doc:
        """One movement of money: its balance transaction, and its line in the journal. `net` has the sign."""
        made = self.store.put(objects.balance_transaction(kind, amount, source))
        name = "dispute" if kind == "adjustment" else kind
        intent = self.find("payment_intent", charge["payment_intent"])
        facts = {"payment_intent": intent["id"], "amount": abs(amount), "net": amount, "currency": charge["currency"]}
        self.store.note(money=name, **facts, metadata=intent["metadata"], object_id=source["id"], **more)
        return made

    # customers and their cards

    def create_customer(self, asked: Doc) -> Doc:
        names = ("email", "name", "phone", "description", "address", "preferred_locales")
        shown = {name: asked.get(name) for name in names}
        settings = {"default_payment_method": None}
        return self.store.put(
            objects.new("customer", "cus", **shown, metadata=metadata_of(asked), invoice_settings=settings)
        )

    def _method(self, id_: str, param: str | None = None) -> Doc:
        """A payment method; a helper's name makes a new one of its card."""
        if id_ in objects.HELPERS:
            return self.store.put(objects.payment_method(objects.HELPERS[id_]))
        return self.find("payment_method", id_, param)

    def attach(self, asked: Doc, id_: str) -> Doc:
        customer, method = self.find("customer", needed(asked, "customer"), "customer")["id"], self._method(id_)
        self._refuse_used(method)
        if method["customer"] not in (None, customer):
            raise Refusal(400, "The payment method you provided has already been attached to a customer.")
        return self.store.put(method | {"customer": customer})

    def detach(self, _asked: Doc, id_: str) -> Doc:
        method = self._method(id_)
        if method["customer"] is None:
            raise Refusal(
                400, "The payment method you provided is not attached to a customer so detachment is impossible."
            )
        method = self.store.put(method | {"customer": None, "_used": True})
        self._emit("payment_method.detached", method)
        return method

    def _refuse_used(self, method: Doc) -> None:
        if method.get("_used") and method["customer"] is None:
            text = "The provided PaymentMethod was previously used with a PaymentIntent without Customer attachment"
            raise Refusal(
                400, f"{text} or was detached from a Customer. It may not be used again.", param="payment_method"
            )

    def set_card(self, method: str, card: str) -> Doc:
        """From outside: the bank changes its mind about a saved card."""
        if card not in CARDS:
            raise Refusal(400, f"card is one of {', '.join(CARDS)}")
        return self.store.put(self.find("payment_method", method) | {"_card": card})

    # payments

    def create_intent(self, asked: Doc) -> Doc:
        amount, currency = whole(asked, "amount", least=1), needed(asked, "currency").lower()
        if currency in ("usd", "eur") and amount < 50:
            raise Refusal(400, "Amount must be at least 50 cents.", code="amount_too_small", param="amount")
        if asked.get("off_session") == "true" and asked.get("confirm") != "true":
            text = "You may only use off_session when confirm is also true."
            raise Refusal(400, text, code="parameter_invalid", param="off_session")
        intent = objects.payment_intent(amount, currency, self._customer(asked), metadata_of(asked))
        intent |= {name: asked.get(name) for name in ("description", "setup_future_usage")}
        if asked.get("payment_method"):
            method = self._method_for(intent, asked["payment_method"])
            intent |= {"payment_method": method["id"], "status": "requires_confirmation"}
        self.store.put(intent)
        return self._confirmed(intent, asked) if asked.get("confirm") == "true" else intent

    def _method_for(self, intent: Doc, id_: str) -> Doc:
        method = self._method(id_, "payment_method")
        self._refuse_used(method)
        if method["customer"] is not None and method["customer"] != intent["customer"]:
            text = f"The payment method {id_} belongs to a customer. Please include the customer on the PaymentIntent."
            raise Refusal(400, text, param="payment_method")
        return method

    def confirm_intent(self, asked: Doc, id_: str) -> Doc:
        intent = self.find("payment_intent", id_)
        self._refuse_settled(intent, "confirm")
        if asked.get("payment_method"):
            intent["payment_method"] = self._method_for(intent, asked["payment_method"])["id"]
        return self._confirmed(intent, asked)

    def _refuse_settled(self, intent: Doc, verb: str) -> None:
        if intent["status"] not in _WAITING:
            text = f"You cannot {verb} this PaymentIntent because it has a status of {intent['status']}."
            raise Refusal(400, text, code="payment_intent_unexpected_state", payment_intent=objects.public(intent))

    def _confirmed(self, intent: Doc, asked: Doc) -> Doc:
        if not intent["payment_method"]:
            text = "You cannot confirm this PaymentIntent because it's missing a payment method."
            raise Refusal(400, text, code="payment_intent_unexpected_state", payment_intent=objects.public(intent))
        method = self._method_for(intent, intent["payment_method"])
        card, is_off = CARDS[method["_card"]], asked.get("off_session") == "true"
        if not is_off and card.asks and asked.get("error_on_requires_action") != "true":
            action = {"type": "use_stripe_sdk", "use_stripe_sdk": {"type": "three_d_secure_redirect"}}
            return self.store.put(intent | {"status": "requires_action", "next_action": action})
        self._pay(intent, method, card.later if is_off else card.now)
        if intent["setup_future_usage"] and intent["customer"]:
            self.store.put(method | {"customer": intent["customer"]})
        return intent

    def _pay(self, intent: Doc, method: Doc, decline: str) -> None:
        """The bank's answer. Raises Refusal 402, with everything kept, when it declines."""
        charge = self.store.put(objects.charge(intent, method, decline))
        intent |= {"latest_charge": charge["id"], "next_action": None}
        if decline:
            error = objects.decline_error(decline, None, method, charge["id"])
            intent |= {"status": _WAITING[0], "payment_method": None, "last_payment_error": error}
            self.store.put(intent)
            self._emit("payment_intent.payment_failed", intent)
            error = objects.decline_error(decline, intent, method, charge["id"])
            raise Refusal(402, error.pop("message"), kind=error.pop("type"), **error)
        intent |= {"status": "succeeded", "amount_received": intent["amount"], "last_payment_error": None}
        self.store.put(intent | {"payment_method": method["id"]})
        intent["payment_method"] = method["id"]
        charge["balance_transaction"] = self._move("charge", charge["amount"], charge, charge)["id"]
        self.store.put(charge)
        if method["customer"] is None and not intent["setup_future_usage"]:
            self.store.put(method | {"_used": True})
        self._emit("payment_intent.succeeded", intent)

    def cancel_intent(self, asked: Doc, id_: str) -> Doc:
        intent = self.find("payment_intent", id_)
        self._refuse_settled(intent, "cancel")
        return self._canceled(intent, asked.get("cancellation_reason"))

    def _canceled(self, intent: Doc, reason: str | None) -> Doc:
        intent |= {"status": "canceled", "canceled_at": int(time.time()), "cancellation_reason": reason}
        self.store.put(intent)
        self._emit("payment_intent.canceled", intent)
        return intent

    # money back

    def _charge_of(self, asked: Doc) -> Doc:
        """The charge that succeeded, of a payment intent or by its own id."""
        if asked.get("charge") and not asked.get("payment_intent"):
            return self.find("charge", asked["charge"], "charge")
        intent = self.find("payment_intent", needed(asked, "payment_intent"), "payment_intent")
        if intent["status"] != "succeeded":
            raise Refusal(400, f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund.")
        return self.find("charge", intent["latest_charge"])

    def create_refund(self, asked: Doc) -> Doc:
        charge, metadata = self._charge_of(asked), metadata_of(asked)
        left = charge["amount"] - charge["amount_refunded"]
        if charge["disputed"]:
            raise Refusal(400, f"Charge {charge['id']} has been charged back; cannot refund.", code="charge_disputed")
        if not left:
            raise Refusal(400, f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded")
        amount = whole(asked, "amount", least=1, standard=left)
        if amount > left:
            text = f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left})"
            raise Refusal(400, text, code="amount_too_large", param="amount")
        refund = objects.new("refund", "re", amount=amount, currency=charge["currency"], charge=charge["id"])
        refund |= {"payment_intent": charge["payment_intent"], "reason": asked.get("reason"), "status": "succeeded"}
        refund |= {"metadata": metadata, "receipt_number": None}
        refund["balance_transaction"] = self._move("refund", -amount, charge, refund)["id"]
        charge |= {"amount_refunded": charge["amount_refunded"] + amount, "refunded": amount == left}
        self.store.put(charge)
        self.store.put(refund)
        self._emit("refund.created", refund)
        self._emit("charge.refunded", charge)
        return refund

    def fail_refund(self, number: str) -> Doc:
        """The payer's bank did not take a refund: the money is on our balance again (docs.stripe.com/refunds)."""
        refund = self.find("refund", number)
        charge = self.find("charge", refund["charge"])
        refund |= {"status": "failed", "failure_reason": "expired_or_canceled_card"}
        refund["failure_balance_transaction"] = self._move("refund_failure", refund["amount"], charge, refund)["id"]
        charge |= {"amount_refunded": charge["amount_refunded"] - refund["amount"], "refunded": False}
        self.store.put(charge)
        self.store.put(refund)
        self._emit("refund.failed", refund)
        return refund

    def pay_out(self, amount: int, currency: str) -> Doc:
        """Stripe sends money to the bank account."""
        payout = objects.new("payout", "po", amount=amount, currency=currency, status="paid", automatic=False)
        moved = objects.balance_transaction("payout", -amount, payout)
        self.store.put(moved)
        payout["balance_transaction"] = moved["id"]
        self.store.put(payout)
        return payout

    def dispute(self, intent: str, won: bool | None) -> Doc:
        """The bank asks for the money back (None), and later says who is right; opens one when none is open."""
        charge = self._charge_of({"payment_intent": intent})
        dispute = self.store.get(charge["dispute"] or "")
        if dispute is None or dispute["status"] in ("won", "lost"):
            dispute = self._opened(charge)
        if won is None:
            return dispute
        dispute["status"] = "won" if won else "lost"
        if won:
            back = self._move("adjustment", dispute["amount"], charge, dispute, state="won")
            dispute["balance_transactions"].append(objects.public(back))
            self.store.put(charge | {"disputed": False})
        self.store.put(dispute)
        self._emit("charge.dispute.closed", dispute)
        return dispute

    def _opened(self, charge: Doc) -> Doc:
        left = charge["amount"] - charge["amount_refunded"]
        if not left or charge["disputed"]:
            raise Refusal(400, f"Charge {charge['id']} has nothing left to dispute.")
        made = objects.new("dispute", "du", amount=left, currency=charge["currency"], charge=charge["id"])
        made |= {"payment_intent": charge["payment_intent"], "reason": "fraudulent", "status": "needs_response"}
        made |= {"is_charge_refundable": False, "metadata": {}, "evidence_details": {"has_evidence": False}}
        made["balance_transactions"] = [objects.public(self._move("adjustment", -left, charge, made, state="opened"))]
        charge |= {"disputed": True, "dispute": made["id"]}
        self.store.put(charge)
        self.store.put(made)
        self._emit("charge.dispute.created", made)
        return made

    # what the page needs of checkout

    def _expire_when_due(self, session: Doc) -> None:
        if session["status"] == "open" and session["expires_at"] <= time.time():
            self.expired(session)

    def expired(self, session: Doc) -> Doc:
        session |= {"status": "expired", "url": None}
        self.store.put(session)
        intent = self.store.get(session["payment_intent"] or "")
        if intent is not None and intent["status"] in _WAITING:
            self._canceled(intent, "abandoned")
        self._emit("checkout.session.expired", session)
        return session

    def expire_overdue(self) -> None:
        for session in self.store.overdue_sessions(int(time.time())):
            self.expired(session)
        self.store.commit()

    def completed(self, session: Doc, **more: Any) -> None:
        session |= {"status": "complete", "url": None} | more
        self.store.put(session)
        self._emit("checkout.session.completed", session)

    def charge_on_page(self, intent: Doc, method: Doc, decline: str) -> None:
        self._pay(intent, method, decline)

    def setup_done(self, setup: Doc) -> None:
        self.store.put(setup)
        self._emit("setup_intent.succeeded", setup)
