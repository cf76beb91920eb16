"""How far a handed-in file is, why one was refused, and where it lies meanwhile."""

from __future__ import annotations

from pathlib import Path

WAITING, RUNNING, DONE, FAILED = "waiting", "running", "done", "failed"
UNFINISHED = (WAITING, RUNNING)
NOT_JSON, NOT_A_CHANNEL, INCOMPLETE, BAD_MESSAGE = "not_json", "not_a_channel", "incomplete", "bad_message"
OTHER_CHANNEL, CHANNEL_GONE, FILE_GONE, GAVE_UP = "other_channel", "channel_gone", "file_gone", "gave_up"


def folder(data_dir: Path) -> Path:
    """Where files wait; nobody else of the machine may look into it."""
    path = data_dir / "imports"
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def file_of(data_dir: Path, public_id: str) -> Path:
    return folder(data_dir) / f"{public_id}.json"
