"""Work on people's files, in a process of its own with limits: see `run`.

Names are found when they are asked for: the child itself is `python -m app.media.child`, and must load none of the parent.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from app.media.child.errors import Cancelled, Crashed, Refused, TimedOut
    from app.media.child.limits import Limits
    from app.media.child.parent import Isolation, Spent, isolation, run, sweep

__all__ = [
    "Cancelled",
    "Crashed",
    "Isolation",
    "Limits",
    "Refused",
    "Spent",
    "TimedOut",
    "isolation",
    "run",
    "sweep",
]
_ERRORS = frozenset({"Cancelled", "Crashed", "Refused", "TimedOut"})


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(name)
    place = "errors" if name in _ERRORS else "limits" if name == "Limits" else "parent"
    return getattr(import_module(f"{__name__}.{place}"), name)
