"""Rates of exchange, day by day; what was told stays, and a later row corrects it."""

from peewee import AutoField, BigIntegerField, CharField, DateField, IntegerField, Model, PostgresqlDatabase

from app.core.db import UtcTimestamp

_ACTS = ("UPDATE", "DELETE")


def up(migrator, db):
    class ExchangeRate(Model):
        id = AutoField()
        currency = CharField(max_length=3)
        day = DateField()
        nominal = IntegerField()
        uzs_micro = BigIntegerField(null=True)
        source = CharField(max_length=16)
        fetched_at = UtcTimestamp()

        class Meta:
            database = db
            legacy_table_names = False
            indexes = ((("day", "currency"), False),)

    db.create_tables([ExchangeRate])
    for act in _ACTS:
        name = f"exchange_rate_stays_{act.lower()}"
        if isinstance(db, PostgresqlDatabase):
            db.execute_sql(
                f"CREATE FUNCTION {name}() RETURNS trigger AS $$ BEGIN"
                " RAISE EXCEPTION 'rows of exchange_rate stay as they are'; END $$ LANGUAGE plpgsql"
            )
            db.execute_sql(
                f"CREATE TRIGGER {name} BEFORE {act} ON exchange_rate FOR EACH ROW EXECUTE FUNCTION {name}()"
            )
        else:
            db.execute_sql(
                f"CREATE TRIGGER {name} BEFORE {act} ON exchange_rate"
                " BEGIN SELECT RAISE(ABORT, 'rows of exchange_rate stay as they are'); END"
            )


def down(migrator, db):
    migrator.migrate(migrator.drop_table("exchange_rate"))
    if isinstance(db, PostgresqlDatabase):
        for act in _ACTS:
            db.execute_sql(f"DROP FUNCTION exchange_rate_stays_{act.lower()}()")
