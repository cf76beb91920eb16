"""Views at 24 hours say which readings they rest on; what a private source found deleted is its workspace's alone."""

from peewee import CompositeKey, IntegerField, Model, PostgresqlDatabase

from app.core.db import UtcTimestamp

_NEW = {
    "views_24h_step": IntegerField(default=0),
    "views_24h_source_id": IntegerField(null=True),
    "views_24h_at": UtcTimestamp(null=True),
}
# As app/readings/curves.py computes it: of readings at one moment the exact, then the larger one; then the readings that
# the curve's maximum comes from at the first moment of 24 hours or more (n_upto) and before it (n_before).
_FILL = """
WITH seen AS (
  SELECT s.feed_id, s.post_id, s.posted_at + {day} AS target, r.observed_at, r.views, r.step, r.source_id,
    ROW_NUMBER() OVER (PARTITION BY s.feed_id, s.post_id, r.observed_at
      ORDER BY CASE WHEN r.step = 0 THEN 0 ELSE 1 END, r.views DESC, r.source_id DESC) AS n
  FROM post_stat s JOIN feed f ON f.id = s.feed_id JOIN reading r ON r.post_id = s.post_id
  JOIN source o ON o.id = r.source_id AND o.workspace_id IN (0, f.workspace_id)
  WHERE s.views_24h IS NOT NULL AND r.views IS NOT NULL
), kept AS (
  SELECT seen.*, MIN(CASE WHEN observed_at >= target THEN observed_at END) OVER (PARTITION BY feed_id, post_id) AS upto
  FROM seen WHERE n = 1
), ranked AS (
  SELECT kept.*,
    ROW_NUMBER() OVER (PARTITION BY feed_id, post_id ORDER BY views DESC, observed_at DESC) AS n_upto,
    ROW_NUMBER() OVER (PARTITION BY feed_id, post_id
      ORDER BY CASE WHEN observed_at < upto THEN 0 ELSE 1 END, views DESC, observed_at DESC) AS n_before
  FROM kept WHERE observed_at <= upto
), told AS (
  SELECT later.feed_id, later.post_id, later.source_id, later.observed_at,
    CASE WHEN later.upto > later.target AND earlier.observed_at < earlier.upto AND earlier.step > later.step
      THEN earlier.step ELSE later.step END AS step
  FROM ranked later JOIN ranked earlier ON earlier.feed_id = later.feed_id AND earlier.post_id = later.post_id
    AND earlier.n_before = 1 WHERE later.n_upto = 1
)
UPDATE post_stat SET views_24h_step = told.step, views_24h_source_id = told.source_id, views_24h_at = told.observed_at
FROM told WHERE told.feed_id = post_stat.feed_id AND told.post_id = post_stat.post_id
"""
# What an older version drew over a longer line than curves.py does now is taken back.
_TAKE_BACK = """
WITH seen AS (
  SELECT s.feed_id, s.post_id, s.posted_at,
    MIN(CASE WHEN r.observed_at >= s.posted_at + {day} THEN r.observed_at END) AS later,
    MAX(CASE WHEN r.observed_at < s.posted_at + {day} THEN r.observed_at END) AS earlier
  FROM post_stat s JOIN feed f ON f.id = s.feed_id JOIN reading r ON r.post_id = s.post_id
  JOIN source o ON o.id = r.source_id AND o.workspace_id IN (0, f.workspace_id)
  WHERE s.views_24h IS NOT NULL AND r.views IS NOT NULL GROUP BY s.feed_id, s.post_id, s.posted_at
)
UPDATE post_stat SET views_24h = NULL, views_24h_step = 0, views_24h_source_id = NULL, views_24h_at = NULL
FROM seen WHERE seen.feed_id = post_stat.feed_id AND seen.post_id = post_stat.post_id
  AND seen.later > seen.posted_at + {tenth_more}
  AND (seen.earlier IS NULL OR seen.earlier < seen.posted_at + {half} OR seen.later > seen.posted_at + {double})
"""
_DAY_S = 86_400
_AGES = {"day": _DAY_S, "tenth_more": _DAY_S * 11 // 10, "half": _DAY_S // 2, "double": 2 * _DAY_S}


def up(migrator, db):
    migrator.migrate(*(migrator.add_column("post_stat", name, field) for name, field in _NEW.items()))

    class PrivateDeletion(Model):
        post_id = IntegerField()
        source_id = IntegerField()
        deleted_at = UtcTimestamp()

        class Meta:
            database = db
            table_name = "private_deletion"
            primary_key = CompositeKey("post_id", "source_id")

    db.create_tables([PrivateDeletion])
    is_postgres = isinstance(db, PostgresqlDatabase)
    ages = {name: f"INTERVAL '{s} seconds'" if is_postgres else str(1000 * s) for name, s in _AGES.items()}
    db.execute_sql(_FILL.format(**ages))
    db.execute_sql(_TAKE_BACK.format(**ages))


def down(migrator, db):
    migrator.migrate(migrator.drop_table("private_deletion"))
    migrator.migrate(*(migrator.drop_column("post_stat", name) for name in _NEW))
