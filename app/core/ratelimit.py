"""How often a door may be knocked at, by address: `@limiter.limit("20 per minute")` under the route's policy."""

from __future__ import annotations

from flask import request
from flask_limiter import Limiter, RateLimitExceeded

__all__ = ["RateLimitExceeded", "limiter"]

# web is one process (Procfile); more of them would need a shared store here
limiter = Limiter(key_func=lambda: request.remote_addr or "", storage_uri="memory://")
