"""What an issuer publishes: its endpoints and its keys, kept for a while and asked for anew when they do not fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from typing import Any

import httpx
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, OKPKey, RSAKey

from app.core.errors import Upstream
from app.core.i18n import N_

Key = RSAKey | ECKey | OKPKey
TIMEOUT_S = 5.0
KEPT = timedelta(hours=1)
ASK_AGAIN_AFTER = timedelta(seconds=30)  # tokens with invented key ids must not make us a flood on the issuer
_MOST_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Of the discovery document (OpenID Connect Discovery 1.0, 3)."""

    authorization: str
    token: str
    jwks: str
    takes_basic: bool
    echoes_nonce: bool


class Issuer:
    """`endpoints(now)` and `key(kid, now)`; both raise Upstream when the issuer does not answer with sense."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._lock = Lock()
        self._endpoints: tuple[Endpoints, datetime] | None = None
        self._keys: tuple[dict[str, Key], datetime] | None = None

    def endpoints(self, *, now: datetime) -> Endpoints:
        with self._lock:
            known = self._endpoints
        if known is not None and now - known[1] < KEPT:
            return known[0]
        found = self._discover()
        with self._lock:
            self._endpoints = (found, now)
        return found

    def _discover(self) -> Endpoints:
        told = ask("GET", f"{self.url}/.well-known/openid-configuration")
        claims = told.get("claims_supported")
        methods = told.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        if told.get("issuer") != self.url or "S256" not in told.get("code_challenge_methods_supported", ["S256"]):
            raise _nonsense()
        try:
            return Endpoints(
                authorization=str(told["authorization_endpoint"]),
                token=str(told["token_endpoint"]),
                jwks=str(told["jwks_uri"]),
                takes_basic="client_secret_basic" in methods,
                echoes_nonce=not isinstance(claims, list) or "nonce" in claims,
            )
        except KeyError:
            raise _nonsense() from None

    def key(self, kid: str, *, now: datetime) -> Key | None:
        """The key of that id. An unknown id, as after a rotation, asks the issuer anew; not more than twice a minute."""
        with self._lock:
            known = self._keys
        age = now - known[1] if known else KEPT
        if known and age < KEPT and (kid in known[0] or age < ASK_AGAIN_AFTER):
            return known[0].get(kid)
        found = _usable(ask("GET", self.endpoints(now=now).jwks))
        with self._lock:
            self._keys = (found, now)
        return found.get(kid)


def _usable(jwks: Mapping[str, Any]) -> dict[str, Key]:
    """The keys that we can check with: an issuer may publish others (Telegram has one on secp256k1 since June 2026)."""
    found: dict[str, Key] = {}
    for data in jwks.get("keys", []):
        try:
            key = JWKRegistry.import_key(data)
        except (JoseError, ValueError, KeyError, TypeError):
            continue
        if isinstance(key, RSAKey | ECKey | OKPKey) and data.get("use", "sig") == "sig":
            found[str(data.get("kid", ""))] = key
    return found


def ask(method: str, url: str, **options: Any) -> dict[str, Any]:
    """A JSON object over HTTP; an answer of 4xx is given back too. Raises Upstream."""
    try:
        answer = httpx.request(method, url, timeout=TIMEOUT_S, follow_redirects=False, **options)
        told = answer.json() if len(answer.content) <= _MOST_BYTES and answer.status_code < 500 else None
    except (httpx.HTTPError, ValueError):
        raise _nonsense() from None
    if not isinstance(told, dict):
        raise _nonsense()
    return told


def _nonsense() -> Upstream:
    return Upstream(N_("The login service does not answer as it should. Try again in a minute."), code="issuer_down")
