"""A message that no public source told of is a row of its own for each workspace that brought it."""

from peewee import BigIntegerField, CompositeKey, IntegerField, Model

from app.core.db import UtcTimestamp

_KEYS = ("message_id", "origin_uid")
_COPIED = "chat_id, message_id, origin_uid, posted_at, edited_at, album_id, media, text_length, text_hash, is_service"
# Posts with readings of private sources and with nothing that a public one told: no reading, no reaction, no text, no
# empty place on a page. A row without any reading stays public: who told of it is not known.
_TELLERS = """
SELECT r.post_id, s.workspace_id, MIN(r.observed_at) AS told_at
FROM reading r JOIN source s ON s.id = r.source_id JOIN post p ON p.id = r.post_id
WHERE s.workspace_id <> 0 AND p.missing_since IS NULL AND p.deleted_at IS NULL
  AND NOT EXISTS (SELECT 1 FROM post_version v WHERE v.post_id = p.id)
  AND NOT EXISTS (SELECT 1 FROM reading r2 JOIN source s2 ON s2.id = r2.source_id
    WHERE r2.post_id = p.id AND s2.workspace_id = 0)
  AND NOT EXISTS (SELECT 1 FROM reaction_count c JOIN source s3 ON s3.id = c.source_id
    WHERE c.post_id = p.id AND s3.workspace_id = 0)
GROUP BY r.post_id, s.workspace_id ORDER BY r.post_id, told_at, s.workspace_id
"""


def up(migrator, db):
    migrator.migrate(migrator.add_column("post", "private_to", BigIntegerField(default=0)))
    _key_albums(migrator, db, is_private=True)
    for key in _KEYS:
        migrator.migrate(
            migrator.drop_index("post", f"post_chat_id_{key}"),
            migrator.add_index("post", ("chat_id", key, "private_to"), True),
        )
    owners = {}
    for post_id, workspace_id, _ in db.execute_sql(_TELLERS).fetchall():
        owners.setdefault(int(post_id), []).append(int(workspace_id))
    for post_id, (first, *others) in owners.items():
        for workspace_id in others:
            _split(db, post_id, workspace_id)
        db.execute_sql(f"UPDATE post SET private_to = {first} WHERE id = {post_id}")
        db.execute_sql(f"UPDATE album_item SET private_to = {first} WHERE post_id = {post_id}")
        db.execute_sql(f"DELETE FROM post_effect WHERE post_id = {post_id}")  # computed anew within a day


def _split(db, post_id, workspace_id):
    """A row of its own for one more workspace that told of the post, with what that workspace told of it."""
    db.execute_sql(
        f"INSERT INTO post ({_COPIED}, private_to) SELECT {_COPIED}, {workspace_id} FROM post WHERE id = {post_id}"
    )
    ((own,),) = db.execute_sql("SELECT MAX(id) FROM post").fetchall()
    theirs = f"source_id IN (SELECT id FROM source WHERE workspace_id = {workspace_id})"
    for table in ("reading", "reaction_count", "private_deletion"):
        db.execute_sql(f"UPDATE {table} SET post_id = {own} WHERE post_id = {post_id} AND {theirs}")
    db.execute_sql(
        f"UPDATE post_stat SET post_id = {own} WHERE post_id = {post_id}"
        f" AND feed_id IN (SELECT id FROM feed WHERE workspace_id = {workspace_id})"
    )
    db.execute_sql(
        "INSERT INTO album_item (chat_id, message_id, post_id, edited_at, private_to)"
        f" SELECT chat_id, message_id, {own}, edited_at, {workspace_id} FROM album_item WHERE post_id = {post_id}"
    )


def _key_albums(migrator, db, *, is_private):
    """The table of albums' messages with another key: SQLite changes no key of a table that is there."""

    class AlbumItemNew(Model):
        chat_id = IntegerField()
        message_id = BigIntegerField()
        if is_private:
            private_to = BigIntegerField(default=0)
        post_id = IntegerField()
        edited_at = UtcTimestamp(null=True)

        class Meta:
            database = db
            table_name = "album_item_new"
            primary_key = CompositeKey("chat_id", "message_id", *(["private_to"] if is_private else []))

    kept = "chat_id, message_id, post_id, edited_at"
    into, value = (f"{kept}, private_to", f"{kept}, 0") if is_private else (kept, kept)
    db.create_tables([AlbumItemNew])
    db.execute_sql(f"INSERT INTO album_item_new ({into}) SELECT {value} FROM album_item")
    migrator.migrate(
        migrator.drop_table("album_item"),
        migrator.rename_table("album_item_new", "album_item"),
        migrator.add_index("album_item", ("post_id",), False),
    )


def down(migrator, db):
    """What private sources told of is no row of its own any more: it goes, since a shared row must not say it."""
    private = "IN (SELECT id FROM post WHERE private_to <> 0)"
    for table in ("reading", "reaction_count", "private_deletion", "post_stat", "post_version", "album_item"):
        db.execute_sql(f"DELETE FROM {table} WHERE post_id {private}")
    db.execute_sql("DELETE FROM album_item WHERE private_to <> 0")
    db.execute_sql("DELETE FROM post WHERE private_to <> 0")
    for key in _KEYS:
        migrator.migrate(
            migrator.drop_index("post", f"post_chat_id_{key}_private_to"),
            migrator.add_index("post", ("chat_id", key), True),
        )
    migrator.migrate(migrator.drop_column("post", "private_to"))
    _key_albums(migrator, db, is_private=False)
