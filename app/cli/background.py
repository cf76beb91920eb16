"""Commands that work long and wait well."""

from __future__ import annotations

import os

_NICENESS = 10


def let_pages_go_first() -> None:
    """Give this process only the processor time that web and the other processes leave (nice 10)."""
    os.nice(_NICENESS)
