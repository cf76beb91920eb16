"""Custom emoji. What Telegram tells of sets and of what it keeps is global; a palette is the workspace's."""

from __future__ import annotations

from typing import Any

from peewee import (
    AutoField,
    BigIntegerField,
    BlobField,
    BooleanField,
    CharField,
    CompositeKey,
    ForeignKeyField,
    IntegerField,
)

from app.accounts.models import Workspace
from app.core.db import Table, UtcTimestamp
from app.core.tenancy import TenantTable


class EmojiSet(Table):
    """A set of custom emoji, read once for everybody by the bot of whoever asked last.

    asked -> read | refused; one that was read keeps `read_at` and is never refused. `key` is the name in small letters.
    """

    impersonal = frozenset({"key", "name", "title", "state", "error"})
    id = AutoField()
    key = CharField(max_length=64, unique=True)
    name = CharField(max_length=64)
    title = CharField(max_length=255, default="")
    bot_id = BigIntegerField()
    state = CharField(max_length=8)
    error = CharField(max_length=300, null=True)
    attempts = IntegerField(default=0)
    asked_at = UtcTimestamp()
    not_before = UtcTimestamp(null=True)
    read_at = UtcTimestamp(null=True)

    class Meta:
        indexes = ((("state", "asked_at"), False),)


class CustomEmoji(Table):
    """A custom emoji by Telegram's id, with the plain one that stands in its place. `number`: its place in the set.

    `known_at`: when Telegram told of it last, 1970 for one that was only typed; `gone_at`: since when it has it no more.
    """

    impersonal = frozenset({"emoji_id", "plain"})
    emoji_id = CharField(max_length=20, primary_key=True)
    emoji_set: Any = ForeignKeyField(EmojiSet, lazy_load=False, null=True)
    number = IntegerField(default=0)
    plain = CharField(max_length=64)
    known_at = UtcTimestamp()
    gone_at = UtcTimestamp(null=True)


class EmojiPicture(Table):
    """A still, small picture of a custom emoji, as Telegram makes it. wanted -> ready | none.

    `file_id` is the id of the bot that read the set; `data` at most pictures.MOST_BYTES of `mime`.
    """

    impersonal = frozenset({"file_id", "state", "mime"})
    emoji: Any = ForeignKeyField(CustomEmoji, lazy_load=False, primary_key=True)
    bot_id = BigIntegerField()
    file_id = CharField(max_length=200)
    state = CharField(max_length=6)
    mime = CharField(max_length=16, null=True)
    data = BlobField(null=True)
    attempts = IntegerField(default=0)
    not_before = UtcTimestamp(null=True)

    class Meta:
        indexes = ((("state", "not_before"), False),)


class PaletteSet(TenantTable):
    """A set that a workspace chooses from."""

    workspace: Any = ForeignKeyField(Workspace, lazy_load=False)
    emoji_set: Any = ForeignKeyField(EmojiSet, lazy_load=False)
    asked_at = UtcTimestamp()

    class Meta:
        primary_key = CompositeKey("workspace", "emoji_set")


class PaletteEmoji(TenantTable):
    """A custom emoji that a workspace has at hand. One that was taken out comes back without being counted again."""

    id = AutoField()
    workspace: Any = ForeignKeyField(Workspace, lazy_load=False)
    emoji: Any = ForeignKeyField(CustomEmoji, lazy_load=False)
    added_at = UtcTimestamp()
    removed_at = UtcTimestamp(null=True)

    class Meta:
        indexes = ((("workspace", "emoji"), True),)


class EmojiStanding(Table):
    """Whether Telegram kept a bot's custom emoji in a chat when it last sent some there."""

    impersonal = frozenset({"address"})
    bot_id = BigIntegerField()
    address = CharField(max_length=64)
    is_kept = BooleanField()
    seen_at = UtcTimestamp()

    class Meta:
        primary_key = CompositeKey("bot_id", "address")


class EmojiTrial(Table):
    """A bot's trial in its storage chat: what came of the last one, and before when there is no other.

    `outcome`: kept, plain, no_answer (the chat is none of channels' kind, and tells nothing of them) or failed.
    """

    impersonal = frozenset({"outcome", "error"})
    bot_id = BigIntegerField(primary_key=True)
    outcome = CharField(max_length=9)
    error = CharField(max_length=300, null=True)
    tried_at = UtcTimestamp()
    not_before = UtcTimestamp()


TABLES = (EmojiSet, CustomEmoji, EmojiPicture, PaletteSet, PaletteEmoji, EmojiStanding, EmojiTrial)
