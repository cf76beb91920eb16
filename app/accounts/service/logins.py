"""Signing in by an identity that somebody else vouches for. A login's state is spent by its first use."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from peewee import IntegrityError

from app.accounts.models import SpentState
from app.accounts.service import people, sessions
from app.core import db, ids
from app.core.errors import Unauthenticated
from app.core.i18n import N_


def spend(state: str, *, until: timedelta, now: datetime) -> None:
    """Note that a login's state came back; it is remembered for as long as it could be tried again.

    Raises Unauthenticated at the second time.
    """
    try:
        with db.write():
            SpentState.create(state_hash=ids.token_hash(state), expires_at=now + until)
    except IntegrityError:
        raise begun_elsewhere() from None


def begun_elsewhere() -> Unauthenticated:
    sentence = N_("This login was begun elsewhere, was used already, or took too long. Begin again.")
    return Unauthenticated(sentence, code="login_spent")


def enter_with_telegram(
    claims: Mapping[str, Any], *, language: str, timezone: str, ip: str = "", user_agent: str = "", now: datetime
) -> str:
    """A browser session for the person of checked claims; returns its token. Raises Unauthenticated, Invalid.

    `id` is the Telegram user id (scope `profile`); `sub` is an opaque number of this client and may look like one
    (core.telegram.org/bots/telegram-login#available-scopes, 2026-11; vcode-sh/better-auth-telegram#25, 2026-06).
    """
    given = str(claims.get("id", ""))
    if not (given.isascii() and given.isdigit() and len(given) < 19):
        raise Unauthenticated(N_("The login did not say which Telegram account is yours."), code="no_account")
    with db.write():
        person = people.ensure_person(
            int(given),
            name=str(claims.get("name") or claims.get("preferred_username") or given)[:128],
            language=language,
            timezone=timezone,
            now=now,
        )
        return sessions.start_at_home(person.id, ip=ip, user_agent=user_agent, now=now)
