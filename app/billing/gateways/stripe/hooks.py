"""Stripe's webhooks: signature checked, stored once, answered. What they are about is read later, at Stripe itself."""

from __future__ import annotations

import hmac
import json
from datetime import datetime, timedelta
from hashlib import sha256

from app.core import db

TOLERANCE = timedelta(seconds=300)


class NotStripes(Exception):
    """This is not an event of Stripe's, or not of now."""


def receive(body: bytes, header: str, *, secret: str, now: datetime) -> bool:
    """Store an event; False when it was stored before. Raises NotStripes when it is not Stripe's, or not of now.

    `Stripe-Signature: t=…,v1=…[,v1=…]`, HMAC-SHA256 over `t.body` (docs.stripe.com/webhooks, read 2026-11). Stripe's
    library takes any time in the future; ours is held to five minutes both ways.
    """
    _check(body, header, secret=secret, now=now)
    try:
        event = json.loads(body)
        facts = str(event["id"]), str(event["type"]), str(event["data"]["object"]["id"])
    except (ValueError, KeyError, TypeError) as error:
        raise NotStripes("this is no event") from error
    with db.write():
        return bool(
            db.execute(
                "INSERT INTO stripe_event (event, kind, about, received_at, tries) VALUES (?, ?, ?, ?, 0)"
                " ON CONFLICT (event) DO NOTHING",
                *(facts[0][:128], facts[1][:64], facts[2][:128], db.stamp(now)),
            )
        )


def _check(body: bytes, header: str, *, secret: str, now: datetime) -> None:
    parts = [part.strip().partition("=") for part in header.split(",")]
    at = next((value for name, _, value in parts if name == "t"), "")
    given = [value for name, _, value in parts if name == "v1"]
    if not (secret and at.isascii() and at.isdigit() and given):
        raise NotStripes("the signature is missing")
    wanted = hmac.new(secret.encode(), at.encode() + b"." + body, sha256).hexdigest()
    if not any(hmac.compare_digest(wanted.encode(), one.encode()) for one in given):
        raise NotStripes("the signature does not fit")
    if abs(now.timestamp() - int(at)) > TOLERANCE.total_seconds():
        raise NotStripes("the signature is not of now")
