"""Reactions of a post can come from another reading than its views: they get their own source, rounding and time."""

from peewee import IntegerField

from app.core.db import UtcTimestamp

_LATEST = (
    "SELECT r.{column} FROM reading r JOIN feed f ON f.id = post_stat.feed_id"
    " JOIN source s ON s.id = r.source_id AND s.workspace_id IN (0, f.workspace_id)"
    " WHERE r.post_id = post_stat.post_id AND r.reactions IS NOT NULL ORDER BY r.observed_at DESC,"
    " CASE WHEN r.step = 0 THEN 1 ELSE 0 END DESC, r.reactions DESC, r.source_id DESC LIMIT 1"
)


def up(migrator, db):
    migrator.migrate(
        migrator.add_column("post_stat", "reactions_step", IntegerField(default=0)),
        migrator.add_column("post_stat", "reactions_source_id", IntegerField(null=True)),
        migrator.add_column("post_stat", "reactions_at", UtcTimestamp(null=True)),
    )
    step, source, at = (_LATEST.format(column=name) for name in ("step", "source_id", "observed_at"))
    db.execute_sql(
        f"UPDATE post_stat SET reactions_step = ({step}), reactions_source_id = ({source}), reactions_at = ({at})"
        " WHERE reactions IS NOT NULL"
    )
