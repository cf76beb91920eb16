"""analyticbot doctor"""

from __future__ import annotations

import shutil
import sys

import click

from app.boot import boot
from app.core import clock, leases, migrate
from app.core.settings import production_problems
from app.media import child


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
    is_fine &= _media()
    for problem in production_problems(settings):
        click.echo(f"note for production: {problem}")
    sys.exit(0 if is_fine else 1)


def _media() -> bool:
    """Whether people's files can be worked on; says what their processes could reach."""
    walls, missing = child.isolation(), child.run("tools", {})["missing"]
    for name in missing:
        click.echo(f"FAIL media: {name} is not installed: run deploy/system-packages run")
    if walls.has_no_network:
        click.echo("ok   media: people's files are worked on without network")
    else:
        click.echo("WARNING media: this kernel refuses a network namespace; people's files are worked on WITH network")
    if not walls.sees_own_files:
        click.echo("WARNING media: this kernel has no Landlock; a broken decoder could read other files of this user")
    return not missing
