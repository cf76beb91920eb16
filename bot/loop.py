"""What the bot process does over and over: work off what rows ask for, rest a moment when nothing is."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod

from app.boot import Runtime


class Loop(ABC):
    """One kind of work, in a thread of its own until it is told to stop."""

    idle_s = 0.5

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    def run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            if not self.turn():
                stop.wait(self.idle_s)

    @abstractmethod
    def turn(self) -> int:
        """Do what is due now; returns how much was done: after nothing it rests."""
