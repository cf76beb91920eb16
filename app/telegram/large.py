"""Files on their way to a Bot API server: how long one may take, and how a server of one's own is shown where they lie.

A server that runs with --local takes up to 2000 MB, and `file:///absolute/path` in place of an upload
(core.telegram.org/bots/api#using-a-local-bot-api-server, 2026-11-28).
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote

from app.core.errors import Upstream
from app.core.i18n import N_
from app.core.settings import Settings

QUICK_S = 20.0
_SLOWEST_BYTES_S = 500_000  # of a server's own way to Telegram: it answers when Telegram has the file
_FOLDER = "outgoing"
_RETRY_S = 600.0
_ELSEWHERE = N_(
    "The Bot API server keeps this file in a folder that we cannot see. Start it with a --dir below the folder that"
    " TELEGRAM_LOCAL_FILES names."
)
_OLD_S = 24 * 60 * 60  # longer than any call
_LONGEST_NAME_BYTES = 255
_CARRY = ("photo", "video", "animation", "document", "media")  # what names a file in a call


def patience_s(size: int) -> float:
    """How many seconds a call with so many bytes may be without a word before it counts as lost."""
    return QUICK_S + size / _SLOWEST_BYTES_S


@dataclass(frozen=True, slots=True)
class SharedDisk:
    """A folder of ours, with files, and where the Bot API server sees it."""

    folder: Path
    seen_at: PurePosixPath

    @contextmanager
    def shown(self, name: str, path: str) -> Iterator[str]:
        """A file's address for the server while the block lasts: under its own name, since Telegram tells that one."""
        place = self.folder / _FOLDER / secrets.token_hex(8)
        place.mkdir(parents=True)
        link = place / _fitting(name)
        try:
            os.link(path, link)
            yield f"file://{quote(str(self.seen_at / link.relative_to(self.folder)))}"
        finally:
            shutil.rmtree(place, ignore_errors=True)

    def place_of(self, path: str) -> Path | None:
        """Where a file of the server's lies for us; None for one outside of the shared folder, also by a link."""
        told = PurePosixPath(path)
        if ".." in told.parts or not told.is_relative_to(self.seen_at):
            return None
        place = (self.folder / told.relative_to(self.seen_at)).resolve()
        return place if place.is_relative_to(self.folder.resolve()) and place.is_file() else None


def shared_disk(settings: Settings, folder: Path) -> SharedDisk | None:
    """Where the Bot API server sees our files, which lie in `folder`; None where they travel by HTTP."""
    if not (settings.telegram_local_server and settings.telegram_local_files):
        return None
    return SharedDisk(folder, PurePosixPath(settings.telegram_local_files))


def place_of(disk: SharedDisk | None, path: str) -> Path:
    """Where a file lies that a server with --local names by an absolute path.

    Raises Upstream, to be tried again: it is a matter of settings, and the file is there once these are right.
    """
    place = disk.place_of(path) if disk else None
    if place is None:
        raise Upstream(_ELSEWHERE, retry_after_s=_RETRY_S)
    return place


def sweep(folder: Path, *, now: datetime) -> int:
    """Delete what a killed process showed to the server; returns how many files."""
    old = [one for one in (folder / _FOLDER).glob("*") if now.timestamp() - one.stat().st_mtime > _OLD_S]
    for place in old:
        shutil.rmtree(place, ignore_errors=True)
    return len(old)


def _fitting(name: str) -> str:
    """A name that a file system takes: at most 255 bytes (Linux, NAME_MAX), and how it ends stays."""
    stem, dot, suffix = name.replace("/", "_").rpartition(".")
    room = _LONGEST_NAME_BYTES - len(f"{dot}{suffix}".encode())
    short = stem.encode()[: max(room, 0)].decode(errors="ignore")
    return f"{short}{dot}{suffix}" if short else "file"


def by_address(told: Mapping[str, Any], seen: Mapping[str, str]) -> dict[str, Any]:
    """A call's parameters with addresses in place of the parts that would carry the bytes, also within an album."""
    return {key: _by_address(value, seen) if key in _CARRY else value for key, value in told.items()}


def _by_address(value: Any, seen: Mapping[str, str]) -> Any:
    if isinstance(value, list):
        return [by_address(item, seen) for item in value]
    return seen.get(value.removeprefix("attach://"), value)  # else an id of a file that Telegram has
