"""Files that people send: written where they shall stay, as they come in, by the routes that take files and no other."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import IO, Any

from flask import request

from app.core.errors import Invalid
from app.core.i18n import N_

_FORM_AROUND_FILE = 64 * 1024  # bytes of the form's other fields and its boundaries
PART = ".part"


class TakesFiles:
    """A request whose file lands in a folder of the route's choice; one that breaks off leaves nothing there."""

    files_to: Path | None = None

    def take_files(self, folder: Path, *, most_bytes: int) -> None:
        """Allow this request a file; before anything of its body is read."""
        self.files_to = folder
        self.max_content_length = most_bytes + _FORM_AROUND_FILE

    def _get_file_stream(self, *given: Any, **named: Any) -> IO[bytes]:
        """Where Werkzeug writes a file of a form (werkzeug.wrappers.Request._get_file_stream)."""
        if self.files_to is None:
            stream: IO[bytes] = super()._get_file_stream(*given, **named)  # type: ignore[misc]
            return stream
        return tempfile.NamedTemporaryFile("w+b", dir=self.files_to, suffix=PART)  # type: ignore[return-value]


def sent_file(field: str) -> IO[bytes]:
    """The file of a form's field, in the folder where it was written. Raises Invalid without one."""
    given = request.files.get(field)
    if given is None or not given.filename:
        raise Invalid(N_("Choose a file."), fields={field: "missing"})
    stream: IO[bytes] = given.stream
    return stream
