"""Which handler takes which kind of update. A handler asks Telegram first and returns the effect to be committed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from aiogram.types import Update

from app.boot import Runtime
from app.core.inbox import StoredUpdate

Effect = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Incoming:
    """An update in its turn."""

    runtime: Runtime
    stored: StoredUpdate
    update: Update
    now: datetime


Handler = Callable[[Incoming], Effect]


def nothing() -> None:
    """The effect of an update that is only acknowledged."""


def prepare(handlers: Mapping[str, Handler], runtime: Runtime, stored: StoredUpdate, *, now: datetime) -> Effect:
    """Outside the transaction: parse, ask Telegram what is needed, and return what is to be done inside it."""
    handler = handlers.get(stored.kind)
    if handler is None:
        return nothing
    update = Update.model_validate(stored.payload, context={"bot": None})
    return handler(Incoming(runtime, stored, update, now))
