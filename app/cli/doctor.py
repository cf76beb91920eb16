"""analyticbot doctor"""

from __future__ import annotations

import shutil
import sys

import click

from app.boot import boot
from app.core import clock, leases, migrate
from app.core.settings import production_problems


@click.command("doctor")
def group() -> None:
    """Say what works, what does not, and what to do about it; exit code 1 when something is broken."""
    runtime = boot("cli")
    settings, is_fine = runtime.settings, True
    is_at_head = migrate.is_at_head()
    click.echo(f"{'ok  ' if is_at_head else 'FAIL'} schema" + ("" if is_at_head else ": run `analyticbot db up`"))
    is_fine &= is_at_head
    beats = leases.last_beats() if is_at_head else {}
    for process in ("worker", "jobs", "bot"):
        age = (clock.utcnow() - beats[process]).total_seconds() if process in beats else None
        lives = age is not None and age < 20
        click.echo(
            f"{'ok  ' if lives else 'FAIL'} {process}: "
            + (f"heard {age:.0f} s ago" if age is not None else "never heard")
        )
        is_fine &= lives
    click.echo(
        f"{'ok  ' if shutil.which('temporal') else 'note'} temporal binary: {shutil.which('temporal') or 'not on PATH'}"
    )
    for problem in production_problems(settings):
        click.echo(f"note for production: {problem}")
    sys.exit(0 if is_fine else 1)
