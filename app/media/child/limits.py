"""How much a task may take. Enforced by the kernel in the child, and the time by the parent too."""

from __future__ import annotations

from dataclasses import dataclass

_MB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """`wall_s` also bounds each process's CPU time. Pixels are counted on headers, before anything is decoded."""

    wall_s: float = 10.0
    memory_mb: int = 512
    file_mb: int = 100
    pixels: int = 40_000_000
    frames: int = 400

    @property
    def memory_bytes(self) -> int:
        return self.memory_mb * _MB

    @property
    def file_bytes(self) -> int:
        return self.file_mb * _MB

    @classmethod
    def for_video(cls, wall_s: float, *, file_mb: int = 2048) -> Limits:
        """A video takes its time; two of its largest frames' worth of encoder take 1 GB."""
        return cls(wall_s=wall_s, memory_mb=1024, file_mb=file_mb)
