"""The endpoint through which the Temporal UI reads payloads (docs.temporal.io/remote-data-encoding, read 2026-11).

The browser of a SuperAdmin asks it, with our cookie, from the address of the Temporal UI and from no other.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

from flask import Blueprint, Response, current_app, jsonify, request

from app.core.crypto import PayloadSeal
from app.core.errors import AppError, Invalid
from app.core.policy import Act, policy

blueprint = Blueprint("codec", __name__, url_prefix="/admin/codec")
_MOST = 500


@blueprint.route("/decode", methods=["POST"], provide_automatic_options=False)
@policy(Act.OPERATE)
def decode() -> Response:
    """{"payloads": [{"metadata", "data"}]} in base64, opened; one that cannot be opened stays as it came."""
    given = request.get_json(silent=True)
    payloads = given.get("payloads") if isinstance(given, dict) else None
    if not isinstance(payloads, list) or len(payloads) > _MOST:
        raise Invalid("This is no list of payloads.")
    seal = PayloadSeal(current_app.extensions["runtime"].sealer)
    return jsonify(payloads=[_opened(seal, one) for one in payloads])


@blueprint.route("/decode", methods=["OPTIONS"])
@policy(Act.PUBLIC)
def preflight() -> Response:
    """What a browser asks before it asks."""
    return Response(status=204)


@blueprint.after_request
def _for_the_ui_only(response: Response) -> Response:
    ui = current_app.extensions["runtime"].settings.temporal_ui_url
    response.headers["Vary"] = "Origin"
    if ui and request.headers.get("Origin") == ui:
        response.headers["Access-Control-Allow-Origin"] = ui
        response.headers["Access-Control-Allow-Credentials"] = "true"
        response.headers["Access-Control-Allow-Methods"] = "POST"
        response.headers["Access-Control-Allow-Headers"] = "content-type,x-namespace"
    return response


def _opened(seal: PayloadSeal, payload: Any) -> Any:
    try:
        metadata = {name: base64.b64decode(value) for name, value in payload["metadata"].items()}
        found, data = seal.open(metadata, base64.b64decode(payload.get("data", "")))
    except (AppError, AttributeError, KeyError, TypeError, binascii.Error):
        return payload
    return {"metadata": {name: _text(value) for name, value in found.items()}, "data": _text(data)}


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()
