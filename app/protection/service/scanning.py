"""One scan: read what is new in the watched channels, compare, open cases with evidence. Goes on where it stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from app.core import db
from app.core.errors import AppError
from app.protection.matching import Match, OwnPosts
from app.protection.models import OwnPrint, PrintWatch, TheftScan
from app.protection.pictures import PictureIndex, PicturePrint, print_of
from app.protection.service import cases, prints, scans
from app.protection.service.prints import Print
from app.protection.sources.base import FoundPost, PostSource

MOST_CHANNELS = 200
_MOST_PICTURES = 3


@dataclass(frozen=True, slots=True)
class Desk:
    """What a scan works with. `is_over` says that another turn shall go on."""

    source: PostSource
    data_dir: Path
    is_over: Callable[[], bool]


@dataclass(frozen=True, slots=True)
class _Public:
    """A channel that has a public page."""

    chat_id: int
    username: str


def advance(scan: TheftScan, desk: Desk, *, now: datetime) -> bool:
    """Go on with a scan that is running; True when it is at its end."""
    watched = _public(scan.workspace, "watched")
    for one in (*_public(scan.workspace, "owned"), *watched):
        if _is_read(one, scan):
            continue
        if desk.is_over():
            return False
        prints.refresh_seen(one.chat_id, one.username, desk.source, now=now)
    return _compare(scan, watched, desk, now=now)


def _public(workspace_id: int, relation: str) -> list[_Public]:
    rows = db.rows(
        "SELECT DISTINCT c.chat_id, t.username FROM channel c JOIN chat t ON t.id = c.chat_id WHERE c.workspace_id = ?"
        " AND c.relation = ? AND c.deleted_at IS NULL AND t.username IS NOT NULL ORDER BY c.chat_id LIMIT ?",
        *(workspace_id, relation, MOST_CHANNELS),
    )
    return [_Public(*row) for row in rows]


def _is_read(one: _Public, scan: TheftScan) -> bool:
    watch = PrintWatch.get_or_none(PrintWatch.chat_id == one.chat_id)
    return watch is not None and watch.read_at >= scan.started_at


def _compare(scan: TheftScan, watched: list[_Public], desk: Desk, *, now: datetime) -> bool:
    prints.refresh_own(scan.workspace, data_dir=desk.data_dir, now=now)
    own = prints.own_prints(scan.workspace, now=now)
    posts, by_key, found_posts = OwnPosts(own), {post.key: post for post in own}, 0
    for one in watched:
        seen = prints.seen_prints(one.chat_id, now=now)
        found_posts += len(seen)
        for found, match in _new_matches(scan.workspace, posts, seen):
            if _opened_since(scan) >= scans.MOST_CASES:
                break
            if desk.is_over():
                return False
            _open(scan.workspace, one, found, (by_key[match.own], match), desk, now=now)
    read = sum(_was_read(one) for one in watched)
    scans.finish(scan, (read, len(own), found_posts, _opened_since(scan)), now=now)
    return True


def _new_matches(workspace_id: int, posts: OwnPosts, seen: list[Print]) -> Iterator[tuple[Print, Match]]:
    for found in seen:
        for match in posts.copied_by(found):
            if not cases.is_known(workspace_id, match.own, found.chat_id, found.key):
                yield found, match


def _opened_since(scan: TheftScan) -> int:
    (count,) = db.row(
        "SELECT COUNT(*) FROM theft_case WHERE workspace_id = ? AND opened_at >= ?",
        *(scan.workspace, db.stamp(scan.started_at)),
    ) or (0,)
    return int(count)


def _was_read(one: _Public) -> bool:
    watch = PrintWatch.get_or_none(PrintWatch.chat_id == one.chat_id)
    return watch is not None and watch.error is None


def _open(
    workspace_id: int, one: _Public, found: Print, copied: tuple[Print, Match], desk: Desk, *, now: datetime
) -> None:
    """The evidence is taken now, from where anybody can see it; a copy that is gone meanwhile leaves a case without."""
    own, match = copied
    post = _post_now(one, found.key, desk.source)
    row = OwnPrint.get(OwnPrint.workspace == workspace_id, OwnPrint.post_id == own.key)
    finding = cases.Finding(
        post_id=own.key,
        chat_id=one.chat_id,
        message_id=found.key,
        posted_at=found.posted_at,
        score=match.score,
        distance=match.distance,
        text=(post.text or None) if post else None,
        picture=_picture_like(own.pictures, post, desk.source) if post else None,
        own_sha256=row.files[0] if row.files else None,
    )
    cases.open_case(workspace_id, finding, data_dir=desk.data_dir, now=now)


def _post_now(one: _Public, message_id: int, source: PostSource) -> FoundPost | None:
    try:
        page = source.page(one.username, before=message_id + 1)
    except AppError:
        return None
    return next((post for post in page.posts if post.message_id == message_id), None)


def _picture_like(own: Sequence[PicturePrint], post: FoundPost, source: PostSource) -> bytes | None:
    """Of the copy's pictures the one that is most like an own one; the first where none is."""
    index, best, least = PictureIndex(own), None, 129
    for address in post.pictures[:_MOST_PICTURES]:
        data = source.picture(address)
        image = prints.picture_of(data) if data else None
        found = print_of(image) if image else None
        matches = index.matches(found, most=128) if found else []
        distance = matches[0].distance if matches else 128
        if data and distance < least:
            best, least = data, distance
    return best
