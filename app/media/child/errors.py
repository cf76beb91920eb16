"""How a task in the child ends when it does not end well."""

from __future__ import annotations

from app.core.errors import AppError, Invalid


class Refused(Invalid):
    """The file or the wish is none that we work on; the sentence says why."""

    default_code = "refused"


class TimedOut(AppError):
    """The task took longer than it may; the same file will again."""

    status = 422
    default_code = "timed_out"


class Cancelled(AppError):
    """Somebody called the task off."""

    status = 409
    default_code = "cancelled"


class Crashed(AppError):
    """The task's process died: of too much memory, by a signal, or of a fault of ours."""

    status = 422
    default_code = "crashed"
