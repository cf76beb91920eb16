"""analyticbot db up|status|diff"""

from __future__ import annotations

import sys

import click

from app.boot import boot
from app.core import migrate
from app.schema import TABLES


@click.group("db")
def group() -> None:
    """The database's schema."""


@group.command()
def up() -> None:
    """Apply pending migrations."""
    boot("cli")
    for name in migrate.up():
        click.echo(f"applied {name}")
    click.echo("the schema is at head")


@group.command()
def status() -> None:
    """Say what is pending; exit code 1 when something is."""
    boot("cli")
    pending = migrate.pending()
    click.echo("\n".join(f"pending {name}" for name in pending) or "the schema is at head")
    sys.exit(1 if pending else 0)


@group.command()
def diff() -> None:
    """Compare the migrated schema with the models; exit code 1 when they differ."""
    boot("cli")
    found = migrate.difference(TABLES)
    click.echo(found or "the schema matches the models")
    sys.exit(1 if found else 0)
