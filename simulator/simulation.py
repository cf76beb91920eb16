"""Everything a request handler needs, in one object."""

from dataclasses import dataclass, field

from simulator.faults import Faults
from simulator.limits import Limits
from simulator.oidc.issuer import Issuer
from simulator.options import Options
from simulator.updates import UpdateQueue
from simulator.world import World


@dataclass
class Simulation:
    world: World
    updates: UpdateQueue
    options: Options
    faults: Faults = field(default_factory=Faults)
    limits: Limits = field(default_factory=Limits)
    login: Issuer = field(default_factory=Issuer)
    base_url: str = ""  # where pages of ours are reached, once the server listens
    epoch: int = 0  # grows with every reset, so that what was under way before it can tell

    @property
    def mini_app_url(self) -> str:
        return self.options.mini_app_url

    def commit(self) -> None:
        self.world.store.commit()
