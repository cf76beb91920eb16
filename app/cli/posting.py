"""analyticbot posting reconcile|check"""

from __future__ import annotations

import sys

import click

from app.boot import boot
from app.core import clock
from app.posting.service import sweeping


@click.group("posting")
def group() -> None:
    """Publishing: lanes, deliveries and their invariant."""


@group.command()
def reconcile() -> None:
    """Ask Temporal anew for every lane and resolver that rows still want; harmless while they run."""
    boot("cli")
    lanes, resolvers = sweeping.reconcile(now=clock.utcnow())
    click.echo(f"asked for {lanes} lanes and {resolvers} resolvers")


@group.command()
def check() -> None:
    """Count posts that are past their time and their ETA and neither out nor explained; exit code 1 when there are any."""
    boot("cli")
    found = sweeping.violations(now=clock.utcnow())
    click.echo(f"{found} violations")
    sys.exit(1 if found else 0)
