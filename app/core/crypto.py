"""Sealing secrets at rest, and keyed hashes of identities.

An envelope is `v1:<key id>:<base64url(nonce + ciphertext)>`, AES-256-GCM. The associated
data names table, column and row, so that a ciphertext moved to another row does not open.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from app.core.errors import AppError


class Sealer:
    """Seals with the newest master key and opens with any of them."""

    def __init__(self, master_keys: str) -> None:
        keys = [base64.urlsafe_b64decode(key) for key in master_keys.split(",")]
        self._newest = _key_id(keys[0])
        self._keys = {_key_id(key): AESGCM(key) for key in keys}

    def seal(self, secret: str, *, bound_to: str) -> str:
        """Encrypt `secret` for the one place `bound_to` ("table.column:row")."""
        nonce = os.urandom(12)
        sealed = self._keys[self._newest].encrypt(nonce, secret.encode(), bound_to.encode())
        return f"v1:{self._newest}:{base64.urlsafe_b64encode(nonce + sealed).decode()}"

    def seal_bytes(self, secret: bytes, *, bound_to: bytes) -> tuple[str, bytes]:
        """(key id, nonce and ciphertext) under the newest key."""
        nonce = os.urandom(12)
        return self._newest, nonce + self._keys[self._newest].encrypt(nonce, secret, bound_to)

    def open_bytes(self, key_id: str, sealed: bytes, *, bound_to: bytes) -> bytes:
        """The reverse. Raises AppError `sealed` when key, place or content do not fit."""
        try:
            return self._keys[key_id].decrypt(sealed[:12], sealed[12:], bound_to)
        except (KeyError, InvalidTag, ValueError) as error:
            raise AppError("This secret cannot be opened here.", code="sealed") from error

    def open(self, envelope: str, *, bound_to: str) -> str:
        """Decrypt. Raises AppError `sealed` when key, place or content do not fit."""
        try:
            _version, key_id, body = envelope.split(":")
            raw = base64.urlsafe_b64decode(body)
            return self._keys[key_id].decrypt(raw[:12], raw[12:], bound_to.encode()).decode()
        except (ValueError, KeyError, InvalidTag) as error:
            raise AppError("This secret cannot be opened here.", code="sealed") from error


class PayloadSeal:
    """Seals what workflows hand to each other, so that Temporal's database reads nothing; opens with any known key.

    A sealed payload is {"metadata": {"encoding": …, "key": …}, "data": …} with bytes as values.
    """

    ENCODING = b"binary/encrypted"
    _PLACE = b"temporal.payload"

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer

    def close(self, metadata: Mapping[str, bytes], data: bytes) -> tuple[dict[str, bytes], bytes]:
        """(metadata, data) of the sealed payload."""
        plain = json.dumps({"metadata": {name: _b64(value) for name, value in metadata.items()}, "data": _b64(data)})
        key_id, sealed = self._sealer.seal_bytes(plain.encode(), bound_to=self._PLACE)
        return {"encoding": self.ENCODING, "key": key_id.encode()}, sealed

    def open(self, metadata: Mapping[str, bytes], data: bytes) -> tuple[dict[str, bytes], bytes]:
        """(metadata, data) as they were; what was never sealed stays as it is. Raises AppError `sealed`."""
        if metadata.get("encoding") != self.ENCODING:
            return dict(metadata), data
        key_id = metadata.get("key", b"").decode(errors="replace")
        plain = json.loads(self._sealer.open_bytes(key_id, data, bound_to=self._PLACE))
        found = {name: base64.b64decode(value) for name, value in plain["metadata"].items()}
        return found, base64.b64decode(plain["data"])


def _b64(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _key_id(key: bytes) -> str:
    return hashlib.sha256(b"key-id" + key).hexdigest()[:8]


def keyed_hash(secret_key: str, purpose: str, value: str) -> str:
    """A pseudonym of `value`: equal values meet, nobody without the key finds the value."""
    return hmac.new(secret_key.encode(), f"{purpose}\n{value}".encode(), hashlib.sha256).hexdigest()
