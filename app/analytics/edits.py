"""What a post said over time: its versions as stored, and what each changed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from difflib import SequenceMatcher

from app.analytics.pages import DiffPart, PostEdit
from app.core import db

MOST_SHOWN = 20  # the newest; a diff of two whole posts takes some milliseconds


@dataclass(frozen=True, slots=True)
class Version:
    """What a message of a post said since `at` (`is_by`: seen by then). `text` None: only its hash is kept."""

    message_id: int | None
    at: datetime
    is_by: bool
    text_hash: str | None
    text_length: int | None
    text: str | None
    source: str | None


def versions_of(post_id: int, workspace_id: int) -> list[list[Version]]:
    """The versions of each message of a post, oldest first, told by sources that this workspace may see.

    What equals the version before it is none: Telegram also tells of edits to things we do not keep.
    """
    found = db.rows(
        "SELECT v.message_id, v.edited_at, v.seen_at, v.number, v.text_hash, v.text_length, v.text, s.kind"
        " FROM post_version v LEFT JOIN source s ON s.id = v.source_id WHERE v.post_id = ?"
        " AND (v.source_id IS NULL OR s.workspace_id IN (0, ?)) ORDER BY v.message_id,"
        " CASE WHEN v.edited_at IS NULL THEN 0 ELSE 1 END, v.edited_at, v.number, v.id",
        *(post_id, workspace_id),
    )
    by_message: dict[int | None, list[Version]] = {}
    for message_id, edited_at, seen_at, _, text_hash, length, text, kind in found:
        at = db.moment(edited_at or seen_at)
        version = Version(message_id, at, edited_at is None, text_hash, length, text, kind)
        _append(by_message.setdefault(message_id, []), version)
    return list(by_message.values())


def _append(versions: list[Version], version: Version) -> None:
    """Add a version that says something else than the last; one that says the same may know the text of it."""
    if not versions or versions[-1].text_hash != version.text_hash:
        versions.append(version)
    elif versions[-1].text is None and version.text is not None:
        versions[-1] = replace(versions[-1], text=version.text)


def edits_of(post_id: int, workspace_id: int, *, shows_text: bool) -> tuple[PostEdit, ...]:
    """The changes of a post's text, newest first. `shows_text`: only to the workspace whose channel it is."""
    changes = [
        (before, after)
        for versions in versions_of(post_id, workspace_id)
        for before, after in zip(versions, versions[1:], strict=False)
    ]
    newest = sorted(changes, key=lambda change: change[1].at, reverse=True)
    return tuple(_edit(before, after, shows_text and n < MOST_SHOWN) for n, (before, after) in enumerate(newest))


def _edit(before: Version, after: Version, shows_text: bool) -> PostEdit:
    known = shows_text and before.text is not None and after.text is not None
    parts = diff(before.text or "", after.text or "") if known else ()
    return PostEdit(after.at, after.is_by, before.text_length, after.text_length, parts, after.source)


def diff(before: str, after: str) -> tuple[DiffPart, ...]:
    """What changed, word by word. The parts that are not "added" make `before`, those not "removed" make `after`."""
    return tuple(_joined(list(_parts(_words(before), _words(after)))))


def _words(text: str) -> list[str]:
    return re.findall(r"\s+|[^\s]+", text)


def _parts(old: Sequence[str], new: Sequence[str]) -> Iterator[DiffPart]:
    for op, i, j, k, m in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if op == "equal":
            yield DiffPart("same", "".join(old[i:j]))
            continue
        if i < j:
            yield DiffPart("removed", "".join(old[i:j]))
        if k < m:
            yield DiffPart("added", "".join(new[k:m]))


def _joined(parts: Sequence[DiffPart]) -> Iterator[DiffPart]:
    """Two words changed in a row read as one change: the space between them goes with them."""
    removed = added = ""
    for n, part in enumerate(parts):
        is_gap = part.op == "same" and not part.text.strip() and 0 < n < len(parts) - 1 and (removed or added)
        removed += part.text if part.op == "removed" or is_gap else ""
        added += part.text if part.op == "added" or is_gap else ""
        if part.op == "same" and not is_gap:
            yield from _change(removed, added)
            removed = added = ""
            yield part
    yield from _change(removed, added)


def _change(removed: str, added: str) -> Iterator[DiffPart]:
    if removed:
        yield DiffPart("removed", removed)
    if added:
        yield DiffPart("added", added)
