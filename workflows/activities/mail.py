"""The activity of the mail queue. Synchronous, on its own database connection."""

from __future__ import annotations

from temporalio import activity

from app.boot import Runtime
from app.core import clock, db
from app.mail import service as mail
from workflows.contracts import SEND_LETTERS, LettersReport


class MailActivities:
    """Bound to the process's runtime."""

    def __init__(self, runtime: Runtime) -> None:
        self._post = runtime.post

    @activity.defn(name=SEND_LETTERS)
    def send_letters(self) -> LettersReport:
        """Send the letters that are due; none where mail is not set up. Twice is harmless, at the same time too."""
        if self._post is None:
            return LettersReport([], None)
        with db.database.connection_context():
            done = mail.send_due(self._post, now=clock.utcnow())
            next_at = mail.next_at()
        return LettersReport(
            [f"{count} {state}" for state, count in sorted(done.items())],
            None if next_at is None else db.to_ms(next_at),
        )
