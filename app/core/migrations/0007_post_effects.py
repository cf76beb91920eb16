"""What posts did to the audience, and which sorts of posts reach more, as the jobs process computed it."""

from peewee import BigIntegerField, CharField, CompositeKey, DoubleField, IntegerField, Model

from app.core.db import UtcTimestamp


def up(migrator, db):
    class Table(Model):
        class Meta:
            database = db
            legacy_table_names = False

    class PostEffect(Table):
        bot_id = BigIntegerField()
        post_id = IntegerField()
        chat_id = IntegerField()
        posted_at = UtcTimestamp()
        until = UtcTimestamp()
        leaves = IntegerField()
        expected = DoubleField(null=True)
        p = DoubleField(null=True)
        q = DoubleField(null=True)
        method = CharField(max_length=16)
        events = IntegerField()
        observed_at = UtcTimestamp(null=True)
        computed_at = UtcTimestamp()

        class Meta:
            primary_key = CompositeKey("bot_id", "post_id")
            indexes = ((("bot_id", "chat_id", "posted_at"), False),)

    class ContentEffect(Table):
        channel_id = IntegerField()
        days = IntegerField()
        aspect = CharField(max_length=8)
        value = CharField(max_length=16)
        posts = IntegerField()
        rest = IntegerField()
        ratio = DoubleField(null=True)
        low = DoubleField(null=True)
        high = DoubleField(null=True)
        basis = CharField(max_length=12)
        sources = CharField(max_length=120)
        readings = IntegerField()
        observed_at = UtcTimestamp(null=True)
        computed_at = UtcTimestamp()

        class Meta:
            primary_key = CompositeKey("channel_id", "days", "aspect", "value")

    class EffectRun(Table):
        channel_id = IntegerField(primary_key=True)
        last_event_at = UtcTimestamp(null=True)
        causes_at = UtcTimestamp(null=True)
        mix_at = UtcTimestamp(null=True)

    db.create_tables([PostEffect, ContentEffect, EffectRun])


def down(migrator, db):
    migrator.migrate(*(migrator.drop_table(t) for t in ("effect_run", "content_effect", "post_effect")))
