"""Which of a person's workspaces the bot answers for: that of the named channel, the only one, or the one chosen last."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from app.accounts.models import User, Workspace
from app.accounts.service import people
from app.channels.queries import ChannelRef, channel_of
from app.core import i18n
from bot import keyboards

COMMAND = "workspace"
_NO_WORKSPACE = i18n.N_("You belong to no workspace any more. Send /start and you get one of your own.")


@dataclass(frozen=True, slots=True)
class Answer:
    """A text, and what is stored with it to make its own buttons."""

    text: str
    buttons: dict[str, str]


@dataclass(frozen=True, slots=True)
class Place:
    """The workspace that is spoken of, and the channel in it that was named."""

    workspace: Workspace
    channel: ChannelRef | None
    language: str
    is_one_of_several: bool

    def answer(self, text: str, *, command: str = "", channels: Iterable[tuple[str, str]] = ()) -> Answer:
        """The text with a button for each (public id, title); of several workspaces it says which, and offers others."""
        rows = [(f"{command}:{public_id}", title) for public_id, title in channels]
        if self.is_one_of_several:
            head = i18n.say(self.language, "Workspace: %(name)s", name=self.workspace.name)
            text = f"{head}\n\n{text}"
            rows.append((COMMAND, i18n.say(self.language, "Another workspace")))
        return Answer(text, keyboards.choices(rows))


def place_of(person: User, channel_id: str = "") -> Place | None:
    """Where a person's question is answered; None when it has to be asked, or when there is no workspace at all."""
    mine = [w[0] for w in people.workspaces_of(person.id)]
    chosen = people.chosen_workspace(person.id) or (mine[0] if len(mine) == 1 else None)
    ordered = sorted(mine, key=lambda workspace_id: workspace_id != chosen)
    found = next(((w, c) for w in ordered if channel_id and (c := channel_of(w, channel_id))), (chosen, None))
    if found[0] is None:
        return None
    return Place(Workspace.get_by_id(found[0]), found[1], str(person.language), len(mine) > 1)


def place_in(person: User, workspace_id: int) -> Place | None:
    """A workspace that a button names; None when the person does not belong to it."""
    mine = [w[0] for w in people.workspaces_of(person.id)]
    if workspace_id not in mine:
        return None
    return Place(Workspace.get_by_id(workspace_id), None, str(person.language), len(mine) > 1)


def ask(person: User) -> Answer:
    """Which workspace? A button for each; without any, how to begin."""
    language, mine = str(person.language), people.workspaces_of(person.id)
    if not mine:
        return Answer(i18n.say(language, _NO_WORKSPACE), {})
    rows = [(f"{COMMAND}:{public_id}", name) for _, public_id, name, _ in mine]
    return Answer(i18n.say(language, "Which workspace?"), keyboards.choices(rows))


def choose(person: User, public_id: str, *, now: datetime) -> bool:
    """Keep the person's choice, for the pages too. False when they do not belong to such a workspace."""
    chosen = next((w[0] for w in people.workspaces_of(person.id) if w[1] == public_id), None)
    if chosen is not None:
        people.choose(person.id, chosen, now=now)
    return chosen is not None
