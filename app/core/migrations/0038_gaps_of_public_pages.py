"""What of a channel's public posts no scan has come to yet. All of the last month is read back once more: what busy
channels posted between two scans was passed over before."""

from peewee import BigIntegerField, IntegerField

from app.core import db as core
from app.core.db import UtcTimestamp

_NEW = {
    "gap_from": BigIntegerField(null=True),
    "gap_to": BigIntegerField(null=True),
    "gap_at": UtcTimestamp(null=True),
    "pages": IntegerField(default=0),
}


def up(migrator, db):
    migrator.migrate(*(migrator.add_column("print_watch", name, field) for name, field in _NEW.items()))
    core.execute("UPDATE print_watch SET newest_id = NULL")


def down(migrator, db):
    migrator.migrate(*(migrator.drop_column("print_watch", name) for name in _NEW))
