"""Work on files that a post waits for, which nobody calls off who only tried it."""

from peewee import BooleanField


def up(migrator, db):
    migrator.migrate(migrator.add_column("media_job", "is_needed", BooleanField(default=False)))
    db.execute_sql("UPDATE media_job SET is_needed = TRUE WHERE id IN (SELECT job_id FROM target_work)")


def down(migrator, db):
    migrator.migrate(migrator.drop_column("media_job", "is_needed"))
