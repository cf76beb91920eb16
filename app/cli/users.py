"""analyticbot user create-superadmin"""

from __future__ import annotations

import click

from app.accounts.service import people
from app.audit import service as audit
from app.boot import boot
from app.core import clock, db
from app.core.errors import Invalid


@click.group("user")
def group() -> None:
    """People."""


@group.command("create-superadmin")
@click.argument("name")
@click.option("--telegram-id", type=int, help="Telegram user id by which the person signs in.")
def create_superadmin(name: str, telegram_id: int | None) -> None:
    """Make a person who runs the service."""
    if not name.strip() or not name.isprintable():
        raise Invalid("Give the person a name.", fields={"name": "blank or unreadable"})
    runtime, now = boot("cli"), clock.utcnow()
    with db.write():
        user = people.create_user(
            name=name,
            timezone=runtime.settings.default_timezone,
            telegram_user_id=telegram_id,
            is_superadmin=True,
            now=now,
        )
        people.create_workspace(f"{name}'s channels", owner=user, timezone=runtime.settings.default_timezone, now=now)
        audit.record("user.superadmin_created", actor="operator", subject=f"user:{user.public_id}", now=now)
    click.echo(f"created {user.public_id}")
