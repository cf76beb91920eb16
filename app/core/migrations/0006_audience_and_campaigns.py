"""When bots were administrators, days whose joins do not add up, campaigns, and the invite links that tell them apart."""

from peewee import (
    AutoField,
    BigIntegerField,
    BooleanField,
    CharField,
    CompositeKey,
    DateField,
    ForeignKeyField,
    IntegerField,
    Model,
    TextField,
)

from app.core.db import UtcTimestamp

# Of times before this migration only the present is known: a bot is taken to be there since its channel was connected.
_PRESENT = (
    "INSERT INTO bot_presence (bot_id, chat_id, since) SELECT r.bot_id, r.chat_id, COALESCE((SELECT MIN(c.connected_at)"
    " FROM channel c WHERE c.chat_id = r.chat_id AND c.bot_id = r.bot_id AND c.deleted_at IS NULL), r.checked_at)"
    " FROM bot_rights r WHERE r.status = 'administrator'"
)


def up(migrator, db):
    class Table(Model):
        class Meta:
            database = db
            legacy_table_names = False

    class Workspace(Table):
        id = AutoField()

    class Chat(Table):
        id = AutoField()

    class Channel(Table):
        id = AutoField()

    class BotPresence(Table):
        bot_id = BigIntegerField()
        chat = ForeignKeyField(Chat)
        since = UtcTimestamp()
        until = UtcTimestamp(null=True)

        class Meta:
            primary_key = CompositeKey("bot_id", "chat", "since")

    class SubscriberReconciliation(Table):
        chat = ForeignKeyField(Chat)
        day = DateField()
        start = BigIntegerField()
        start_step = IntegerField(default=0)
        start_at = UtcTimestamp()
        joins = IntegerField()
        leaves = IntegerField()
        counted = BigIntegerField()
        counted_step = IntegerField(default=0)
        counted_at = UtcTimestamp()
        gap = BigIntegerField()
        reason = CharField(max_length=16)

        class Meta:
            primary_key = CompositeKey("chat", "day")

    class Campaign(Table):
        id = AutoField()
        public_id = CharField(max_length=22, unique=True)
        workspace = ForeignKeyField(Workspace)
        channel = ForeignKeyField(Channel)
        name = CharField(max_length=80)
        source = CharField(max_length=80)
        audience = CharField(max_length=80, default="")
        creative = CharField(max_length=120, default="")
        spend_minor = BigIntegerField()
        currency = CharField(max_length=3)
        starts_at = UtcTimestamp()
        ends_at = UtcTimestamp(null=True)
        created_by = BigIntegerField()
        created_at = UtcTimestamp()
        archived_at = UtcTimestamp(null=True)

    class InviteLink(Table):
        id = AutoField()
        public_id = CharField(max_length=22, unique=True)
        workspace = ForeignKeyField(Workspace)
        channel = ForeignKeyField(Channel)
        campaign = ForeignKeyField(Campaign, null=True)
        name = CharField(max_length=32)
        url = CharField(max_length=128, null=True)
        state = CharField(max_length=8, index=True)
        error = TextField(null=True)
        not_before = UtcTimestamp(null=True)
        created_at = UtcTimestamp()
        made_at = UtcTimestamp(null=True)
        revoked_at = UtcTimestamp(null=True)

    db.create_tables([BotPresence, SubscriberReconciliation, Campaign, InviteLink])
    migrator.migrate(
        migrator.add_column("member_event", "via_request", BooleanField(null=True)),
        migrator.add_index("member_event", ("chat_id", "member_hash", "at")),
    )
    db.execute_sql(_PRESENT)


def down(migrator, db):
    migrator.migrate(
        migrator.drop_index("member_event", "member_event_chat_id_member_hash_at"),
        migrator.drop_column("member_event", "via_request"),
        *(migrator.drop_table(t) for t in ("invite_link", "campaign", "subscriber_reconciliation", "bot_presence")),
    )
