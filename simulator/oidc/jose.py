"""Keys and signed tokens, by hand: what a client must refuse has to be makeable too."""

import base64
import hashlib
import hmac
import json
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

Doc = dict[str, Any]


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def half_hash(text: str) -> str:
    """`at_hash` of an access token (OpenID Connect Core 3.1.3.6)."""
    return b64(hashlib.sha256(text.encode()).digest()[:16])


class SigningKey:
    """An RSA key with a name of its own."""

    def __init__(self) -> None:
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        numbers = self._key.public_key().public_numbers()
        self._modulus = b64(numbers.n.to_bytes(256, "big"))
        self._exponent = b64(numbers.e.to_bytes(3, "big"))
        self.kid = "oidc-" + hashlib.sha256(self._modulus.encode()).hexdigest()[:8]

    def public(self) -> Doc:
        return {
            **{"kty": "RSA", "alg": "RS256", "use": "sig"},
            **{"kid": self.kid, "n": self._modulus, "e": self._exponent},
        }

    def pem(self) -> bytes:
        public = self._key.public_key()
        return public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)

    def token(self, claims: Doc, *, alg: str = "RS256", kid: str | None = None) -> str:
        """A signed token; `none` and `HS256` (with the public key as the secret) are the classic forgeries."""
        header = {"alg": alg, "typ": "JWT", "kid": kid or self.kid}
        signed = ".".join(b64(json.dumps(part, separators=(",", ":")).encode()) for part in (header, claims))
        return f"{signed}.{b64(self._signature(signed.encode(), alg))}"

    def _signature(self, signed: bytes, alg: str) -> bytes:
        if alg == "none":
            return b""
        if alg == "HS256":
            return hmac.new(self.pem(), signed, hashlib.sha256).digest()
        return self._key.sign(signed, padding.PKCS1v15(), hashes.SHA256())
