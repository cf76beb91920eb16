"""analyticbot channels parse-preview FILE"""

from __future__ import annotations

from pathlib import Path

import click

from app.core.errors import Invalid
from app.readings.collectors.preview_page import parse_preview, preview_lines


@click.group("channels")
def group() -> None:
    """Channels and their public pages."""


@group.command("parse-preview")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def parse_preview_file(file: Path) -> None:
    """Read a saved t.me/s page and print JSON lines: the channel, then each message."""
    try:
        content = file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise Invalid("The file is no UTF-8 text, as pages of t.me are.") from error
    for line in preview_lines(parse_preview(content)):
        click.echo(line)
