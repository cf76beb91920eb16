"""analyticbot audit verify|anchor"""

from __future__ import annotations

import sys

import click

from app.audit import service as audit
from app.boot import boot
from app.core import clock


@click.group("audit")
def group() -> None:
    """The record of who did what."""


@group.command()
def verify() -> None:
    """Walk every chain; exit code 1 and the first broken record of each chain when one does not hold."""
    boot("cli")
    read, breaks = audit.verify(now=clock.utcnow())
    for found in breaks:
        click.echo(f"broken: chain {found.chain}, record {found.seq}: {found.why}")
    click.echo(f"{read} records read, {len(breaks)} broken chains")
    sys.exit(1 if breaks else 0)


@group.command()
def anchor() -> None:
    """Note the head of every chain for today."""
    boot("cli")
    click.echo(f"anchored {audit.anchor(now=clock.utcnow())} chains")
