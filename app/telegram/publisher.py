"""Sending by plain HTTP. The lanes use this and not aiogram, whose types take six seconds to build: after a crash posts
would wait for them (ADR 10)."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx

from app.core.errors import Upstream
from app.telegram import calls, large
from app.telegram.calls import Call
from app.telegram.large import SharedDisk
from app.telegram.outgoing import Outgoing, Sent
from app.telegram.port import NO_ANSWER, NOT_SENT, REFUSED, RETRY_AFTER, BotIdentity

_TIMEOUT = httpx.Timeout(large.QUICK_S, connect=5.0)
# An idle connection that the server is about to close loses a request without a word: none is kept for long.
_LIMITS = httpx.Limits(max_connections=40, max_keepalive_connections=20, keepalive_expiry=10.0)


class HttpPublisher:
    """Implements telegram.port.Publisher for one token; may be used by several threads."""

    def __init__(self, token: str, api_url: str, disk: SharedDisk | None = None) -> None:
        self._address, self._files, self._disk = f"{api_url}/bot{token}", f"{api_url}/file/bot{token}", disk
        self._client = httpx.Client(timeout=_TIMEOUT, limits=_LIMITS, trust_env=False)

    def me(self) -> BotIdentity:
        found = self._ask(Call("getMe", {}))
        return BotIdentity(int(found["id"]), str(found.get("username", "")))

    def send(self, chat_id: int, what: Outgoing) -> tuple[Sent, ...]:
        return calls.sent(self._ask(calls.sending(chat_id, what)))

    def edit(self, chat_id: int, message_id: int, what: Outgoing) -> None:
        self._unless(("message is not modified",), calls.editing(chat_id, message_id, what))

    def delete_messages(self, chat_id: int, message_ids: Sequence[int]) -> None:
        for message_id in message_ids:
            call = Call("deleteMessage", {"chat_id": chat_id, "message_id": message_id})
            self._unless(("message to delete not found",), call)

    def pin(self, chat_id: int, message_id: int, *, is_silent: bool) -> None:
        place = {"chat_id": chat_id, "message_id": message_id, "disable_notification": is_silent}
        self._ask(Call("pinChatMessage", place))

    def unpin(self, chat_id: int, message_id: int) -> None:
        gone = ("message to unpin not found", "message not found")
        self._unless(gone, Call("unpinChatMessage", {"chat_id": chat_id, "message_id": message_id}))

    def forward(self, chat_id: int, message_id: int, *, to_chat_id: int) -> Sent | None:
        gone = ("message to forward not found", "message_id_invalid")
        place = {"chat_id": to_chat_id, "from_chat_id": chat_id, "message_id": message_id, "disable_notification": True}
        found = self._unless(gone, Call("forwardMessage", place))
        return None if found is None else calls.sent(found)[0]

    def download(self, file_id: str, *, most_bytes: int) -> bytes:
        found = self._ask(Call("getFile", {"file_id": file_id}))
        if int(found.get("file_size") or 0) > most_bytes:
            raise Upstream("The file is too large.", code=REFUSED, permanent=True)
        if str(found["file_path"]).startswith("/"):
            return _read(large.place_of(self._disk, found["file_path"]), most_bytes)
        try:
            response = self._client.get(f"{self._files}/{found['file_path']}")
        except httpx.HTTPError as error:
            raise Upstream("Telegram did not answer.", code=NO_ANSWER) from error
        if response.status_code != 200 or len(response.content) > most_bytes:
            raise Upstream("Telegram gave no such file.", code=REFUSED, permanent=response.status_code < 500)
        return response.content

    def _unless(self, harmless: Sequence[str], call: Call) -> Any:
        """Make a call; a refusal in one of these words is an answer (None), not an error."""
        try:
            return self._ask(call)
        except Upstream as error:
            if error.permanent and any(words in error.message.lower() for words in harmless):
                return None
            raise

    def _ask(self, call: Call) -> Any:
        """Make one call and translate what went wrong: see the codes in port.py."""
        try:
            response = self._post(call)
            body = response.json()
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise Upstream("Telegram did not answer.", code=NOT_SENT) from error
        except (httpx.HTTPError, json.JSONDecodeError, UnicodeDecodeError) as error:
            raise Upstream("Telegram did not answer.", code=NO_ANSWER) from error
        if isinstance(body, dict) and body.get("ok"):
            return body["result"]
        return _refuse(response.status_code, body if isinstance(body, dict) else {})

    def _post(self, call: Call) -> httpx.Response:
        url, told = f"{self._address}/{call.method}", call.told()
        if not call.files:
            return self._client.post(url, json=told)
        timeout = httpx.Timeout(
            large.patience_s(sum(os.path.getsize(path) for _, path in call.files.values())), connect=5.0
        )
        with ExitStack() as opened:
            if self._disk is not None:
                seen = {part: opened.enter_context(self._disk.shown(*file)) for part, file in call.files.items()}
                return self._client.post(url, json=large.by_address(told, seen), timeout=timeout)
            fields = {name: value if isinstance(value, str) else json.dumps(value) for name, value in told.items()}
            files = {part: (name, opened.enter_context(open(path, "rb"))) for part, (name, path) in call.files.items()}
            return self._client.post(url, data=fields, files=files, timeout=timeout)


def _read(place: Path, most_bytes: int) -> bytes:
    with place.open("rb") as file:
        data = file.read(most_bytes + 1)
    if len(data) > most_bytes:
        raise Upstream("The file is too large.", code=REFUSED, permanent=True)
    return data


def _refuse(status: int, body: dict[str, Any]) -> None:
    words = str(body.get("description") or f"Telegram answers {status}")
    retry_after = (body.get("parameters") or {}).get("retry_after")
    if status == 429 or retry_after:
        raise Upstream("Telegram asks us to wait.", code=RETRY_AFTER, retry_after_s=float(retry_after or 1))
    if status >= 500 or not body:
        raise Upstream(f"Telegram fails: {words}", code=NO_ANSWER)
    raise Upstream(words, code=REFUSED, permanent=True)
