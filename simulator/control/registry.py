"""Verbs of the control API register themselves here."""

from collections.abc import Callable
from typing import Any

from simulator.simulation import Simulation

Doc = dict[str, Any]
Verb = Callable[[Simulation, Doc], Doc]
VERBS: dict[str, Verb] = {}


def verb(name: str) -> Callable[[Verb], Verb]:
    def register(handler: Verb) -> Verb:
        VERBS[name] = handler
        return handler

    return register
