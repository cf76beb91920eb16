"""The simulator's own clock: real time plus what people scripted."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass
class Clock:
    """Simulated seconds since the epoch, moving at `rate` simulated seconds per real one."""

    base_sim: float
    base_real: float
    rate: float = 1.0

    @classmethod
    def starting_at(cls, start: float | None, rate: float = 1.0) -> "Clock":
        real = time.time()
        return cls(real if start is None else start, real, rate)

    def now(self) -> float:
        return self.base_sim + (time.time() - self.base_real) * self.rate

    def now_s(self) -> int:
        return int(self.now())

    def advance(self, seconds: float) -> None:
        self.set(self.now() + seconds)

    def set(self, moment: float) -> None:
        self.base_sim, self.base_real = moment, time.time()

    def set_rate(self, rate: float) -> None:
        self.set(self.now())
        self.rate = rate

    def to_doc(self) -> dict[str, float]:
        return {"base_sim": self.base_sim, "base_real": self.base_real, "rate": self.rate}


def iso(moment: float) -> str:
    return datetime.fromtimestamp(int(moment), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_moment(value: object) -> float:
    """Seconds since the epoch from a number or an ISO 8601 text with a zone."""
    if isinstance(value, int | float):
        return float(value)
    parsed = datetime.fromisoformat(str(value).replace("Z", "+00:00"))
    if parsed.tzinfo is None:
        raise ValueError("a time without a zone")
    return parsed.timestamp()
