"""Codes out, tokens in exchange; a code is good once, for a minute, for its own client, address and PKCE secret."""

import hashlib
import secrets
import time
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from simulator.faults import LOGIN_KINDS, Faults
from simulator.model import User
from simulator.oidc.jose import SigningKey, b64, half_hash
from simulator.world import World

Doc = dict[str, Any]
CLIENT_SECRET = "SIMULATED-client-secret-not-real"
_TOKEN_FAULTS = tuple(kind for kind in LOGIN_KINDS if kind != "oidc_500")
_CODE_LIVES_S, _TOKEN_LIVES_S = 60, 3600


class Denied(Exception):
    """An error of OAuth 2.0, by its code (RFC 6749 5.2)."""


@dataclass(frozen=True)
class Asked:
    """What a client asked of /auth."""

    client_id: str
    redirect_uri: str
    state: str
    nonce: str
    challenge: str
    scope: str


@dataclass
class Code:
    asked: Asked
    user_id: int
    at: float


@dataclass
class Issuer:
    """`keys[-1]` signs; older ones are published until they are dropped."""

    codes: dict[str, Code] = field(default_factory=dict)

    @cached_property
    def keys(self) -> list[SigningKey]:
        return [SigningKey()]

    def rotate(self, *, keep_old: bool) -> str:
        self.keys[:] = [*(self.keys if keep_old else ()), SigningKey()]
        return self.keys[-1].kid

    def jwks(self) -> Doc:
        """Ours, and one on secp256k1, which many libraries do not know: the real one has such a key since June 2026."""
        odd = {"kty": "EC", "crv": "secp256k1", "alg": "ES256K", "use": "sig", "kid": "oidc-es256k-1"}
        odd |= {"x": b64(bytes(31) + b"\1"), "y": b64(bytes(31) + b"\2")}
        return {"keys": [odd, *(key.public() for key in self.keys)]}

    def allow(self, asked: Asked, user: User) -> str:
        """The person agrees; returns the code."""
        code = secrets.token_urlsafe(24)
        self.codes[code] = Code(asked, user.id, time.time())
        return code

    def exchange(
        self, form: Doc, world: World, faults: Faults, *, client_id: str, client_secret: str, base: str
    ) -> Doc:
        """Raises Denied."""
        if client_secret != CLIENT_SECRET or client_id not in {str(bot_id) for bot_id in world.bots}:
            raise Denied("invalid_client")
        code = self.codes.pop(str(form.get("code", "")), None)
        if code is None or time.time() - code.at > _CODE_LIVES_S:
            raise Denied("invalid_grant")
        if code.asked.client_id != client_id or code.asked.redirect_uri != form.get("redirect_uri"):
            raise Denied("invalid_grant")
        verifier = str(form.get("code_verifier", ""))
        if b64(hashlib.sha256(verifier.encode()).digest()) != code.asked.challenge:
            raise Denied("invalid_grant")
        return self._tokens(code, world.users[code.user_id], faults, base)

    def _tokens(self, code: Code, user: User, faults: Faults, base: str) -> Doc:
        fault = faults.take(_TOKEN_FAULTS)
        kind = fault.kind if fault else ""
        access = secrets.token_urlsafe(24)
        claims = _claims(code.asked, user, base) | _spoiled(kind, code)
        if kind == "oidc_no_nonce":
            claims.pop("nonce", None)
        alg = {"oidc_alg_none": "none", "oidc_hs256": "HS256"}.get(kind, "RS256")
        kid = "nobody-knows" if kind == "oidc_unknown_kid" else None
        token = self.keys[-1].token(claims, alg=alg, kid=kid)
        return {"access_token": access, "token_type": "Bearer", "expires_in": _TOKEN_LIVES_S, "id_token": token}


def _claims(asked: Asked, user: User, base: str) -> Doc:
    # Freshness is judged by the product's own clock, which nobody turns: hence real time.
    now = int(time.time())
    subject = int(hashlib.sha256(f"{asked.client_id}:{user.id}".encode()).hexdigest()[:15], 16)
    claims: Doc = {"iss": base, "aud": asked.client_id, "sub": str(subject), "iat": now}
    claims |= {"exp": now + _TOKEN_LIVES_S, "nonce": asked.nonce}
    if "profile" in asked.scope.split():
        claims |= {"id": user.id, "name": user.first_name, "picture": f"{base}/picture/{user.id}.jpg"}
        claims |= {"preferred_username": user.username} if user.username else {}
    return {name: value for name, value in claims.items() if value != ""}


def _spoiled(kind: str, code: Code) -> Doc:
    """The claims that a fault makes wrong."""
    now = int(time.time())
    wrong: dict[str, Doc] = {
        "oidc_wrong_nonce": {"nonce": "somebody-elses"},
        "oidc_wrong_aud": {"aud": str(int(code.asked.client_id) + 1)},
        "oidc_wrong_iss": {"iss": "https://elsewhere.example"},
        "oidc_expired": {"iat": now - 7200, "exp": now - 3600},
        "oidc_future": {"iat": now + 3600, "exp": now + 7200},
        "oidc_bad_at_hash": {"at_hash": half_hash("another token")},
    }
    return wrong.get(kind, {})
