"""Refunds that a desk asked for before it noted so: of those that were refused nobody knows whether an earlier question,
whose answer was lost, moved the money. They stay for somebody to settle, and are not offered as credit."""


def up(migrator, db):
    db.execute_sql(
        "UPDATE refund SET state = 'asked' WHERE state = 'due' AND EXISTS (SELECT 1 FROM difference d JOIN payment p"
        " ON p.gateway = d.gateway WHERE p.id = refund.payment_id AND d.kind = 'refund'"
        " AND d.reference = 'refund:' || refund.id)"
    )


def down(migrator, db):
    db.execute_sql("UPDATE refund SET state = 'due' WHERE state = 'asked'")
