"""What is booked or issued stays as it is, whoever writes: ledger, revenue, history, numbered invoices, credit notes."""

from peewee import PostgresqlDatabase

_STAYS = ("ledger_entry", "ledger_posting", "mrr_movement", "subscription_event", "credit_note")
_OF_INVOICE = (
    *("public_id", "workspace_id", "account_id", "subscription_id", "period_index", "period_start", "period_end"),
    *("series", "number", "currency", "total_minor", "tax_minor", "tax_rate_bp", "created_at", "finalised_at"),
)
_IS_NUMBERED = "OLD.number IS NOT NULL"
_OF_NUMBERED = "(SELECT number FROM invoice WHERE id = OLD.invoice_id) IS NOT NULL"


def _guards(differs):
    """(table, act, condition): what is refused. State, payment and the buyer's name of an invoice may change."""
    changed = " OR ".join(f"NEW.{name} {differs} OLD.{name}" for name in _OF_INVOICE)
    for table in _STAYS:
        yield table, "UPDATE", "1 = 1"
        yield table, "DELETE", "1 = 1"
    yield "invoice", "UPDATE", f"{_IS_NUMBERED} AND ({changed})"
    yield "invoice", "DELETE", _IS_NUMBERED
    yield "invoice_line", "UPDATE", _OF_NUMBERED
    yield "invoice_line", "DELETE", _OF_NUMBERED


def _name(table, act):
    return f"{table}_stays_{act.lower()}"


def up(migrator, db):
    if isinstance(db, PostgresqlDatabase):
        for table, act, condition in _guards("IS DISTINCT FROM"):
            body = f"IF {condition} THEN RAISE EXCEPTION 'rows of {table} stay as they are'; END IF;"
            kept = "RETURN NEW;" if act == "UPDATE" else "RETURN OLD;"
            name = _name(table, act)
            db.execute_sql(
                f"CREATE FUNCTION {name}() RETURNS trigger AS $$ BEGIN {body} {kept} END $$ LANGUAGE plpgsql"
            )
            db.execute_sql(f"CREATE TRIGGER {name} BEFORE {act} ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()")
        return
    for table, act, condition in _guards("IS NOT"):
        db.execute_sql(
            f"CREATE TRIGGER {_name(table, act)} BEFORE {act} ON {table} WHEN {condition}"
            f" BEGIN SELECT RAISE(ABORT, 'rows of {table} stay as they are'); END"
        )


def down(migrator, db):
    for table, act, _ in _guards("IS NOT"):
        if isinstance(db, PostgresqlDatabase):
            db.execute_sql(f"DROP TRIGGER {_name(table, act)} ON {table}")
            db.execute_sql(f"DROP FUNCTION {_name(table, act)}()")
        else:
            db.execute_sql(f"DROP TRIGGER {_name(table, act)}")
