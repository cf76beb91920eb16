"""Tenant rows: a query that forgets the workspace raises instead of answering."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from peewee import Expression, ModelDelete, ModelSelect, ModelUpdate, Node

from app.core.db import Table

_unscoped: ContextVar[str | None] = ContextVar("unscoped", default=None)


class ScopeError(Exception):
    """A query on tenant rows without its workspace: a defect of ours, never a person's."""


@contextmanager
def unscoped(reason: str) -> Iterator[None]:
    """Allow queries across workspaces for a stated reason (retention, dispatch, a SuperAdmin's page)."""
    if not reason:
        raise ValueError("say why the workspace may be left out")
    token = _unscoped.set(reason)
    try:
        yield
    finally:
        _unscoped.reset(token)


def _mentions(node: Any, column: Any) -> bool:
    if node is column:
        return True
    if isinstance(node, Expression):
        return _mentions(node.lhs, column) or _mentions(node.rhs, column)
    return False


class _Guarded:
    model: Any
    _where: Node | None

    def _check_scope(self) -> None:
        if _unscoped.get() is None and not _mentions(self._where, self.model._meta.fields["workspace"]):
            raise ScopeError(f"query on {self.model.__name__} without its workspace")

    def _execute(self, database: Any) -> Any:
        self._check_scope()
        return super()._execute(database)  # type: ignore[misc]

    def count(self, *args: Any, **kwargs: Any) -> Any:
        self._check_scope()
        return super().count(*args, **kwargs)  # type: ignore[misc]

    def exists(self, *args: Any, **kwargs: Any) -> Any:
        self._check_scope()
        return super().exists(*args, **kwargs)  # type: ignore[misc]


class _Select(_Guarded, ModelSelect):  # type: ignore[misc]
    pass


class _Update(_Guarded, ModelUpdate):  # type: ignore[misc]
    pass


class _Delete(_Guarded, ModelDelete):  # type: ignore[misc]
    pass


class TenantTable(Table):
    """A table whose rows belong to a workspace; the model declares the field `workspace`."""

    workspace: Any

    @classmethod
    def select(cls, *fields: Any) -> Any:
        return _Select(cls, fields or cls._meta.sorted_fields, is_default=not fields)

    @classmethod
    def update(cls, __data: Any = None, **update: Any) -> Any:
        return _Update(cls, cls._normalize_data(__data, update))  # type: ignore[attr-defined]

    @classmethod
    def delete(cls) -> Any:
        return _Delete(cls)

    def _pk_expr(self) -> Any:
        mine = type(self)._meta.fields["workspace"] == self.workspace
        return super()._pk_expr() & mine  # type: ignore[misc]
