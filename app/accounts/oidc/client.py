"""One login: begun with secrets that only this browser has, finished with a token that answers to all of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError

from app.accounts.oidc.base import Attempt, Provider, Refused
from app.accounts.oidc.issuer import Issuer, Key, ask
from app.core import ids

ALGORITHMS = ("RS256", "ES256", "EdDSA")  # signatures by a key that only the issuer has: no `none`, no HS256
_LEEWAY_S = 60


class Client:
    """Our side of the flow (OpenID Connect Core 1.0, 3.1; RFC 7636; RFC 9207)."""

    def __init__(self, provider: Provider) -> None:
        self.provider, self.issuer = provider, Issuer(provider.issuer)

    def begin(self, redirect_uri: str, *, now: datetime) -> tuple[str, Attempt]:
        """Where to send the person, and what to remember of it. Raises Upstream."""
        attempt = Attempt(ids.secret_token(), ids.secret_token(), ids.secret_token(), int(now.timestamp()))
        asked = {
            "response_type": "code",
            "client_id": self.provider.client_id,
            "redirect_uri": redirect_uri,
            "scope": " ".join(self.provider.scopes),
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": create_s256_code_challenge(attempt.verifier),
            "code_challenge_method": "S256",
        }
        endpoint = self.issuer.endpoints(now=now).authorization
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(asked)}", attempt

    def finish(self, attempt: Attempt, code: str, redirect_uri: str, *, now: datetime) -> dict[str, Any]:
        """The checked claims about the person. Raises Refused, or Upstream when the issuer does not answer."""
        told = self._exchange(attempt, code, redirect_uri, now=now)
        if "error" in told or not isinstance(told.get("id_token"), str):
            raise Refused(f"no token: {str(told.get('error', 'missing'))[:40]}")
        return self.checked(told["id_token"], attempt, access_token=told.get("access_token"), now=now)

    def _exchange(self, attempt: Attempt, code: str, redirect_uri: str, *, now: datetime) -> dict[str, Any]:
        us, endpoints = self.provider, self.issuer.endpoints(now=now)
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
        form |= {"code_verifier": attempt.verifier, "client_id": us.client_id}
        if endpoints.takes_basic:  # RFC 6749 2.3.1: both are form-encoded before Basic
            return ask("POST", endpoints.token, data=form, auth=(quote(us.client_id), quote(us.client_secret)))
        return ask("POST", endpoints.token, data=form | {"client_secret": us.client_secret})

    def checked(self, token: str, attempt: Attempt, *, access_token: str | None, now: datetime) -> dict[str, Any]:
        """The claims of an id_token that is signed by the issuer, for us, now, and for this attempt. Raises Refused."""
        try:
            read = jwt.decode(token, lambda signed: self._key(signed.headers(), now), algorithms=list(ALGORITHMS))
            claims = CodeIDToken(read.claims, read.header, self._wanted(), self._bound(read.claims, attempt, now))
            claims.params["access_token"] = access_token
            claims.validate(now=int(now.timestamp()), leeway=_LEEWAY_S)
            is_older = claims["iat"] < attempt.begun_at - _LEEWAY_S
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise Refused(f"{type(error).__name__}: {error}"[:200]) from None
        if is_older:
            raise Refused("iat: issued before this login began")
        return dict(claims)

    def _key(self, header: Mapping[str, Any], now: datetime) -> Key:
        key = self.issuer.key(str(header.get("kid", "")), now=now)
        if key is None:
            raise Refused("no such key")
        return key

    def _wanted(self) -> dict[str, Any]:
        """What authlib shall find; `exp`, `iat` and `sub` are essential to it anyway."""
        return {
            "iss": {"essential": True, "value": self.provider.issuer},
            "aud": {"essential": True, "value": self.provider.client_id},
        }

    def _bound(self, claims: Mapping[str, Any], attempt: Attempt, now: datetime) -> dict[str, Any]:
        """The attempt's nonce must come back. An issuer whose discovery document lists its claims without `nonce` may
        leave it out, as Telegram does (trip2g/trip2g#334, measured 2026-08): PKCE binds the code to this browser then.
        """
        may_be_missing = "nonce" not in claims and not self.issuer.endpoints(now=now).echoes_nonce
        return {"client_id": self.provider.client_id} | ({} if may_be_missing else {"nonce": attempt.nonce})
