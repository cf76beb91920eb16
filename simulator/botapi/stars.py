"""getStarTransactions, createInvoiceLink, answerPreCheckoutQuery, editUserStarSubscription, refundStarPayment."""

from simulator.actions import stars
from simulator.botapi.errors import bad_request
from simulator.botapi.registry import Call, method
from simulator.shapes import user_json
from simulator.world import Refused

MOST_STARS = 10_000


@method("createInvoiceLink")
async def create_invoice_link(call: Call) -> object:
    wanted = call.method
    if wanted.currency != "XTR" or wanted.provider_token:
        raise bad_request("the simulator knows invoices in Stars only")
    if len(wanted.prices) != 1:
        raise bad_request("STARS_INVOICE_INVALID")
    if not 1 <= len(wanted.payload.encode()) <= 128:
        raise bad_request("INVOICE_PAYLOAD_INVALID")
    if not 1 <= len(wanted.title) <= 32 or not 1 <= len(wanted.description) <= 255:
        raise bad_request("title or description is too long or empty")
    if wanted.subscription_period not in (None, stars.PERIOD_S):
        raise bad_request("SUBSCRIPTION_PERIOD_INVALID")
    amount = wanted.prices[0].amount
    if not 1 <= amount <= MOST_STARS:
        raise bad_request("CURRENCY_TOTAL_AMOUNT_INVALID")
    invoice = {"title": wanted.title, "description": wanted.description, "payload": wanted.payload, "amount": amount}
    return stars.make_invoice(call.sim, call.bot, invoice)


@method("answerPreCheckoutQuery")
async def answer_pre_checkout_query(call: Call) -> object:
    wanted = call.method
    if not wanted.ok and not wanted.error_message:
        raise bad_request("error message must be non-empty")
    try:
        stars.answer(call.sim, call.bot, wanted.pre_checkout_query_id, is_ok=wanted.ok, why=wanted.error_message or "")
    except Refused as error:
        raise bad_request(str(error)) from error
    return True


@method("editUserStarSubscription")
async def edit_user_star_subscription(call: Call) -> object:
    known = _charge(call)
    # a stop of the bot's holds until it is lifted, and then it is the person who starts it again
    change = {"state": "canceled", "by_bot": True} if call.method.is_canceled else {"by_bot": False}
    call.world.store.put("star_charge", known["charge_id"], known | change)
    return True


@method("refundStarPayment")
async def refund_star_payment(call: Call) -> object:
    known = _charge(call)
    try:
        stars.refund(call.sim, known["charge_id"])
    except Refused as error:
        raise bad_request(str(error)) from error
    return True


@method("getStarTransactions")
async def get_star_transactions(call: Call) -> object:
    """In the order of their happening: a charge comes from a person, its refund goes there under the same id."""
    found = []
    for charge in stars.charges(call.sim):
        user = {"type": "user", "user": user_json(call.world.user(charge["user_id"]))}
        came = user | {"transaction_type": "invoice_payment", "invoice_payload": charge["payload"]}
        line = {"id": charge["charge_id"], "amount": charge["amount"]}
        source = came | {"subscription_period": stars.PERIOD_S}
        found.append((charge["at"], line | {"date": int(charge["at"]), "source": source}))
        if charge["is_refunded"]:
            receiver = user | {"transaction_type": "invoice_payment"}
            found.append((charge["refunded_at"], line | {"date": int(charge["refunded_at"]), "receiver": receiver}))
    found.sort(key=lambda one: float(one[0]))
    offset, limit = call.method.offset or 0, call.method.limit or 100
    mine = [line for _, line in found]
    return {"transactions": mine[offset : offset + min(limit, 100)]}


def _charge(call: Call) -> stars.Doc:
    """The charge that is meant, if it is one between this bot and the person."""
    try:
        known = stars.charge_of(call.sim, call.method.telegram_payment_charge_id)
    except Refused as error:
        raise bad_request(str(error)) from error
    if (known["bot_id"], known["user_id"]) != (call.bot.id, call.method.user_id):
        raise bad_request("CHARGE_NOT_FOUND")
    return known
