"""Who may do what: roles and what they allow, route policies, and the port to a plan's limits."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Protocol, TypeVar

from app.core.errors import Forbidden

View = TypeVar("View", bound=Callable[..., object])


class Role(StrEnum):
    """A member's role in a workspace, strongest first."""

    OWNER = "owner"
    ADMIN = "admin"
    EDITOR = "editor"
    ANALYST = "analyst"
    CLIENT = "client"


class Act(StrEnum):
    """What a route lets somebody do. The last three are for people and programs without a session.

    `operate` is for SuperAdmins, whatever their role in a workspace; for others such a route is not there.
    """

    SEE = "see"
    SEE_MONEY = "see_money"
    COMPOSE = "compose"
    PUBLISH = "publish"
    MANAGE_CHANNELS = "manage_channels"
    MANAGE_KEYS = "manage_keys"
    MANAGE_WORKSPACE = "manage_workspace"
    PAY = "pay"
    OWN_ACCOUNT = "own_account"
    OPERATE = "operate"
    PUBLIC = "public"
    API = "api"
    HOOK = "hook"


_ALLOWED: dict[Act, frozenset[Role]] = {
    Act.SEE: frozenset(Role),
    Act.SEE_MONEY: frozenset({Role.OWNER, Role.ADMIN}),
    Act.OWN_ACCOUNT: frozenset(Role),
    Act.COMPOSE: frozenset({Role.OWNER, Role.ADMIN, Role.EDITOR}),
    Act.PUBLISH: frozenset({Role.OWNER, Role.ADMIN}),
    Act.MANAGE_CHANNELS: frozenset({Role.OWNER, Role.ADMIN}),
    Act.MANAGE_KEYS: frozenset({Role.OWNER, Role.ADMIN}),
    Act.MANAGE_WORKSPACE: frozenset({Role.OWNER, Role.ADMIN}),
    Act.PAY: frozenset({Role.OWNER, Role.ADMIN}),
}


def may(role: Role, act: Act) -> bool:
    return role in _ALLOWED.get(act, frozenset())


def require(role: Role, act: Act) -> None:
    """Raises Forbidden when the role does not allow the act."""
    if not may(role, act):
        raise Forbidden("Your role in this workspace does not allow this.")


def policy(act: Act, *, is_fresh: bool = False, most_bytes: int = 0) -> Callable[[View], View]:
    """Declare what a route does; a route without this declaration fails a test and answers 500.

    `is_fresh`: it gives power or numbers away, so inside the Mini App it needs a launch of the last five minutes.
    `most_bytes`: it takes a file of at most that size; other routes take forms only.
    """

    def declare(view: View) -> View:
        view.policy, view.is_fresh, view.most_bytes = act, is_fresh, most_bytes  # type: ignore[attr-defined]
        return view

    return declare


class Limits(Protocol):
    """The port to a plan's limits; billing implements it, everybody asks through it."""

    def require(self, workspace_id: int, key: str, *, used: int, now: datetime) -> None:
        """Raises LimitReached when one more than `used` would pass the limit `key` of the workspace's plan."""
