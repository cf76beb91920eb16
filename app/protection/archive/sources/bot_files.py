"""Files by getFile and Telegram's file server (core.telegram.org/bots/api#getfile, 2026-10-01). Jobs only: httpx."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import IO, Any

import httpx

from app.core.errors import Upstream
from app.telegram import large
from app.telegram.large import SharedDisk

_TIMEOUT = httpx.Timeout(30.0, connect=5.0)
_LONGEST_ASK_S = 90.0  # a server of one's own fetches the whole file first; asked again, it goes on with that
_PIECE = 1 << 16
TOO_BIG = "file is too big"


class BotFiles:
    """Implements archive.ports.Files for one token. The address holds the token: it stands in no message and no log.

    `disk`: what is shared with a Bot API server of one's own; with --local that names files by where they lie.
    """

    def __init__(self, client: httpx.Client, token: str, api_url: str, disk: SharedDisk | None = None) -> None:
        self._client, self._token, self._api_url, self._disk = client, token, api_url, disk

    def fetch(self, file_id: str, into: IO[bytes], *, most_bytes: int) -> str:
        path = str(self._ask(file_id, most_bytes).get("file_path") or "")
        if path.startswith("/"):
            with large.place_of(self._disk, path).open("rb") as file:
                _copy(iter(lambda: file.read(_PIECE), b""), into, most_bytes)
            return path
        if not path:
            raise Upstream("Telegram tells no address for this file.", permanent=True)
        try:
            with self._client.stream(
                "GET", f"{self._api_url}/file/bot{self._token}/{path}", timeout=_TIMEOUT
            ) as response:
                _require_ok(response)
                _copy(response.iter_bytes(_PIECE), into, most_bytes)
        except httpx.HTTPError as error:
            raise Upstream("Telegram did not answer.") from error
        return path

    def _ask(self, file_id: str, most_bytes: int) -> dict[str, Any]:
        url = f"{self._api_url}/bot{self._token}/getFile"
        try:
            wait = httpx.Timeout(min(large.patience_s(most_bytes), _LONGEST_ASK_S), connect=5.0)
            response = self._client.post(url, json={"file_id": file_id}, timeout=wait)
            body = response.json()
        except (httpx.HTTPError, json.JSONDecodeError, UnicodeDecodeError) as error:
            raise Upstream("Telegram did not answer.") from error
        if isinstance(body, dict) and body.get("ok"):
            return dict(body["result"])
        told = body if isinstance(body, dict) else {}
        wait_s = (told.get("parameters") or {}).get("retry_after")
        is_final = response.status_code in (400, 401, 403, 404) and not wait_s
        raise Upstream(str(told.get("description") or "Telegram fails."), permanent=is_final, retry_after_s=wait_s)


def _require_ok(response: httpx.Response) -> None:
    if response.status_code != 200:
        raise Upstream("Telegram does not hand out this file.", permanent=response.status_code in (403, 404))


def _copy(pieces: Iterator[bytes], into: IO[bytes], most_bytes: int) -> None:
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > most_bytes:
            raise Upstream(TOO_BIG, permanent=True)
        into.write(piece)
