"""A plan that is paid for ahead begins with its own period."""

from app.core.db import UtcTimestamp


def up(migrator, db):
    migrator.migrate(migrator.add_column("subscription", "switch_at", UtcTimestamp(null=True)))


def down(migrator, db):
    migrator.migrate(migrator.drop_column("subscription", "switch_at"))
