"""Custom emoji: sets, palettes, where Telegram keeps them, and how many new ones a plan takes in a month."""

from peewee import (
    AutoField,
    BigIntegerField,
    BlobField,
    BooleanField,
    CharField,
    CompositeKey,
    ForeignKeyField,
    IntegerField,
    Model,
)

from app.core import db as core
from app.core.db import UtcTimestamp

_A_MONTH = {"free": 10, "pro": 100, "business": 500, "network": None}


def up(migrator, db):
    class Table(Model):
        class Meta:
            database = db
            legacy_table_names = False

    class Workspace(Table):
        id = AutoField()

    class EmojiSet(Table):
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
        emoji_id = CharField(max_length=20, primary_key=True)
        emoji_set = ForeignKeyField(EmojiSet, null=True)
        number = IntegerField(default=0)
        plain = CharField(max_length=64)
        known_at = UtcTimestamp()
        gone_at = UtcTimestamp(null=True)

    class EmojiPicture(Table):
        emoji = ForeignKeyField(CustomEmoji, primary_key=True)
        bot_id = BigIntegerField()
        file_id = CharField(max_length=200)
        state = CharField(max_length=6)
        mime = CharField(max_length=16, null=True)
        data = BlobField(null=True)
        attempts = IntegerField(default=0)
        not_before = UtcTimestamp(null=True)

        class Meta:
            indexes = ((("state", "not_before"), False),)

    class PaletteSet(Table):
        workspace = ForeignKeyField(Workspace)
        emoji_set = ForeignKeyField(EmojiSet)
        asked_at = UtcTimestamp()

        class Meta:
            primary_key = CompositeKey("workspace", "emoji_set")

    class PaletteEmoji(Table):
        id = AutoField()
        workspace = ForeignKeyField(Workspace)
        emoji = ForeignKeyField(CustomEmoji)
        added_at = UtcTimestamp()
        removed_at = UtcTimestamp(null=True)

        class Meta:
            indexes = ((("workspace", "emoji"), True),)

    class EmojiStanding(Table):
        bot_id = BigIntegerField()
        address = CharField(max_length=64)
        is_kept = BooleanField()
        seen_at = UtcTimestamp()

        class Meta:
            primary_key = CompositeKey("bot_id", "address")

    class EmojiTrial(Table):
        bot_id = BigIntegerField(primary_key=True)
        outcome = CharField(max_length=9)
        error = CharField(max_length=300, null=True)
        tried_at = UtcTimestamp()
        not_before = UtcTimestamp()

    db.create_tables([EmojiSet, CustomEmoji, EmojiPicture, PaletteSet, PaletteEmoji, EmojiStanding, EmojiTrial])
    for (plan,) in core.rows("SELECT key FROM plan"):
        core.execute(
            "INSERT INTO plan_limit (plan_id, key, amount, reset) VALUES (?, ?, ?, ?)",
            *(plan, "custom_emoji", _A_MONTH.get(plan, _A_MONTH["free"]), "period"),
        )


def down(migrator, db):
    core.execute("DELETE FROM plan_limit WHERE key = ?", "custom_emoji")
    names = ("emoji_trial", "emoji_standing", "palette_emoji", "palette_set", "emoji_picture", "custom_emoji")
    migrator.migrate(*(migrator.drop_table(name) for name in (*names, "emoji_set")))
