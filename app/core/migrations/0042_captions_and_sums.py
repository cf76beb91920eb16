"""Which of an archived album's messages has which words: they move from one to another. Files are found by their SHA-256,
whosever they are, before bytes are deleted; and what moves says through how many frames."""

from peewee import IntegerField

from app.core.db import JsonText


def up(migrator, db):
    migrator.migrate(
        migrator.add_column("archived_post", "captions", JsonText(null=True)),
        migrator.add_index("media_file", ("sha256",), False),
        migrator.add_column("media_file", "frames", IntegerField(null=True)),
    )


def down(migrator, db):
    migrator.migrate(
        migrator.drop_column("media_file", "frames"),
        migrator.drop_index("media_file", "media_file_sha256"),
        migrator.drop_column("archived_post", "captions"),
    )
