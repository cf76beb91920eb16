"""The `analyticbot` command, one group per topic."""

from __future__ import annotations

import sys

import click
from peewee import OperationalError, ProgrammingError

from app.cli import analytics, audit, billing, channels, db, demo, doctor, imports, media, posting, users
from app.core import migrate
from app.core.errors import AppError, Invalid
from app.core.settings import SettingsError


class _Command(click.Group):
    """Known errors become one clear sentence and exit code 2; unknown ones stay loud."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except (AppError, SettingsError) as error:
            click.echo(f"Error: {error}", err=True)
            for field, why in (error.fields if isinstance(error, Invalid) else {}).items():
                click.echo(f"  {field}: {why}", err=True)
            sys.exit(2)
        except (OperationalError, ProgrammingError) as error:
            if not _is_behind():
                raise
            click.echo(f"Error: the schema is not at head: run `analyticbot db up`. ({error})", err=True)
            sys.exit(2)


def _is_behind() -> bool:
    """Whether the database answers and its schema is not the present one."""
    try:
        return bool(migrate.pending())
    except (OperationalError, ProgrammingError):
        return False


@click.group(cls=_Command)
def main() -> None:
    """Run and look after AnalyticBot."""


for module in (db, demo, users, channels, imports, media, analytics, posting, billing, audit, doctor):
    main.add_command(module.group)
