"""Clients' links and everybody's answers to proposed posts, bots that workspaces bring, experiments of one channel."""

from peewee import (
    AutoField,
    BigIntegerField,
    BooleanField,
    CharField,
    CompositeKey,
    ForeignKeyField,
    IntegerField,
    Model,
    TextField,
)

from app.core.db import UtcTimestamp


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

    class AuthoredPost(Table):
        id = AutoField()

    class PostTarget(Table):
        id = AutoField()

    class ClientLink(Table):
        id = AutoField()
        public_id = CharField(max_length=22, unique=True)
        token_hash = CharField(max_length=64, unique=True)
        workspace = ForeignKeyField(Workspace)
        name = CharField(max_length=48)
        is_required = BooleanField(default=False)
        created_by = ForeignKeyField(User)
        created_at = UtcTimestamp()
        expires_at = UtcTimestamp(index=True)
        revoked_at = UtcTimestamp(null=True)
        last_used_at = UtcTimestamp(null=True)
        uses = IntegerField(default=0)

    class ClientLinkChannel(Table):
        link = ForeignKeyField(ClientLink, index=False)
        channel = ForeignKeyField(Channel)
        workspace = ForeignKeyField(Workspace)

        class Meta:
            primary_key = CompositeKey("link", "channel")

    class ApprovalAnswer(Table):
        id = AutoField()
        workspace = ForeignKeyField(Workspace)
        post = ForeignKeyField(AuthoredPost)
        link = ForeignKeyField(ClientLink, null=True)
        user = ForeignKeyField(User, null=True)
        answer = CharField(max_length=10)
        content_hash = CharField(max_length=64)
        comment = CharField(max_length=1000, null=True)
        at = UtcTimestamp()

    class OwnBotWish(Table):
        id = AutoField()
        public_id = CharField(max_length=22, unique=True)
        workspace_id = BigIntegerField(index=True)
        bot_id = BigIntegerField()
        token_sealed = TextField(null=True)
        state = CharField(max_length=8)
        reason = CharField(max_length=300, null=True)
        asked_by = BigIntegerField()
        asked_at = UtcTimestamp()
        not_before = UtcTimestamp(null=True)

        class Meta:
            indexes = ((("state", "id"), False),)

    class Experiment(Table):
        id = AutoField()
        public_id = CharField(max_length=22, unique=True)
        workspace = ForeignKeyField(Workspace)
        channel = ForeignKeyField(Channel)
        question = CharField(max_length=200)
        arm_a = CharField(max_length=80)
        arm_b = CharField(max_length=80)
        metric = CharField(max_length=16)
        smallest_percent = IntegerField()
        needed = IntegerField()
        created_by = ForeignKeyField(User)
        started_at = UtcTimestamp()
        ended_at = UtcTimestamp(null=True)

    class ExperimentPost(Table):
        target = ForeignKeyField(PostTarget, primary_key=True)
        experiment = ForeignKeyField(Experiment)
        workspace = ForeignKeyField(Workspace)
        day_part = IntegerField()
        arm = CharField(max_length=1)
        assigned_at = UtcTimestamp()

    db.create_tables([ClientLink, ClientLinkChannel, ApprovalAnswer, OwnBotWish, Experiment, ExperimentPost])
    migrator.migrate(migrator.add_column("bot", "trouble", CharField(max_length=300, null=True)))


def down(migrator, db):
    migrator.migrate(
        migrator.drop_column("bot", "trouble"),
        *(
            migrator.drop_table(t)
            for t in (
                *("experiment_post", "experiment", "own_bot_wish"),
                *("approval_answer", "client_link_channel", "client_link"),
            )
        ),
    )
