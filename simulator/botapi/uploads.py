"""Files in requests: a new upload, or the id of a file that this bot knows."""

from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from simulator.botapi.errors import ApiError, bad_request
from simulator.botapi.registry import Call
from simulator.botapi.wire import Upload
from simulator.content import Content, Doc
from simulator.files import find, keep

LARGEST_PHOTO, LARGEST_FILE, LARGEST_LOCAL_FILE = 10 * 2**20, 50 * 2**20, 2000 * 10**6
USUAL_SIZE = {"width": 1280, "height": 720, "duration": 0}


def media_content(call: Call, kind: str, file: Any, wanted: Any) -> Content:
    """One message's media with what the method or the album's item says of its looks; no caption yet."""
    return Content(
        media=kind,
        file=_file(call, kind, file, _attributes(kind, wanted)),
        has_spoiler=bool(getattr(wanted, "has_spoiler", None)),
    )


def _attributes(kind: str, wanted: Any) -> dict[str, int]:
    if kind not in ("video", "animation"):
        return {}
    found = {name: getattr(wanted, name) or usual for name, usual in USUAL_SIZE.items()}
    return {name: int(value) for name, value in found.items()}


def _file(call: Call, kind: str, file: Any, attributes: dict[str, int]) -> Doc:
    if isinstance(file, str) and file.startswith("file://"):
        with _on_shared_disk(call, file).open("rb") as stream:
            return _taken(call, kind, Upload(stream, Path(stream.name).name), attributes)
    if isinstance(file, str):
        return _known(call, kind, file)
    return _taken(call, kind, file, attributes)


def _taken(call: Call, kind: str, file: Upload, attributes: dict[str, int]) -> Doc:
    if not file.size:
        raise bad_request("file must be non-empty")
    largest = LARGEST_LOCAL_FILE if call.sim.options.local_files else LARGEST_FILE
    if file.size > (LARGEST_PHOTO if kind == "photo" else largest):
        raise ApiError(413, "Request Entity Too Large")
    return keep(call.world, kind, file.stream, file.filename or kind, **attributes)


def _on_shared_disk(call: Call, given: str) -> Path:
    """The file of a URI, for a server with --local (core.telegram.org/bots/api#using-a-local-bot-api-server)."""
    path, shared = Path(unquote(urlsplit(given).path)), call.sim.options.local_files
    if shared is None or not path.is_relative_to(shared) or not path.is_file():
        raise bad_request("wrong file identifier/HTTP URL specified")
    return path


def _known(call: Call, kind: str, given: str) -> Doc:
    if given.startswith(("http://", "https://")):
        raise bad_request("failed to get HTTP URL content")
    found = find(call.world, call.bot.id, given)
    if found is None:
        raise bad_request("wrong file identifier/HTTP URL specified")
    if found["kind"] != kind:
        raise bad_request(f"can't use file of type {found['kind'].capitalize()} as {kind.capitalize()}")
    return found
