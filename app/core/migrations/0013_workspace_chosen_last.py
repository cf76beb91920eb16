"""When a person last chose a workspace among several."""

from app.core.db import UtcTimestamp


def up(migrator, db):
    migrator.migrate(migrator.add_column("membership", "chosen_at", UtcTimestamp(null=True)))


def down(migrator, db):
    migrator.migrate(migrator.drop_column("membership", "chosen_at"))
