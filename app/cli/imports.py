"""analyticbot import view-readings|desktop-export"""

from __future__ import annotations

from pathlib import Path

import click

from app.accounts.service import people
from app.boot import boot
from app.cli.background import let_pages_go_first
from app.core import clock
from app.core.errors import NotFound
from app.readings import service as readings

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_MOST_TOLD = 20


@click.group("import")
def group() -> None:
    """Recorded data into a workspace."""
    let_pages_go_first()


def workspace_id(name: str) -> int:
    """The id of the workspace of that name. Raises NotFound."""
    found = people.workspace_by_name(name)
    if found is None:
        raise NotFound(f"There is no workspace named “{name}”.")
    return int(found.id)


@group.command("view-readings")
@click.argument("file", type=_FILE)
@click.option("--subscribers", type=_FILE, help="CSV of subscriber counts.")
@click.option("--workspace", required=True, help="Name of the workspace.")
@click.option("--create", is_flag=True, help="Make the workspace, on the network plan, when there is none.")
def view_readings(file: Path, subscribers: Path | None, workspace: str, create: bool) -> None:
    """Load recorded view readings; a second time changes nothing."""
    runtime, now = boot("cli"), clock.utcnow()
    if people.workspace_by_name(workspace) is None and create:
        _make_workspace(workspace, runtime.settings.default_timezone)
    done = readings.import_view_readings(
        file, subscribers, workspace_id=workspace_id(workspace), actor="operator", limits=runtime.limits, now=now
    )
    click.echo(
        f"{done.channels} channels, {done.read} rows read, {done.merged} merged, {len(done.rejected)} rejected,"
        f" {done.new} new readings, {done.subscribers} new subscriber counts"
    )
    for row in done.rejected[:_MOST_TOLD]:
        click.echo(f"rejected line {row.line}: {row.reason}")


def _make_workspace(name: str, timezone: str) -> None:
    from app.billing.service.limits import put_on_plan  # only the operator's command sets a plan by hand

    now = clock.utcnow()
    user = people.create_user(name=f"{name} operator", timezone=timezone, now=now)
    put_on_plan(people.create_workspace(name, owner=user, timezone=timezone, now=now).id, "network", now=now)


@group.command("desktop-export")
@click.argument("file", type=_FILE)
@click.option("--workspace", required=True, help="Name of the workspace.")
def desktop_export(file: Path, workspace: str) -> None:
    """Load a Telegram Desktop JSON export: texts' lengths, times and reactions."""
    runtime = boot("cli")
    title, posts, new = readings.import_desktop_export(
        file, workspace_id=workspace_id(workspace), actor="operator", limits=runtime.limits, now=clock.utcnow()
    )
    click.echo(f"{title}: {posts} posts, {new} new reaction readings. The export holds no views, so none are shown.")
