"""Which copy carries which invisible mark; prints of posts, scans for copies, cases of theft."""

from peewee import AutoField, BigIntegerField, CharField, CompositeKey, ForeignKeyField, IntegerField, Model, TextField

from app.core import db as core
from app.core.db import JsonText, UtcTimestamp

_SCANS_A_MONTH = {"free": 3, "pro": 25, "business": 100, "network": None}
_TABLES = ("theft_evidence", "theft_case", "theft_scan", "print_watch", "seen_print", "own_print", "marked_copy")


def up(migrator, db):
    class Table(Model):
        class Meta:
            database = db
            legacy_table_names = False

    class Workspace(Table):
        id = AutoField()

    class Channel(Table):
        id = AutoField()

    class MarkedCopy(Table):
        payload = BigIntegerField(primary_key=True)
        workspace = ForeignKeyField(Workspace)
        media = CharField(max_length=22)
        channel_id = BigIntegerField(null=True)
        post_id = BigIntegerField(null=True)
        fingerprint = CharField(max_length=64)
        issued_at = UtcTimestamp()

        class Meta:
            indexes = ((("workspace", "fingerprint"), True),)

    class OwnPrint(Table):
        workspace = ForeignKeyField(Workspace)
        channel = ForeignKeyField(Channel)
        post_id = IntegerField()
        message_id = BigIntegerField()
        posted_at = UtcTimestamp()
        stamp = CharField(max_length=64)
        shingles = TextField()
        pictures = JsonText()
        files = JsonText()

        class Meta:
            primary_key = CompositeKey("workspace", "post_id")
            indexes = ((("posted_at",), False),)

    class SeenPrint(Table):
        chat_id = IntegerField()
        message_id = BigIntegerField()
        posted_at = UtcTimestamp(index=True)
        shingles = TextField()
        pictures = JsonText()

        class Meta:
            primary_key = CompositeKey("chat_id", "message_id")

    class PrintWatch(Table):
        chat_id = IntegerField(primary_key=True)
        read_at = UtcTimestamp()
        newest_id = BigIntegerField(null=True)
        error = CharField(max_length=300, null=True)

    class TheftScan(Table):
        id = AutoField()
        workspace = ForeignKeyField(Workspace)
        state = CharField(max_length=8)
        asked_by = BigIntegerField(null=True)
        wanted_at = UtcTimestamp()
        started_at = UtcTimestamp(null=True)
        ended_at = UtcTimestamp(null=True)
        channels = IntegerField(default=0)
        own_posts = IntegerField(default=0)
        found_posts = IntegerField(default=0)
        cases = IntegerField(default=0)
        reason = CharField(max_length=300, null=True)

        class Meta:
            indexes = ((("workspace", "wanted_at"), False), (("state", "wanted_at"), False))

    class TheftCase(Table):
        id = AutoField()
        public_id = CharField(max_length=22, unique=True)
        workspace = ForeignKeyField(Workspace)
        channel = ForeignKeyField(Channel)
        post_id = IntegerField()
        own_message_id = BigIntegerField()
        own_posted_at = UtcTimestamp()
        chat_id = IntegerField()
        found_message_id = BigIntegerField()
        found_posted_at = UtcTimestamp()
        text_permille = IntegerField(null=True)
        picture_bits = IntegerField(null=True)
        text_sha256 = CharField(max_length=64, null=True)
        picture_sha256 = CharField(max_length=64, null=True)
        own_sha256 = CharField(max_length=64, null=True)
        state = CharField(max_length=9)
        opened_at = UtcTimestamp()
        ended_at = UtcTimestamp(null=True)
        ended_by = BigIntegerField(null=True)

        class Meta:
            indexes = (
                (("workspace", "post_id", "chat_id", "found_message_id"), True),
                (("workspace", "state", "opened_at"), False),
            )

    class TheftEvidence(Table):
        case = ForeignKeyField(TheftCase, primary_key=True)
        workspace = ForeignKeyField(Workspace)
        text = TextField(null=True)
        kept_at = UtcTimestamp(index=True)

    db.create_tables([MarkedCopy, OwnPrint, SeenPrint, PrintWatch, TheftScan, TheftCase, TheftEvidence])
    for (plan,) in core.rows("SELECT key FROM plan"):
        core.execute(
            "INSERT INTO plan_limit (plan_id, key, amount, reset) VALUES (?, ?, ?, ?)",
            *(plan, "theft_scans", _SCANS_A_MONTH.get(plan, _SCANS_A_MONTH["free"]), "period"),
        )


def down(migrator, db):
    core.execute("DELETE FROM plan_limit WHERE key = ?", "theft_scans")
    for table in _TABLES:
        migrator.migrate(migrator.drop_table(table))
