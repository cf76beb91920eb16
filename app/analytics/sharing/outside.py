"""A page as a stranger sees it: the same numbers; addresses that stay within the link; nothing that is the owner's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

Page = TypeVar("Page")
Move = Callable[[str], str]
# What a page may hold for its owner alone: checklists, files, doors to other pages. Those that are not there are skipped.
_INSIDE = {"rights": None, "csv_url": "", "days_csv_url": "", "connect_url": "", "problems": (), "is_demo": False}
_INSIDE |= {"annotations": ()}  # what somebody noted down for the team


def seen_from_outside(page: Page, *, inside: str, outside: str) -> Page:
    """A copy of a page model whose addresses under `inside` lead to `outside`; all others are gone."""

    def move(url: str) -> str:
        rest = url.removeprefix(inside)
        return outside + rest if rest != url and rest[:1] in ("", "/", "?") else ""

    return _moved(_without_inside(page), move)


def _without_inside(page: Any) -> Any:
    names = {field.name for field in fields(page)}
    bare = {name: value for name, value in _INSIDE.items() if name in names}
    if "edits" in names:  # that a post was edited is seen; what it said before is the channel's own
        bare["edits"] = tuple(replace(edit, parts=()) for edit in page.edits)
    return replace(page, **bare)


def _moved(value: Any, move: Move, name: str = "") -> Any:
    if isinstance(value, str):
        return move(value) if _is_address(name) and value else value
    if is_dataclass(value) and not isinstance(value, type):
        changes = {f.name: _moved(getattr(value, f.name), move, f.name) for f in fields(value)}
        return replace(value, **changes)
    if isinstance(value, tuple):
        return tuple(_moved(item, move, name) for item in value)
    if isinstance(value, dict):
        return {key: _moved(item, move, name) for key, item in value.items()}
    return value


def _is_address(name: str) -> bool:
    """Addresses on Telegram stay as they are."""
    return name != "telegram_url" and (name == "url" or name.endswith(("_url", "_urls")))
