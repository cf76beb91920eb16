"""From an HTTP request to a validated aiogram method object."""

import asyncio
import json
import os
import threading
import typing
from dataclasses import dataclass
from functools import cache
from typing import IO, TYPE_CHECKING, Any

from aiohttp import web
from aiohttp.web_request import FileField
from pydantic import ValidationError

from simulator.botapi.errors import ApiError, bad_request

if TYPE_CHECKING:
    from aiogram.methods import TelegramMethod


@dataclass
class Upload:
    """A file as it came: a stream that can be read again, and its name."""

    stream: IO[bytes]
    filename: str

    @property
    def size(self) -> int:
        return self.stream.seek(0, os.SEEK_END)


METHODS: dict[str, "type[TelegramMethod[Any]]"] = {}
_loaded = threading.Event()


def start_loading() -> None:
    """aiogram's models take seconds to build: pages and control verbs need not wait for them."""
    threading.Thread(target=_load, name="aiogram", daemon=True).start()


def _load() -> None:
    import aiogram.methods as methods  # here, not at the top: see start_loading

    for name, cls in vars(methods).items():
        if isinstance(cls, type) and issubclass(cls, methods.TelegramMethod) and cls is not methods.TelegramMethod:
            METHODS[name.lower()] = cls
    _loaded.set()


async def ready() -> None:
    while not _loaded.is_set():
        await asyncio.sleep(0.05)


async def read_params(request: web.Request) -> dict[str, Any]:
    """Query, form, multipart or JSON parameters; uploaded files stand under their field names."""
    params: dict[str, Any] = dict(request.query)
    if request.content_type == "application/json":
        body = await request.json()
        if not isinstance(body, dict):
            raise bad_request("expected a JSON object")
        return params | body
    try:
        form = await request.post()
    except web.HTTPRequestEntityTooLarge as error:
        raise ApiError(413, "Request Entity Too Large") from error
    return params | dict(form.items())


def build(name: str, params: dict[str, Any]) -> "TelegramMethod[Any]":
    cls = METHODS.get(name.lower())
    if cls is None:
        raise ApiError(404, "Not Found: method not found")
    files = {key for key, value in params.items() if isinstance(value, FileField)}
    attached = files - set(cls.model_fields)
    unknown = sorted(set(params) - set(cls.model_fields) - attached)
    if unknown:
        raise bad_request(f"unknown parameter {unknown[0]} of {cls.__api_method__}")
    values = {key: _upload(params, _decode(cls, key, value)) for key, value in params.items() if key not in attached}
    try:
        return cls.model_validate(values)
    except ValidationError as error:
        raise _refusal(error) from error


def _upload(params: dict[str, Any], value: Any) -> Any:
    """A file's part itself; `attach://<name>` stands for the part of that name, also deep inside an album."""
    if isinstance(value, list):
        return [_upload(params, item) for item in value]
    if isinstance(value, dict):
        return {key: _upload(params, item) for key, item in value.items()}
    named = isinstance(value, str) and value.startswith("attach://")
    part = params.get(value.removeprefix("attach://")) if named else value
    if not isinstance(part, FileField):
        return value
    return _input_file(Upload(part.file, part.filename))


def _input_file(upload: Upload) -> Any:
    """What aiogram's models take for a file; its bytes stay where they came in."""
    made = _part_class()(filename=upload.filename)
    made.stream, made.size = upload.stream, upload.size
    return made


@cache
def _part_class() -> Any:
    from aiogram.types import InputFile  # loaded by then, see start_loading

    class Part(InputFile):
        def read(self, bot: Any) -> Any:
            raise NotImplementedError("the simulator sends nothing on")

    return Part


def _decode(cls: "type[TelegramMethod[Any]]", key: str, value: Any) -> Any:
    """Nested objects travel as JSON texts; a parameter that may be a text is left as it came."""
    if not isinstance(value, str) or value[:1] not in ("{", "["):
        return value
    if str in _flat(cls.model_fields[key].annotation):
        return value
    try:
        return json.loads(value)
    except ValueError as error:
        raise bad_request(f"can't parse {key} JSON object") from error


def _flat(annotation: Any) -> set[Any]:
    parts = typing.get_args(annotation)
    return {annotation} if not parts or typing.get_origin(annotation) is list else set().union(*map(_flat, parts))


def _refusal(error: ValidationError) -> ApiError:
    first = error.errors()[0]
    field = str(first["loc"][0])
    if first["type"] == "missing":
        return bad_request("message text is empty" if field == "text" else f"{field} is empty")
    return bad_request(f"can't parse {field}: {first['msg']}")


def given(value: Any) -> Any:
    """None for what the caller did not send (aiogram fills in Default markers)."""
    return None if type(value).__name__ == "Default" else value


def plain(value: Any) -> Any:
    """A pydantic object as the JSON that Telegram would send."""
    if value is None:
        return None
    not_sent = {name for name, item in value if given(item) is None}
    return json.loads(value.model_dump_json(exclude=not_sent, exclude_none=True, warnings=False))
