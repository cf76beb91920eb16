"""analyticbot media to-bucket"""

from __future__ import annotations

import sys

import click

from app.boot import boot
from app.core.errors import Invalid
from app.media.service import moving


@click.group("media")
def group() -> None:
    """People's files and where they lie."""


@group.command("to-bucket")
def to_bucket() -> None:
    """Bring every file of the folder into the bucket of MEDIA_S3_BUCKET; may be broken off and begun again.

    The service may run meanwhile. Exit code 1 when files are nowhere or damaged.
    """
    settings = boot("cli").settings
    if not settings.media_s3_bucket:
        raise Invalid("MEDIA_S3_BUCKET is not set: there is no bucket to bring files to.")
    moved = moving.to_remote(settings.data_dir, on_batch=lambda so_far: click.echo(f"… {so_far.seen} files seen"))
    click.echo(f"{moved.brought} brought, {moved.known} were there already")
    for sha256 in moved.lost:
        click.echo(f"LOST {sha256}: neither here nor in the bucket, or other bytes than its name says")
    sys.exit(1 if moved.lost else 0)
