"""Everything a request handler needs, in one object."""

from dataclasses import dataclass, field

from simulator.faults import Faults
from simulator.updates import UpdateQueue
from simulator.world import World


@dataclass
class Simulation:
    world: World
    updates: UpdateQueue
    mini_app_url: str = ""
    faults: Faults = field(default_factory=Faults)

    def commit(self) -> None:
        self.world.store.commit()
