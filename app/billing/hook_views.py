"""What gateways call: each is answered here, inside one transaction, since the payer waits for it."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, current_app, g, jsonify, request

from app.billing.gateways.click import shop
from app.billing.gateways.payme import rpc
from app.billing.gateways.payme.transactions import Receipts
from app.billing.gateways.stripe import hooks
from app.billing.service import orders
from app.billing.service.counter import DomainOrders
from app.core import outbox
from app.core.policy import Act, policy

blueprint = Blueprint("gateway_hooks", __name__, url_prefix="/hooks")
_ANY = ("GET", "POST", "PUT", "PATCH", "DELETE")


@blueprint.route("/payme", methods=_ANY)
@policy(Act.HOOK)
def payme() -> Response:
    """Payme's JSON-RPC. Every answer has status 200, also to what is no POST: Payme reads no other."""
    settings = current_app.extensions["runtime"].settings
    told = rpc.answer(
        request.method,
        request.headers.get("Authorization", ""),
        request.get_data(),
        key=settings.payme_key.get_secret_value(),
        receipts=Receipts(DomainOrders(), settings.fiscal_ikpu, settings.fiscal_package_code),
        now=g.now,
    )
    return jsonify(told)


@blueprint.post("/stripe")
@policy(Act.HOOK)
def stripe() -> Response:
    """Stripe's events: stored once and answered; the desk follows them."""
    settings = current_app.extensions["runtime"].settings
    signature, secret = request.headers.get("Stripe-Signature", ""), settings.stripe_webhook_secret.get_secret_value()
    try:
        hooks.receive(request.get_data(), signature, secret=secret, now=g.now)
    except hooks.NotStripes as error:
        return Response(f"{error}\n", status=400, mimetype="text/plain")
    outbox.put(orders.DESK_TOPIC, "stripe", now=g.now)
    return jsonify(received=True)


@blueprint.post("/click")
@policy(Act.HOOK)
def click() -> Response:
    """Click's Prepare and Complete."""
    settings = current_app.extensions["runtime"].settings
    fields: dict[str, Any] = request.form.to_dict()
    told = shop.answer(
        fields,
        service_id=settings.click_service_id,
        secret=settings.click_secret_key.get_secret_value(),
        orders=DomainOrders(),
        now=g.now,
    )
    return jsonify(told)
