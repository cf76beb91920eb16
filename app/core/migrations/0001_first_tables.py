"""The first tables. A frozen copy: later changes of the models come as further migrations."""

from peewee import (
    SQL,
    BigIntegerField,
    BooleanField,
    CharField,
    CompositeKey,
    DateField,
    FloatField,
    ForeignKeyField,
    IntegerField,
    Model,
    SmallIntegerField,
    SqliteDatabase,
    TextField,
)

from app.core.db import JsonText, UtcTimestamp


def up(migrator, db):
    class Workspace(Model):
        public_id = CharField(unique=True, max_length=22)
        name = CharField(max_length=128)
        timezone = CharField(max_length=64)
        created_at = UtcTimestamp()
        deleted_at = UtcTimestamp(null=True)

        class Meta:
            database = db
            table_name = "workspace"

    db.create_tables([Workspace])

    class User(Model):
        public_id = CharField(unique=True, max_length=22)
        telegram_user_id = BigIntegerField(unique=True, null=True)
        name = CharField(max_length=128)
        language = CharField(max_length=8, default="en")
        timezone = CharField(max_length=64, default="Asia/Tashkent")
        is_superadmin = BooleanField(default=False)
        created_at = UtcTimestamp()
        deleted_at = UtcTimestamp(null=True)

        class Meta:
            database = db
            table_name = "user"

    db.create_tables([User])

    class ApiKey(Model):
        workspace = ForeignKeyField(Workspace)
        public_id = CharField(unique=True, max_length=22)
        name = CharField(max_length=64)
        prefix = CharField(max_length=16)
        secret_hash = CharField(unique=True, max_length=64)
        scopes = JsonText()
        created_by = ForeignKeyField(User)
        created_at = UtcTimestamp()
        expires_at = UtcTimestamp(null=True)
        last_used_at = UtcTimestamp(null=True)
        revoked_at = UtcTimestamp(null=True)

        class Meta:
            database = db
            table_name = "api_key"

    db.create_tables([ApiKey])

    class AuditAnchor(Model):
        chain = BigIntegerField()
        day = DateField()
        seq = BigIntegerField()
        hash = CharField(max_length=64)

        class Meta:
            database = db
            table_name = "audit_anchor"
            primary_key = CompositeKey("chain", "day")

    db.create_tables([AuditAnchor])

    class AuditEntry(Model):
        chain = BigIntegerField()
        seq = BigIntegerField()
        at = UtcTimestamp()
        actor = CharField(max_length=64)
        action = CharField(max_length=64)
        subject = CharField(max_length=128)
        before = JsonText(null=True)
        after = JsonText(null=True)
        ip = CharField(max_length=64, default="")
        prev_hash = CharField(max_length=64)
        hash = CharField(max_length=64)

        class Meta:
            database = db
            table_name = "audit_entry"
            indexes = ((("chain", "seq"), True),)

    db.create_tables([AuditEntry])

    class Bot(Model):
        bot_id = BigIntegerField(primary_key=True)
        workspace_id = BigIntegerField(index=True, null=True)
        username = CharField(max_length=64)
        token_sealed = TextField()
        webhook_secret_sealed = TextField()
        updates = CharField(max_length=8)
        created_at = UtcTimestamp()
        deleted_at = UtcTimestamp(null=True)

        class Meta:
            database = db
            table_name = "bot"

    db.create_tables([Bot])

    class Chat(Model):
        telegram_chat_id = BigIntegerField(unique=True, null=True)
        private_to = BigIntegerField(null=True)
        username = CharField(index=True, null=True, max_length=64)
        title = CharField()
        has_preview = BooleanField(null=True)
        created_at = UtcTimestamp()

        class Meta:
            database = db
            table_name = "chat"
            indexes = ((("private_to", "username"), True),)

    db.create_tables([Chat])

    class BotRights(Model):
        bot_id = BigIntegerField()
        chat = ForeignKeyField(Chat)
        status = CharField(max_length=16)
        rights = JsonText()
        granted_by = BigIntegerField(null=True)
        checked_at = UtcTimestamp()

        class Meta:
            database = db
            table_name = "bot_rights"
            primary_key = CompositeKey("bot_id", "chat")

    db.create_tables([BotRights])

    class Feed(Model):
        chat = ForeignKeyField(Chat)
        workspace_id = BigIntegerField(default=0)

        class Meta:
            database = db
            table_name = "feed"
            indexes = ((("chat", "workspace_id"), True),)

    db.create_tables([Feed])

    class Channel(Model):
        public_id = CharField(unique=True, max_length=22)
        workspace = ForeignKeyField(Workspace)
        chat = ForeignKeyField(Chat)
        feed = ForeignKeyField(Feed)
        bot_id = BigIntegerField(null=True)
        relation = CharField(max_length=8)
        state = CharField(max_length=16)
        timezone = CharField(max_length=64)
        is_simulated = BooleanField(default=False)
        connected_at = UtcTimestamp()
        deleted_at = UtcTimestamp(null=True)

        class Meta:
            database = db
            table_name = "channel"

    Channel.add_index(Channel.index(Channel.workspace, Channel.chat, unique=True, where=SQL("deleted_at IS NULL")))
    Channel.add_index(
        Channel.index(
            Channel.chat, unique=True, where=SQL("relation = 'owned' AND deleted_at IS NULL"), name="one_owner"
        )
    )
    db.create_tables([Channel])

    class Cursor(Model):
        name = CharField(primary_key=True, max_length=96)
        value = BigIntegerField()

        class Meta:
            database = db
            table_name = "cursor"

    db.create_tables([Cursor])

    class FeedHour(Model):
        feed_id = IntegerField()
        hour = IntegerField()
        micro_views = BigIntegerField(default=0)

        class Meta:
            database = db
            table_name = "feed_hour"
            primary_key = CompositeKey("feed_id", "hour")
            without_rowid = isinstance(db, SqliteDatabase)

    db.create_tables([FeedHour])

    class FeedStat(Model):
        feed_id = IntegerField(primary_key=True)
        version = BigIntegerField(default=0)
        posts = IntegerField(default=0)
        views = BigIntegerField(default=0)
        readings = BigIntegerField(default=0)
        last_reading_at = UtcTimestamp(null=True)
        subscribers = BigIntegerField(null=True)
        subscribers_step = IntegerField(default=0)
        subscribers_source_id = IntegerField(null=True)
        subscribers_at = UtcTimestamp(null=True)
        subscriber_readings = IntegerField(default=0)

        class Meta:
            database = db
            table_name = "feed_stat"

    db.create_tables([FeedStat])

    class Gauge(Model):
        name = CharField(max_length=64)
        labels = JsonText(default=dict)
        value = BigIntegerField()
        at = UtcTimestamp()

        class Meta:
            database = db
            table_name = "gauge"
            primary_key = CompositeKey("name", "labels")

    db.create_tables([Gauge])

    class Heartbeat(Model):
        process = CharField(primary_key=True, max_length=32)
        at = UtcTimestamp()
        detail = TextField(default="")

        class Meta:
            database = db
            table_name = "heartbeat"

    db.create_tables([Heartbeat])

    class Inbox(Model):
        bot_id = BigIntegerField()
        update_id = BigIntegerField()
        chat_key = BigIntegerField()
        kind = CharField(max_length=64)
        payload = TextField()
        received_at = UtcTimestamp(index=True)
        processed_at = UtcTimestamp(null=True)
        attempts = IntegerField(default=0)
        not_before = UtcTimestamp(null=True)
        dead_at = UtcTimestamp(null=True)
        error = TextField(null=True)

        class Meta:
            database = db
            table_name = "inbox"
            indexes = ((("bot_id", "update_id"), True), (("processed_at", "dead_at", "id"), False))

    db.create_tables([Inbox])

    class Session(Model):
        token_hash = CharField(unique=True, max_length=64)
        user = ForeignKeyField(User)
        workspace = ForeignKeyField(Workspace)
        kind = CharField(max_length=16)
        ip = CharField(max_length=64, default="")
        user_agent = CharField(max_length=200, default="")
        created_at = UtcTimestamp()
        expires_at = UtcTimestamp(index=True)
        revoked_at = UtcTimestamp(null=True)

        class Meta:
            database = db
            table_name = "session"

    db.create_tables([Session])

    class Launch(Model):
        launch_hash = CharField(primary_key=True, max_length=64)
        device_hash = CharField(max_length=64)
        session = ForeignKeyField(Session, on_delete="CASCADE")
        expires_at = UtcTimestamp(index=True)

        class Meta:
            database = db
            table_name = "launch"

    db.create_tables([Launch])

    class Lease(Model):
        name = CharField(primary_key=True, max_length=64)
        holder = CharField(max_length=64)
        until = UtcTimestamp()

        class Meta:
            database = db
            table_name = "lease"

    db.create_tables([Lease])

    class LoginTicket(Model):
        token_hash = CharField(primary_key=True, max_length=64)
        user = ForeignKeyField(User)
        purpose = CharField(max_length=16)
        created_at = UtcTimestamp()
        expires_at = UtcTimestamp()
        used_at = UtcTimestamp(null=True)

        class Meta:
            database = db
            table_name = "login_ticket"

    db.create_tables([LoginTicket])

    class MemberEvent(Model):
        bot_id = BigIntegerField()
        update_id = BigIntegerField()
        chat = ForeignKeyField(Chat)
        at = UtcTimestamp()
        kind = CharField(max_length=8)
        member_hash = CharField(max_length=64)
        invite_link = CharField(null=True, max_length=128)

        class Meta:
            database = db
            table_name = "member_event"
            indexes = ((("bot_id", "update_id"), True), (("chat", "at"), False))

    db.create_tables([MemberEvent])

    class Membership(Model):
        workspace = ForeignKeyField(Workspace)
        user = ForeignKeyField(User)
        role = CharField(max_length=16)
        created_at = UtcTimestamp()

        class Meta:
            database = db
            table_name = "membership"
            indexes = ((("workspace", "user"), True),)

    db.create_tables([Membership])

    class Notice(Model):
        user = ForeignKeyField(User, null=True)
        bot_id = BigIntegerField()
        chat_id = BigIntegerField()
        template = CharField(max_length=64)
        params = JsonText()
        language = CharField(max_length=8)
        dedupe_key = CharField(unique=True, null=True, max_length=160)
        state = CharField(max_length=12, default="queued")
        created_at = UtcTimestamp()
        not_before = UtcTimestamp()
        attempts = IntegerField(default=0)
        sent_at = UtcTimestamp(null=True)
        error = TextField(null=True)

        class Meta:
            database = db
            table_name = "notice"
            indexes = ((("state", "not_before"), False),)

    db.create_tables([Notice])

    class Outbox(Model):
        topic = CharField(max_length=64)
        key = CharField(max_length=128)
        version = IntegerField(default=1)
        created_at = UtcTimestamp()
        not_before = UtcTimestamp(index=True)
        attempts = IntegerField(default=0)
        last_error = TextField(null=True)
        dead_at = UtcTimestamp(null=True)

        class Meta:
            database = db
            table_name = "outbox"
            indexes = ((("topic", "key"), True),)

    db.create_tables([Outbox])

    class Post(Model):
        chat_id = IntegerField()
        message_id = BigIntegerField(null=True)
        origin_uid = CharField(null=True, max_length=64)
        posted_at = UtcTimestamp()
        edited_at = UtcTimestamp(null=True)
        album_id = CharField(null=True, max_length=64)
        media = CharField(max_length=16, default="text")
        text_length = IntegerField(null=True)
        text_hash = CharField(null=True, max_length=64)
        is_service = BooleanField(default=False)
        deleted_at = UtcTimestamp(null=True)

        class Meta:
            database = db
            table_name = "post"
            indexes = (
                (("chat_id", "message_id"), True),
                (("chat_id", "origin_uid"), True),
                (("chat_id", "posted_at"), False),
            )

    db.create_tables([Post])

    class PostStat(Model):
        feed_id = IntegerField()
        post_id = IntegerField()
        posted_at = UtcTimestamp()
        media = CharField(max_length=16)
        is_deleted = BooleanField(default=False)
        views = BigIntegerField(null=True)
        views_24h = BigIntegerField(null=True)
        reactions = BigIntegerField(null=True)
        er_ppm = BigIntegerField(null=True)
        step = IntegerField(default=0)
        source_id = IntegerField(null=True)
        observed_at = UtcTimestamp(null=True)
        readings = IntegerField(default=0)

        class Meta:
            database = db
            table_name = "post_stat"
            primary_key = CompositeKey("feed_id", "post_id")
            indexes = ((("feed_id", "posted_at"), False),)

    db.create_tables([PostStat])

    class PreviewWatch(Model):
        chat_id = IntegerField(primary_key=True)
        next_due_at = UtcTimestamp(index=True)
        before = BigIntegerField(null=True)
        state = CharField(max_length=16, default="ok")
        failures = IntegerField(default=0)
        last_ok_at = UtcTimestamp(null=True)
        last_error = TextField(null=True)

        class Meta:
            database = db
            table_name = "preview_watch"

    db.create_tables([PreviewWatch])

    class ReactionCount(Model):
        post_id = IntegerField()
        source_id = IntegerField()
        emoji = CharField(max_length=64)
        count = BigIntegerField()
        step = IntegerField(default=0)
        observed_at = UtcTimestamp()

        class Meta:
            database = db
            table_name = "reaction_count"
            primary_key = CompositeKey("post_id", "source_id", "emoji")

    db.create_tables([ReactionCount])

    class Reading(Model):
        post_id = IntegerField()
        observed_at = UtcTimestamp()
        source_id = IntegerField()
        views = BigIntegerField(null=True)
        reactions = BigIntegerField(null=True)
        step = IntegerField(default=0)
        flag = SmallIntegerField(default=0)

        class Meta:
            database = db
            table_name = "reading"
            primary_key = CompositeKey("post_id", "observed_at", "source_id")
            without_rowid = isinstance(db, SqliteDatabase)

    db.create_tables([Reading])

    class RollupCheck(Model):
        feed_id = IntegerField(null=True)
        started_at = UtcTimestamp()
        finished_at = UtcTimestamp()
        feeds = IntegerField()
        readings = BigIntegerField()
        differences = IntegerField()
        details = JsonText()

        class Meta:
            database = db
            table_name = "rollup_check"

    db.create_tables([RollupCheck])

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

    db.create_tables([SendBudget])

    class Source(Model):
        kind = CharField(max_length=24)
        workspace_id = BigIntegerField(default=0)
        name = CharField(max_length=160)
        is_on = BooleanField(default=True)
        created_at = UtcTimestamp()

        class Meta:
            database = db
            table_name = "source"
            indexes = ((("kind", "workspace_id", "name"), True),)

    db.create_tables([Source])

    class SubscriberHour(Model):
        feed_id = IntegerField()
        hour = IntegerField()
        value = BigIntegerField()
        step = IntegerField(default=0)
        source_id = IntegerField()
        observed_at = UtcTimestamp()

        class Meta:
            database = db
            table_name = "subscriber_hour"
            primary_key = CompositeKey("feed_id", "hour")
            without_rowid = isinstance(db, SqliteDatabase)

    db.create_tables([SubscriberHour])

    class SubscriberReading(Model):
        chat_id = IntegerField()
        observed_at = UtcTimestamp()
        source_id = IntegerField()
        value = BigIntegerField()
        step = IntegerField(default=0)

        class Meta:
            database = db
            table_name = "subscriber_reading"
            primary_key = CompositeKey("chat_id", "observed_at", "source_id")
            without_rowid = isinstance(db, SqliteDatabase)

    db.create_tables([SubscriberReading])

    class WorkflowRun(Model):
        topic = CharField(max_length=64)
        key = CharField(max_length=128)
        workflow_id = CharField(max_length=200)
        run_id = CharField(max_length=64)
        started_at = UtcTimestamp()

        class Meta:
            database = db
            table_name = "workflow_run"
            primary_key = CompositeKey("topic", "key")

    db.create_tables([WorkflowRun])

    class WorkspacePlan(Model):
        workspace = ForeignKeyField(Workspace, primary_key=True)
        plan = CharField(max_length=16)
        since = UtcTimestamp()

        class Meta:
            database = db
            table_name = "workspace_plan"

    db.create_tables([WorkspacePlan])


def down(migrator, db):
    migrator.migrate(migrator.drop_table("workspace_plan"))
    migrator.migrate(migrator.drop_table("workflow_run"))
    migrator.migrate(migrator.drop_table("subscriber_reading"))
    migrator.migrate(migrator.drop_table("subscriber_hour"))
    migrator.migrate(migrator.drop_table("source"))
    migrator.migrate(migrator.drop_table("send_budget"))
    migrator.migrate(migrator.drop_table("rollup_check"))
    migrator.migrate(migrator.drop_table("reading"))
    migrator.migrate(migrator.drop_table("reaction_count"))
    migrator.migrate(migrator.drop_table("preview_watch"))
    migrator.migrate(migrator.drop_table("post_stat"))
    migrator.migrate(migrator.drop_table("post"))
    migrator.migrate(migrator.drop_table("outbox"))
    migrator.migrate(migrator.drop_table("notice"))
    migrator.migrate(migrator.drop_table("membership"))
    migrator.migrate(migrator.drop_table("member_event"))
    migrator.migrate(migrator.drop_table("login_ticket"))
    migrator.migrate(migrator.drop_table("lease"))
    migrator.migrate(migrator.drop_table("launch"))
    migrator.migrate(migrator.drop_table("session"))
    migrator.migrate(migrator.drop_table("inbox"))
    migrator.migrate(migrator.drop_table("heartbeat"))
    migrator.migrate(migrator.drop_table("gauge"))
    migrator.migrate(migrator.drop_table("feed_stat"))
    migrator.migrate(migrator.drop_table("feed_hour"))
    migrator.migrate(migrator.drop_table("cursor"))
    migrator.migrate(migrator.drop_table("channel"))
    migrator.migrate(migrator.drop_table("feed"))
    migrator.migrate(migrator.drop_table("bot_rights"))
    migrator.migrate(migrator.drop_table("chat"))
    migrator.migrate(migrator.drop_table("bot"))
    migrator.migrate(migrator.drop_table("audit_entry"))
    migrator.migrate(migrator.drop_table("audit_anchor"))
    migrator.migrate(migrator.drop_table("api_key"))
    migrator.migrate(migrator.drop_table("user"))
    migrator.migrate(migrator.drop_table("workspace"))
