"""Identifiers that strangers may see: 128 random bits, never a sequence."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Callable

_entropy: Callable[[int], bytes] = secrets.token_bytes


def use_entropy(source: Callable[[int], bytes]) -> None:
    """Replace the source of chance; only the test of byte-equal pages does so."""
    global _entropy
    _entropy = source


def public_id() -> str:
    """22 URL-safe characters that carry 128 random bits."""
    return base64.urlsafe_b64encode(_entropy(16)).rstrip(b"=").decode()


def secret_token() -> str:
    """A bearer secret of 256 random bits."""
    return base64.urlsafe_b64encode(_entropy(32)).rstrip(b"=").decode()


def token_hash(token: str) -> str:
    """What we keep of a bearer secret. SHA-256 suffices since the secret has 256 bits."""
    return hashlib.sha256(token.encode()).hexdigest()
