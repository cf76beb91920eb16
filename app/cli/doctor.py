"""analyticbot doctor"""

from __future__ import annotations

import shutil
import sys

import click

from app.boot import boot, media_remote
from app.core import clock, leases, migrate
from app.core.settings import Settings, production_problems
from app.media import child
from app.media.service import probing
from app.media.service.store import StoreAway


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
    is_fine &= _bucket(settings)
    is_fine &= _queue(settings)
    for problem in production_problems(settings):
        click.echo(f"note for production: {problem}")
    sys.exit(0 if is_fine else 1)


def _queue(settings: Settings) -> bool:
    """Whether what wakes the jobs process does."""
    from app.core import jobs  # huey, and with it redis: half a second of every other command

    where = "Redis" if settings.huey_redis_url.get_secret_value() else str(settings.data_dir / "huey.sqlite3")
    is_there = jobs.answers(settings)
    end = "" if is_there else ": nothing is lost, and what jobs does each minute rests until it is back"
    click.echo(f"{'ok  ' if is_there else 'FAIL'} queue: {where} {'answers' if is_there else 'does not answer'}{end}")
    return is_there


def _bucket(settings: Settings) -> bool:
    """Whether files come into the bucket, out of it, and away."""
    remote = media_remote(settings)
    if remote is None:
        click.echo(f"ok   files: they lie in {settings.data_dir / 'media'}")
        return True
    try:
        probing.probe(remote)
    except StoreAway as error:
        click.echo(
            f"FAIL files: the bucket {settings.media_s3_bucket} does not do as asked ({error.__cause__ or error})"
        )
        return False
    click.echo(f"ok   files: the bucket {settings.media_s3_bucket} takes, gives and deletes them")
    return True


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
