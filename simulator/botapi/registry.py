"""Which methods exist: a handler registers itself under Telegram's name."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from simulator.model import Bot
from simulator.simulation import Simulation
from simulator.updates import UpdateQueue
from simulator.world import World


@dataclass
class Call:
    """One accepted request: who calls, with what, in which world."""

    sim: Simulation
    bot: Bot
    method: Any

    @property
    def world(self) -> World:
        return self.sim.world

    @property
    def updates(self) -> UpdateQueue:
        return self.sim.updates


Handler = Callable[[Call], Awaitable[Any]]
HANDLERS: dict[str, Handler] = {}
SENDING: set[str] = set()  # methods that make messages: the limits count them
WRITING: dict[str, str] = {}  # methods that make or change messages, by small letters: refusals are journaled


def method(name: str, *, sends: bool = False, changes: bool = False) -> Callable[[Handler], Handler]:
    def register(handler: Handler) -> Handler:
        HANDLERS[name.lower()] = handler
        if sends:
            SENDING.add(name.lower())
        if sends or changes:
            WRITING[name.lower()] = name
        return handler

    return register
