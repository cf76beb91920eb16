"""Ways in: tickets once, launches once per device, keys hashed; roles decide."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest

from app.accounts.service import keys, people, sessions
from app.boot import Runtime
from app.core import db
from app.core.errors import Forbidden, Invalid, Unauthenticated
from app.core.policy import Act, Role, may, require
from tests.world import owner


def test_a_ticket_opens_one_session_even_for_ten_at_once(runtime: Runtime, now: datetime) -> None:
    aziza = owner("Aziza", now=now)
    ticket = sessions.issue_ticket(aziza.user.id, purpose=sessions.DEMO, now=now)

    def try_it(_n: int) -> bool:
        try:
            with db.database.connection_context():
                return bool(sessions.use_ticket(ticket, purpose=sessions.DEMO, now=now))
        except Unauthenticated:
            return False

    with ThreadPoolExecutor(10) as pool:
        assert sum(pool.map(try_it, range(10))) == 1


def test_a_stale_ticket_is_refused(runtime: Runtime, now: datetime) -> None:
    ticket = sessions.issue_ticket(owner("Aziza", now=now).user.id, purpose=sessions.DEMO, now=now)
    with pytest.raises(Unauthenticated):
        sessions.use_ticket(ticket, purpose=sessions.DEMO, now=now + timedelta(minutes=16))


def test_a_launch_renews_on_its_device_and_is_refused_elsewhere(runtime: Runtime, now: datetime) -> None:
    aziza = owner("Aziza", now=now)
    first = sessions.start_from_launch(
        aziza.user.id, launch_hash="h1", launched_at=now, device="my-phone-secret", now=now
    )
    second = sessions.start_from_launch(
        aziza.user.id, launch_hash="h1", launched_at=now, device="my-phone-secret", now=now
    )
    assert sessions.signed_in(first, now=now) is None
    assert sessions.signed_in(second, now=now) is not None
    with pytest.raises(Unauthenticated) as refusal:
        sessions.start_from_launch(aziza.user.id, launch_hash="h1", launched_at=now, device="a-thief", now=now)
    assert refusal.value.code == "replayed"


def test_a_session_ends_by_sign_out_age_and_erasure(runtime: Runtime, now: datetime) -> None:
    aziza = owner("Aziza", now=now)
    token, session_id = sessions.start(aziza.user.id, aziza.workspace.id, kind="browser", now=now)
    found = sessions.signed_in(token, now=now)
    assert found is not None and (found.role, found.workspace_id) == (Role.OWNER, aziza.workspace.id)
    assert sessions.signed_in(token, now=now + sessions.LIFETIME) is None
    sessions.end(session_id, now=now)
    assert sessions.signed_in(token, now=now) is None


def test_a_key_is_kept_as_a_hash_and_dies_when_revoked(runtime: Runtime, now: datetime) -> None:
    aziza = owner("Aziza", now=now)
    secret = keys.create(aziza.workspace.id, user_id=aziza.user.id, name="script", now=now)
    assert db.row("SELECT COUNT(*) FROM api_key WHERE secret_hash = ?", secret) == (0,)
    holder = keys.holder_of(secret, now=now)
    assert holder is not None and holder.workspace_id == aziza.workspace.id
    keys.revoke(aziza.workspace.id, keys.keys_of(aziza.workspace.id)[0].public_id, user_id=aziza.user.id, now=now)
    assert keys.holder_of(secret, now=now) is None
    with pytest.raises(Invalid):
        keys.create(aziza.workspace.id, user_id=aziza.user.id, name="  ", now=now)


@pytest.mark.parametrize("role", list(Role))
def test_roles_decide(role: Role) -> None:
    assert may(role, Act.SEE)
    assert may(role, Act.MANAGE_CHANNELS) == (role in (Role.OWNER, Role.ADMIN))
    if role is Role.CLIENT:
        with pytest.raises(Forbidden):
            require(role, Act.MANAGE_KEYS)


def test_a_person_is_known_by_their_telegram_account(runtime: Runtime, now: datetime) -> None:
    first = people.ensure_person(5, name="Aziza", language="uz", timezone="Asia/Tashkent", now=now)
    again = people.ensure_person(5, name="Other", language="ru", timezone="Asia/Tashkent", now=now)
    assert first.id == again.id and len(people.workspaces_of(first.id)) == 1
