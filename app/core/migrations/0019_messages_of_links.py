"""Which message carries a counted link, so that its clicks stand beside the message's views."""

from peewee import BigIntegerField


def up(migrator, db):
    migrator.migrate(
        migrator.add_column("tracked_link", "message_id", BigIntegerField(null=True)),
        migrator.add_index("tracked_link", ("channel_id", "message_id")),
    )
    # buttons stand under a post's last message; of a post that was sent once more the first sending counts
    db.execute_sql(
        "UPDATE tracked_link SET message_id = (SELECT m.message_id FROM delivery d JOIN post_target t ON t.id = d.target_id"
        " JOIN delivery_message m ON m.delivery_id = d.id WHERE d.post_id = tracked_link.post_id"
        " AND t.channel_id = tracked_link.channel_id AND d.slot = 0 AND d.state = 'sent'"
        " ORDER BY d.part DESC, m.number LIMIT 1) WHERE post_id IS NOT NULL AND channel_id IS NOT NULL"
    )


def down(migrator, db):
    migrator.migrate(
        migrator.drop_index("tracked_link", "tracked_link_channel_id_message_id"),
        migrator.drop_column("tracked_link", "message_id"),
    )
