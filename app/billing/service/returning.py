"""Money that goes back in part, and money that a payer's bank holds back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from app.billing.gateways.base import KEPT, TAKEN_BACK
from app.billing.method_models import Dispute
from app.billing.money_models import Invoice, Payment
from app.billing.service import credit, invoices, ledger, payers, recognising, settling, taking_back, taxes
from app.core import db
from app.core.errors import Conflict, NotFound
from app.core.i18n import N_
from app.core.tenancy import unscoped

OPEN, WON, LOST = "open", "won", "lost"
_BY_DESK, _IN_PARTS = frozenset({"stripe", "payme", "click"}), frozenset({"stripe"})


def refund_part(payment_id: int, amount_minor: int, key: str, reason: str, *, now: datetime) -> int:
    """Owe a part of a payment back; the gateway's desk sends it, and what was paid by credit is credit again at once. The
    same `key` twice is one refund. Returns its number.

    Raises Conflict (`too_much`) when more would go back than came, `not_paid` for a payment without money, `not_here`
    where the gateway gives nothing back at our desk's word, or nothing but the whole.
    """
    with db.write():
        payment = _held(payment_id)
        known = db.row("SELECT id FROM refund WHERE payment_id = ? AND refund_key = ?", payment_id, key)
        if known is not None:
            return int(known[0])
        if payment.state != settling.SUCCEEDED:
            raise Conflict(N_("There is no money of this payment to give back."), code="not_paid")
        is_whole = amount_minor == payment.amount_minor
        is_credit = payment.gateway == settling.CREDIT
        if not is_credit and (payment.gateway not in _BY_DESK or not (is_whole or payment.gateway in _IN_PARTS)):
            raise Conflict(N_("This way to pay does not give back such a sum."), code="not_here")
        if amount_minor <= 0 or settling.given(payment_id) + amount_minor > payment.amount_minor:
            raise Conflict(N_("No more can go back than was paid."), code="too_much")
        if is_credit:
            number = settling.note_kept(payment, key, amount_minor, reason, now=now)
            take_as_credit(payment, number, amount_minor, reason, now=now)
            return number
        return settling.owe(payment, key, amount_minor, reason, now=now)


def refund_of_invoice(invoice: str, amount_minor: int, key: str, reason: str, *, now: datetime) -> int:
    """As `refund_part`, of the money that paid an invoice, named as on the paper. Raises NotFound too."""
    series, _, number = invoice.rpartition("-")
    found = db.row(
        "SELECT p.id FROM payment p JOIN invoice i ON i.id = p.invoice_id WHERE i.series = ? AND i.number = ?"
        " AND p.state IN (?, ?) ORDER BY p.id",
        *(series, int(number) if number.isdecimal() and len(number) < 10 else 0),
        *(settling.SUCCEEDED, settling.GIVEN_BACK),
    )
    if found is None:
        raise NotFound(N_("There is no such invoice."))
    return refund_part(found[0], amount_minor, key, reason, now=now)


def take_as_credit(payment: Payment, refund_id: int, amount_minor: int, reason: str, *, now: datetime) -> None:
    """A part of a paid invoice, or all of it, is taken back and becomes credit. In the transaction, the order locked, the
    refund `kept`."""
    _book_part(payment, f"refund:{refund_id}", amount_minor, reason, source=ledger.CREDIT, now=now)
    if _end_if_gone(payment, now=now):
        db.execute("UPDATE checkout_order SET state = ? WHERE id = ? AND state = ?", KEPT, payment.order, TAKEN_BACK)


def part_sent(refund_id: int, *, now: datetime) -> None:
    """A part that was owed back has gone: credit note and ledger, and what was paid for stays. Once."""
    with db.write():
        found = db.row(
            "SELECT payment_id, amount_minor, reason FROM refund WHERE id = ? AND state IN ('due', 'asked')", refund_id
        )
        if found is None:
            return
        db.execute("UPDATE refund SET state = 'done', done_at = ? WHERE id = ?", db.stamp(now), refund_id)
        payment = _held(found[0])
        _book_part(payment, f"refund:{refund_id}", found[1], found[2], now=now)
        _end_if_gone(payment, now=now)


def _end_if_gone(payment: Payment, *, now: datetime) -> bool:
    """Whether all of a payment has gone by now: then what it paid for ends."""
    if _in_state(payment.id, "done", KEPT) < payment.amount_minor:
        return False
    taking_back.lose_access(payment.id, now=now)
    db.execute("UPDATE payment SET state = ? WHERE id = ?", settling.GIVEN_BACK, payment.id)
    return True


def _in_state(payment_id: int, *refund_states: str) -> int:
    found = db.row(
        "SELECT COALESCE(SUM(amount_minor), 0) FROM refund WHERE payment_id = ?"
        f" AND state IN ({db.marks(refund_states)})",
        *(payment_id, *refund_states),
    )
    return int(found[0]) if found else 0


def returned(payment_id: int, total_minor: int, reason: str, *, now: datetime) -> None:
    """The gateway says how much of a payment went back by now; what we did not know of is booked."""
    with db.write():
        payment = _held(payment_id)
        if total_minor >= payment.amount_minor:
            taking_back.take_back(payment_id, reason, has_happened=True, now=now)
            return
        kept = _in_state(payment_id, KEPT)
        news = total_minor - settling.given(payment_id) + kept
        if news > 0 and kept:
            detail = f"{news} {payment.currency} went back, and {kept} are the payer's credit"
            settling.doubt(payment.gateway, "kept_returned", f"payment:{payment_id}", detail, now=now)
            return
        if payment.state != settling.SUCCEEDED:
            return
        if news > 0:
            number = settling.note_refund(payment, f"gateway:{total_minor}", news, reason, now=now)
            _book_part(payment, f"refund:{number}", news, reason, now=now)


def refund_failed(payment_id: int, ref: str, amount_minor: int, reason: str, *, now: datetime) -> None:
    """The payer's bank did not take what was sent back: the gateway holds it again, and it is owed in another way."""
    with db.write():
        payment = _held(payment_id)
        if ledger.is_booked("refund_failed", ref):
            return
        sides = {ledger.clearing(payment.gateway): amount_minor, ledger.CREDIT: -amount_minor}
        ledger.book("refund_failed", ref, payment.currency, sides, now=now)
        detail = f"{amount_minor} {payment.currency} came back ({reason}): it is owed to the payer in another way"
        settling.doubt(payment.gateway, "refund_failed", ref, detail, now=now)


def note_fee(gateway: str, ref: str, currency: str, amount_minor: int, *, now: datetime) -> None:
    """The gateway kept so much of what it took for us. Once for each `ref`."""
    _book_once(
        "fee", f"{gateway}:{ref}", currency, {ledger.FEES: amount_minor, ledger.clearing(gateway): -amount_minor}, now
    )


def note_payout(gateway: str, ref: str, currency: str, amount_minor: int, *, now: datetime) -> None:
    """The gateway sent so much to our bank; less than nothing: it took it from there. Once for each `ref`."""
    sides = {ledger.BANK: amount_minor, ledger.clearing(gateway): -amount_minor}
    _book_once("payout", f"{gateway}:{ref}", currency, sides, now)


def _book_once(kind: str, reference: str, currency: str, sides: Mapping[str, int], now: datetime) -> None:
    with db.write():
        if any(sides.values()) and not ledger.is_booked(kind, reference):
            ledger.book(kind, reference, currency, sides, now=now)


def _book_part(
    payment: Payment, reference: str, amount_minor: int, reason: str, *, source: str = "", now: datetime
) -> None:
    """`source`: the account that it is taken from, by itself what the gateway holds."""
    payers.payer_of(payment.workspace, now=now)  # locked before the counter of credit notes, as everywhere
    invoice: Invoice = Invoice.get(Invoice.workspace == payment.workspace, Invoice.id == payment.invoice)
    tax = taxes.within(amount_minor, invoice.tax_rate_bp)
    invoices.credit(invoice, reason, amount_minor=amount_minor, tax_minor=tax, now=now)
    sides = recognising.give_back(invoice, amount_minor - tax)
    sides |= {ledger.TAX: tax, source or ledger.clearing(payment.gateway): -amount_minor}
    ledger.book("refund", reference, payment.currency, sides, now=now)


def disputed(payment_id: int, ref: str, amount_minor: int, state: str, *, now: datetime) -> None:
    """A dispute was opened, won or lost. Access changes only when it is lost; saying the same twice is harmless."""
    with db.write():
        payment = _held(payment_id)
        known: Dispute | None = Dispute.get_or_none(Dispute.gateway == payment.gateway, Dispute.gateway_ref == ref)
        if known is None:
            known = Dispute.create(
                payment_id=payment_id,
                gateway=payment.gateway,
                gateway_ref=ref,
                amount_minor=amount_minor,
                state=OPEN,
                opened_at=now,
            )
            _book_dispute(payment, known, "dispute", ledger.HELD, ledger.clearing(payment.gateway), now=now)
            settling.doubt(payment.gateway, "dispute", ref, f"{amount_minor} {payment.currency} disputed", now=now)
        if state == OPEN or known.state != OPEN:
            return
        known.state, known.closed_at = state, now
        known.save()
        if state == WON:
            _book_dispute(payment, known, "dispute_won", ledger.clearing(payment.gateway), ledger.HELD, now=now)
        else:
            _book_dispute(payment, known, "dispute_lost", ledger.LOSS, ledger.HELD, now=now)
            credit.take_out(payment, has_happened=True, source=ledger.LOSS, now=now)  # never both, bank and credit
            taking_back.lose_access(payment_id, now=now)


def _book_dispute(payment: Payment, dispute: Dispute, kind: str, debit: str, credit: str, *, now: datetime) -> None:
    sides = {debit: dispute.amount_minor, credit: -dispute.amount_minor}
    ledger.book(kind, f"dispute:{dispute.id}", payment.currency, sides, now=now)


def _held(payment_id: int) -> Payment:
    """A payment as it stands once nobody else decides about its order."""
    with unscoped("a refund knows its payment"):
        found: Payment = Payment.get_by_id(payment_id)
        if found.order is not None:
            settling.locked(found.order)
        again: Payment = Payment.get_by_id(payment_id)
    return again
