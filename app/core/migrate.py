"""Bringing a database to the present schema, and asking how far it is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from peewee import OperationalError, ProgrammingError
from playhouse.migrations import Runner
from playhouse.schema_diff import diff_models

from app.core.db import Table, database

MIGRATIONS = Path(__file__).parent / "migrations"


def _runner() -> Runner:
    return Runner(database.obj, str(MIGRATIONS))


def up() -> list[str]:
    """Apply what is pending, each in a transaction; returns the names applied."""
    return list(_runner().up())


def pending() -> list[str]:
    """Names not applied yet. Raises the driver's error when the database does not answer."""
    return [m.name for m in _runner().status() if not m.applied]


def is_at_head() -> bool:
    try:
        return not pending()
    except (OperationalError, ProgrammingError):
        return False


def difference(tables: Sequence[type[Table]]) -> str:
    """What separates the migrated schema from the models, as text; empty when nothing does."""
    found = diff_models(database.obj, tables)
    return str(found) if found else ""
