"""Files in requests: a new upload, or the id of a file that this bot knows."""

from typing import Any

from simulator.botapi.errors import ApiError, bad_request
from simulator.botapi.registry import Call
from simulator.content import Content, Doc
from simulator.files import find, keep

LARGEST_PHOTO, LARGEST_FILE = 10 * 2**20, 50 * 2**20
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
    if isinstance(file, str):
        return _known(call, kind, file)
    if not file.data:
        raise bad_request("file must be non-empty")
    if len(file.data) > (LARGEST_PHOTO if kind == "photo" else LARGEST_FILE):
        raise ApiError(413, "Request Entity Too Large")
    return keep(call.world, kind, file.data, file.filename or kind, **attributes)


def _known(call: Call, kind: str, given: str) -> Doc:
    if given.startswith(("http://", "https://")):
        raise bad_request("failed to get HTTP URL content")
    found = find(call.world, call.bot.id, given)
    if found is None:
        raise bad_request("wrong file identifier/HTTP URL specified")
    if found["kind"] != kind:
        raise bad_request(f"can't use file of type {found['kind'].capitalize()} as {kind.capitalize()}")
    return found
