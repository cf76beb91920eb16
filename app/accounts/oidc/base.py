"""Who signs somebody in, and a login under way. Light: the client itself brings the web process ten megabytes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from app.core.errors import Unauthenticated
from app.core.i18n import N_

LIFETIME = timedelta(minutes=10)


class Refused(Unauthenticated):
    """The answer does not prove who somebody is; `why` is for the log and for tests, not for the person."""

    def __init__(self, why: str) -> None:
        super().__init__(
            N_("The login did not work out: the answer could not be trusted. Begin again."), code="refused"
        )
        self.why = why


@dataclass(frozen=True, slots=True)
class Provider:
    """An issuer and who we are to it. `label`: how people know it."""

    issuer: str
    client_id: str
    client_secret: str
    scopes: tuple[str, ...]
    label: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """A login under way; it stays with the browser that began it. `begun_at`: seconds since 1970."""

    state: str
    nonce: str
    verifier: str
    begun_at: int

    def is_fresh(self, *, now: datetime) -> bool:
        return timedelta(seconds=now.timestamp() - self.begun_at) <= LIFETIME
