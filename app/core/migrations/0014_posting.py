"""Authored posts with their revisions, targets, due actions and delivery ledger; the sending budget kept exactly."""

from peewee import (
    AutoField,
    BigIntegerField,
    CharField,
    CompositeKey,
    FloatField,
    ForeignKeyField,
    IntegerField,
    Model,
    TextField,
)

from app.core.db import JsonText, UtcTimestamp


def up(migrator, db):
    class Table(Model):
        class Meta:
            database = db
            legacy_table_names = False

    class Workspace(Table):
        id = AutoField()

    class User(Table):
        id = AutoField()

    class Channel(Table):
        id = AutoField()

    class Sender(Table):
        id = AutoField()
        kind = CharField(max_length=16)
        account = CharField(max_length=64)
        epoch = IntegerField(default=0)
        turn = BigIntegerField(default=0)
        seen_at = UtcTimestamp(null=True)
        created_at = UtcTimestamp()

        class Meta:
            indexes = ((("kind", "account"), True),)

    class AuthoredPost(Table):
        id = AutoField()
        public_id = CharField(max_length=22, unique=True)
        workspace = ForeignKeyField(Workspace)
        state = CharField(max_length=12)
        draft = JsonText(null=True)
        version = IntegerField(default=1)
        created_by = ForeignKeyField(User)
        created_at = UtcTimestamp()
        updated_at = UtcTimestamp()
        deleted_at = UtcTimestamp(null=True)

        class Meta:
            indexes = ((("workspace", "state", "updated_at"), False),)

    class PostRevision(Table):
        id = AutoField()
        workspace = ForeignKeyField(Workspace)
        post = ForeignKeyField(AuthoredPost)
        number = IntegerField()
        content = JsonText()
        content_hash = CharField(max_length=64)
        created_by = ForeignKeyField(User)
        created_at = UtcTimestamp()

        class Meta:
            indexes = ((("post", "number"), True),)

    class PostTarget(Table):
        id = AutoField()
        workspace = ForeignKeyField(Workspace)
        post = ForeignKeyField(AuthoredPost)
        channel = ForeignKeyField(Channel)
        sender = ForeignKeyField(Sender)
        address = CharField(max_length=64)
        removed_at = UtcTimestamp(null=True)

        class Meta:
            indexes = ((("post", "channel"), True),)

    class DueAction(Table):
        id = AutoField()
        workspace = ForeignKeyField(Workspace)
        post = ForeignKeyField(AuthoredPost)
        target = ForeignKeyField(PostTarget)
        sender = ForeignKeyField(Sender, index=False)
        address = CharField(max_length=64)
        slot = IntegerField(default=0)
        kind = CharField(max_length=8)
        state = CharField(max_length=12)
        due_at = UtcTimestamp(null=True)
        ready_at = UtcTimestamp(null=True)
        after_s = IntegerField(null=True)
        eta_at = UtcTimestamp(null=True)
        epoch = IntegerField(default=0)
        tries = IntegerField(default=0)
        reason = CharField(max_length=300, null=True)
        done_at = UtcTimestamp(null=True)
        created_at = UtcTimestamp()

        class Meta:
            indexes = (
                (("sender", "state", "ready_at", "workspace"), False),
                (("sender", "state", "workspace", "ready_at"), False),
                (("target", "slot", "kind"), False),
                (("state", "due_at"), False),
                (("workspace", "due_at"), False),
            )

    class Delivery(Table):
        id = AutoField()
        workspace = ForeignKeyField(Workspace)
        post = ForeignKeyField(AuthoredPost)
        target = ForeignKeyField(PostTarget)
        slot = IntegerField(default=0)
        part = IntegerField(default=0)
        revision = ForeignKeyField(PostRevision)
        sender = ForeignKeyField(Sender, index=False)
        address = CharField(max_length=64)
        state = CharField(max_length=12)
        epoch = IntegerField(default=0)
        tries = IntegerField(default=0)
        resends = IntegerField(default=0)
        reason = CharField(max_length=300, null=True)
        note = CharField(max_length=64, null=True)
        begun_at = UtcTimestamp(null=True)
        sent_at = UtcTimestamp(null=True)
        asked_at = UtcTimestamp(null=True)
        collected_at = UtcTimestamp(null=True)

        class Meta:
            indexes = (
                (("target", "slot", "part"), True),
                (("sender", "state"), False),
                (("state", "collected_at"), False),
                (("workspace", "state"), False),
            )

    class DeliveryMessage(Table):
        id = AutoField()
        workspace = ForeignKeyField(Workspace)
        delivery = ForeignKeyField(Delivery)
        address = CharField(max_length=64)
        message_id = BigIntegerField()
        number = IntegerField(default=0)

        class Meta:
            indexes = ((("address", "message_id"), True),)

    class DeliveryEvent(Table):
        id = AutoField()
        workspace = ForeignKeyField(Workspace)
        delivery = ForeignKeyField(Delivery)
        at = UtcTimestamp()
        what = CharField(max_length=16)
        epoch = IntegerField(default=0)
        tries = IntegerField(default=0)
        detail = CharField(max_length=300, null=True)

    class SendBudget(Table):
        bot_id = BigIntegerField()
        scope = CharField(max_length=32)
        paid_until_ms = BigIntegerField(default=0)
        recent = TextField(null=True)
        not_before = UtcTimestamp(null=True)

        class Meta:
            primary_key = CompositeKey("bot_id", "scope")

    migrator.migrate(migrator.drop_table("send_budget"))  # what a bot sent in the last minute: made anew as it sends
    db.create_tables([Sender, AuthoredPost, PostRevision, PostTarget, DueAction, Delivery, DeliveryMessage])
    db.create_tables([DeliveryEvent, SendBudget])


def down(migrator, db):
    class SendBudget(Model):
        bot_id = BigIntegerField()
        lane = CharField(max_length=8)
        scope = CharField(max_length=32)
        tokens = FloatField()
        refilled_at = UtcTimestamp()
        not_before = UtcTimestamp(null=True)

        class Meta:
            database = db
            table_name = "send_budget"
            primary_key = CompositeKey("bot_id", "lane", "scope")

    for table in (
        *("send_budget", "delivery_event", "delivery_message", "delivery", "due_action"),
        *("post_target", "post_revision", "authored_post", "sender"),
    ):
        migrator.migrate(migrator.drop_table(table))
    db.create_tables([SendBudget])
