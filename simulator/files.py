"""Uploads: what is known of them, and their ids, which differ from bot to bot."""

import hashlib
import importlib
import io
import mimetypes
import os
from pathlib import Path
from typing import IO, Any

from simulator.world import World

Doc = dict[str, Any]
LETTERS = {"photo": "p", "video": "v", "animation": "a", "document": "d"}
FOLDERS = {"photo": "photos", "video": "videos", "animation": "animations", "document": "documents"}
# Telegram makes smaller pictures of each photo; the letters are those of its photoSize types.
PHOTO_SIDES = {"s": 90, "m": 320, "x": 800, "y": 1280}
UNKNOWN_PHOTO = (640, 480)


def keep(world: World, kind: str, given: bytes | IO[bytes], name: str, **attributes: int) -> Doc:
    """Store an upload; the same bytes of the same kind have the same unique id, as on Telegram."""
    stream = io.BytesIO(given) if isinstance(given, bytes) else given
    stream.seek(0)
    digest = hashlib.file_digest(stream, "sha256").hexdigest()  # type: ignore[arg-type]
    file: Doc = {
        "unique_id": f"AQ{LETTERS[kind]}{digest[:16]}",
        "kind": kind,
        "sha256": digest,
        "name": name,
        "mime_type": mimetypes.guess_type(name)[0] or "application/octet-stream",
        "size": stream.seek(0, os.SEEK_END),
        "lives": world.files.get(f"AQ{LETTERS[kind]}{digest[:16]}", {}).get("lives", 0),
        **attributes,
    }
    if kind == "photo":
        file["width"], file["height"] = _photo_size(stream)
    world.save_file(file, stream)
    return file


def _photo_size(stream: IO[bytes]) -> tuple[int, int]:
    """Width and height by Pillow; a usual size where Pillow is not installed or cannot read the bytes."""
    try:
        image = importlib.import_module("PIL.Image").open(stream)
    except (ImportError, OSError):
        return UNKNOWN_PHOTO
    return int(image.width), int(image.height)


def file_id(bot_id: int, file: Doc, size: str = "") -> str:
    """What this bot sends the file by; another bot's id of the same file differs, and so does a later one of its own."""
    return f"{_beginning(file)}-{bot_id}-{file['unique_id']}{'-' if size else ''}{size}"


def _beginning(file: Doc) -> str:
    return f"SIM{file.get('lives') or ''}"


def find(world: World, bot_id: int, given: str) -> Doc | None:
    """The file that this bot knows under this id, unless the id is dead."""
    parts = given.split("-")
    if len(parts) not in (3, 4) or parts[1] != str(bot_id):
        return None
    found = world.files.get(parts[2])
    return found if found and parts[0] == _beginning(found) else None


def kill_ids(world: World, sha256: str = "") -> int:
    """Let every id die that was given for these bytes, or for all; whoever sends the bytes again gets another."""
    dying = [file for file in world.files.values() if sha256 in ("", file["sha256"])]
    for file in dying:
        world.change_file(file | {"lives": file.get("lives", 0) + 1})
    return len(dying)


def path_of(file: Doc) -> str:
    """The path that getFile tells: photos/<unique id>.jpg."""
    suffix = ".jpg" if file["kind"] == "photo" else Path(str(file["name"])).suffix
    return f"{FOLDERS[file['kind']]}/{file['unique_id']}{suffix}"


def photo_sizes(file: Doc) -> list[tuple[str, int, int]]:
    """Letter, width and height of each size of a photo, the largest last; none is larger than the upload."""
    width, height = int(file["width"]), int(file["height"])
    sizes = []
    for letter, side in PHOTO_SIDES.items():
        scale = min(1.0, side / max(width, height))
        sizes.append((letter, max(1, round(width * scale)), max(1, round(height * scale))))
        if scale == 1.0:
            break
    return sizes
