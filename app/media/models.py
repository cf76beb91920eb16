"""Files that posts carry. Their bytes lie in DATA_DIR/media under their SHA-256 (service/store.py)."""

from __future__ import annotations

from typing import Any

from peewee import (  # type: ignore[attr-defined]
    SQL,
    AutoField,
    BigIntegerField,
    CharField,
    CompositeKey,
    ForeignKeyField,
    IntegerField,
)

from app.accounts.models import Workspace
from app.core.db import Personal, UtcTimestamp
from app.core.tenancy import TenantTable


class MediaFile(TenantTable):
    """A workspace's file. `kind` is how Telegram shows it: photo, video, animation or document. Sizes in pixels; `frames`
    of a moving picture, counted to one more than a mark can stand on.

    One that was made of another (`origin`) stands in no list: whoever shows or sends the other finds it by its work.
    `tags` as |sale|spring|; `found_by` is the name and the tags in small letters, for the search. One that was put into
    the trash stays usable for thirty days; then its bytes go and `deleted_at` is set (service/trash.py).
    """

    personal = {
        "name": Personal("content", "send the file under its name", "as long as the workspace keeps the file"),
        "tags": Personal("content", "find the file", "as long as the workspace keeps the file"),
        "found_by": Personal("content", "find the file", "as long as the workspace keeps the file"),
    }
    impersonal = frozenset({"public_id", "kind", "mime", "sha256"})
    id = AutoField()
    public_id = CharField(max_length=22, unique=True)
    workspace: Any = ForeignKeyField(Workspace, lazy_load=False)
    kind = CharField(max_length=9)
    name = CharField(max_length=120)
    mime = CharField(max_length=32)
    size = IntegerField()
    sha256 = CharField(max_length=64)
    width = IntegerField(null=True)
    height = IntegerField(null=True)
    frames = IntegerField(null=True)
    created_by = BigIntegerField()
    created_at = UtcTimestamp()
    deleted_at = UtcTimestamp(null=True)
    origin: Any = ForeignKeyField("self", lazy_load=False, null=True)
    tags = CharField(max_length=255, default="")
    found_by = CharField(max_length=400, default="")
    trashed_at = UtcTimestamp(null=True)

    class Meta:
        indexes = ((("workspace", "id"), False), (("trashed_at",), False), (("sha256",), False))


MediaFile.add_index(
    MediaFile.index(
        MediaFile.workspace,
        MediaFile.sha256,
        unique=True,
        where=SQL("deleted_at IS NULL AND origin_id IS NULL"),
        name="one_live_media_file",
    )
)


class MediaCopy(TenantTable):
    """A file in a bot's storage chat: wanted, ready or failed. A file id serves only the bot that got it.

    `not_before`: when to try again; of a failed one, before when asking again changes nothing.
    """

    impersonal = frozenset({"state", "file_id", "file_unique_id", "error"})
    media: Any = ForeignKeyField(MediaFile, lazy_load=False, index=False)
    bot_id = BigIntegerField()
    workspace: Any = ForeignKeyField(Workspace, lazy_load=False)
    state = CharField(max_length=8)
    file_id = CharField(max_length=255, null=True)
    file_unique_id = CharField(max_length=64, null=True)
    storage_chat_id = BigIntegerField(null=True)
    message_id = BigIntegerField(null=True)
    error = CharField(max_length=300, null=True)
    attempts = IntegerField(default=0)
    not_before = UtcTimestamp(null=True)
    wanted_at = UtcTimestamp()

    class Meta:
        primary_key = CompositeKey("media", "bot_id")
        indexes = ((("state", "not_before"), False),)


TABLES = (MediaFile, MediaCopy)
