"""analyticbot demo seed|link|reset: the simulated network. Its data come through the same doors as real data."""

from __future__ import annotations

import tempfile
from pathlib import Path

import click
import httpx

from app.accounts.models import User, Workspace
from app.accounts.service import people, sessions
from app.billing.service.limits import put_on_plan
from app.boot import Runtime, boot
from app.channels.queries import channels_of
from app.channels.service import connect
from app.core import clock, db
from app.core.errors import Conflict, NotFound, Upstream
from app.readings import service as readings

OWNER_ID = 777000001
_SIMULATOR_OF_MAKE_RUN = "http://127.0.0.1:8081"  # what deploy/local.py tells the processes (a test compares)
WORKSPACE = "Simulated network"
_CHANNELS = ("simulated_uz_news", "simulated_ru_it", "simulated_en_startup")


@click.group("demo")
def group() -> None:
    """The simulated demo."""


def _boot() -> Runtime:
    runtime = boot("cli")
    if not runtime.settings.demo or not runtime.settings.simulator_url:
        command = click.get_current_context().info_name
        raise Conflict(
            "This is no demo: DEMO is off or SIMULATOR_URL is empty. Beside a running `make run` say:"
            f" DEMO=true SIMULATOR_URL={_SIMULATOR_OF_MAKE_RUN} analyticbot demo {command}"
        )
    return runtime


@group.command()
def seed() -> None:
    """Make the demo's owner and load the simulator's past of three channels, then let the owner add the bot there."""
    runtime, now = _boot(), clock.utcnow()
    if people.workspace_by_name(WORKSPACE):
        click.echo("the demo is there already")
        return
    _ask(runtime, "state")  # before anything is written: half a demo would count as there already
    zone = runtime.settings.default_timezone
    with db.write():
        user = people.create_user(name="Dilnoza", timezone=zone, telegram_user_id=OWNER_ID, now=now)
        workspace = people.create_workspace(WORKSPACE, owner=user, timezone=zone, now=now)
        put_on_plan(workspace.id, "network", now=now)
    _import_past(runtime, workspace)
    for name in _CHANNELS:
        _tell(runtime, "promote_bot", chat=name, user_id=OWNER_ID)
    click.echo("the demo is seeded")


def _import_past(runtime: Runtime, workspace: Workspace) -> None:
    """The simulator's recorded past, through the import of view readings, into the chats the bot will know."""
    now = clock.utcnow()
    truth = _ask(runtime, "state").json()
    for chat in truth["channels"]:
        if chat.get("username") in _CHANNELS:
            facts = connect.ChatFacts(chat["chat_id"], chat["title"], chat["username"])
            _own(runtime, workspace, facts)
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for name in ("view_readings", "subscribers"):
            path = Path(folder) / f"simulated_{name}.csv"
            path.write_bytes(_ask(runtime, f"export/{name}.csv").content)
            files.append(path)
        readings.import_view_readings(
            files[0],
            files[1],
            workspace_id=workspace.id,
            actor="demo",
            limits=runtime.limits,
            is_simulated=True,
            now=now,
        )


def _own(runtime: Runtime, workspace: Workspace, facts: connect.ChatFacts) -> None:
    """Put the channel on the watch-list; it becomes owned when Telegram tells that the owner added the bot."""
    with db.write():
        chat = connect.ensure_chat(facts, now=clock.utcnow())
        readings.watch_public(
            facts.username or "",
            workspace_id=workspace.id,
            actor="demo",
            limits=runtime.limits,
            is_simulated=True,
            pages_per_minute=runtime.settings.preview_pages_per_minute,
            now=clock.utcnow(),
        )
    assert chat.telegram_chat_id == facts.telegram_chat_id


def _ask(runtime: Runtime, path: str) -> httpx.Response:
    try:
        answer = httpx.get(f"{runtime.settings.simulator_url}/_control/{path}", timeout=60)
        return answer.raise_for_status()
    except httpx.HTTPError as error:
        raise Upstream("The simulator does not answer. Is it running?") from error


def _tell(runtime: Runtime, verb: str, **body: object) -> None:
    try:
        httpx.post(f"{runtime.settings.simulator_url}/_control/{verb}", json=body, timeout=30).raise_for_status()
    except httpx.HTTPError as error:
        raise Upstream(f"The simulator refused {verb}.") from error


@group.command()
def link() -> None:
    """Print a one-time sign-in link, good on this machine for 15 minutes."""
    runtime = _boot()
    owner = User.get_or_none(User.telegram_user_id == OWNER_ID)
    if owner is None:
        raise NotFound("Seed the demo first: `analyticbot demo seed`.")
    token = sessions.issue_ticket(owner.id, purpose=sessions.DEMO, now=clock.utcnow())
    click.echo(f"{runtime.settings.base_url}/login/demo/{token}")


@group.command()
@click.confirmation_option(prompt="Take the simulated channels out of the demo's workspace?")
def reset() -> None:
    """Disconnect the demo's channels; `demo seed` does not bring them back, the simulator's phone page does."""
    _boot()
    workspace = people.workspace_by_name(WORKSPACE)
    if workspace is None:
        raise NotFound("There is no demo here.")
    for channel in channels_of(workspace.id):
        connect.disconnect(workspace.id, channel.public_id, actor="operator", now=clock.utcnow())
    click.echo("the demo's channels are disconnected")
