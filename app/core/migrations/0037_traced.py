"""Channels whose pictures carry an invisible mark of their own."""

from peewee import BooleanField


def up(migrator, db):
    migrator.migrate(migrator.add_column("posting_settings", "is_traced", BooleanField(default=False)))


def down(migrator, db):
    migrator.migrate(migrator.drop_column("posting_settings", "is_traced"))
