"""analyticbot analytics totals|rebuild|check"""

from __future__ import annotations

import json
import sys

import click

from app.analytics import build
from app.boot import boot
from app.cli.background import let_pages_go_first
from app.cli.imports import workspace_id
from app.core import clock
from app.readings import service as readings


@click.group("analytics")
def group() -> None:
    """Numbers and their rollups."""


@group.command()
@click.option("--workspace", required=True, help="Name of the workspace.")
def totals(workspace: str) -> None:
    """Print a JSON list, one object a channel, from the same queries as the pages."""
    boot("cli")
    click.echo(json.dumps(build.totals(workspace_id(workspace)), ensure_ascii=False, indent=1))


@group.command()
def rebuild() -> None:
    """Recompute every rollup from the raw readings."""
    let_pages_go_first()
    boot("cli")
    click.echo(f"rebuilt {readings.rebuild(now=clock.utcnow())} feeds")


@group.command()
def check() -> None:
    """Compare the rollups with the raw readings; exit code 1 when they differ."""
    let_pages_go_first()
    boot("cli")
    found = readings.check_feeds(now=clock.utcnow())
    click.echo(f"{found.feeds} feeds, {found.readings} readings, {found.differences} differences {found.details or ''}")
    sys.exit(1 if found.differences else 0)
