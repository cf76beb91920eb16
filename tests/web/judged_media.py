"""Pages of files before the judge: sizes, names and sums are those of rows."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from tests.web.raw import Ask

# what no row says
_NO_FACT = (r"At most \d+ MB each", r"for \d+ days", "SHA-256")


@dataclass(frozen=True)
class MediaFacts:
    """What the rows of a workspace's files bear out, as pages write it."""

    said: tuple[str, ...] = ()

    def left_of(self, text: str) -> str:
        """What no row bears out of a text that stands in a page of files."""
        for known in self.said:
            text = text.replace(known, "")
        for pattern in _NO_FACT:
            text = re.sub(pattern, "", text)
        return text


def media_facts(ask: Ask, workspace_id: int) -> MediaFacts:
    """Read off the raw rows, with nothing of the product's."""
    said = set(_told(ask, workspace_id))
    return MediaFacts(tuple(sorted(said, key=len, reverse=True)))


def _told(ask: Ask, workspace_id: int) -> Iterable[str]:
    total = 0
    mine = f"WHERE workspace_id = {workspace_id} AND deleted_at IS NULL AND origin_id IS NULL"
    for name, tags, size, sha256, width, height in ask(
        f"SELECT name, tags, size, sha256, width, height FROM media_file {mine}"
    ):
        total += size
        yield from (name, sha256, _size(size), *filter(None, tags.split("|")))
        if width:
            yield f"{width:,} × {height:,}"
    for name, size, received, state in ask(
        f"SELECT name, size, received, state FROM media_upload WHERE workspace_id = {workspace_id}"
    ):
        total += size if state == "open" else 0
        yield from (name, _size(size), _size(received))
    (limit,) = ask(
        "SELECT amount FROM plan_limit WHERE key = 'media_mb' AND plan_id = COALESCE((SELECT plan FROM workspace_plan"
        f" WHERE workspace_id = {workspace_id}), 'free')"
    )[0]
    yield f"{-(-total // 1_000_000):,} of {int(limit):,} MB"


def _size(size: int) -> str:
    megabytes = f"{size / 1_000_000:,.1f}".removesuffix(".0")
    return f"{-(-size // 1000):,} KB" if size < 1_000_000 else f"{megabytes} MB"
