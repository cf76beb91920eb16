"""One scan: read what is new in the watched channels, compare, open cases with evidence. Goes on where it stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from app.core import db
from app.core.errors import AppError
from app.protection.matching import Match, OwnPosts
from app.protection.models import OwnPrint, TheftScan
from app.protection.pictures import PictureIndex, PicturePrint, print_of
from app.protection.service import cases, prints, public_posts, scans
from app.protection.service.prints import Print
from app.protection.service.public_posts import Public, Turn
from app.protection.sources.base import FoundPost, PostSource

MOST_CHANNELS = 200
_MOST_PICTURES = 3


@dataclass(frozen=True, slots=True)
class Desk:
    """What a scan works with. `is_over` says that another turn shall go on."""

    source: PostSource
    data_dir: Path
    is_over: Callable[[], bool]


def advance(scan: TheftScan, desk: Desk, *, now: datetime) -> bool:
    """Go on with a scan that is running; True when it is at its end."""
    watched = _public(scan.workspace, "watched")
    channels = (*_public(scan.workspace, "owned"), *watched)
    turn = Turn(desk.source, scan.started_at, public_posts.most_pages(len(channels)), desk.is_over)
    for one in channels:
        if public_posts.is_read(one, since=turn.since, pages=turn.pages):
            continue
        if desk.is_over() or not public_posts.refresh(one, turn, now=now):
            return False
    return _compare(scan, watched, desk, now=now)


def _public(workspace_id: int, relation: str) -> list[Public]:
    rows = db.rows(
        "SELECT DISTINCT c.chat_id, t.username FROM channel c JOIN chat t ON t.id = c.chat_id WHERE c.workspace_id = ?"
        " AND c.relation = ? AND c.deleted_at IS NULL AND t.username IS NOT NULL ORDER BY c.chat_id LIMIT ?",
        *(workspace_id, relation, MOST_CHANNELS),
    )
    return [Public(*row) for row in rows]


def _compare(scan: TheftScan, watched: list[Public], desk: Desk, *, now: datetime) -> bool:
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
    read = sum(public_posts.was_read(one) for one in watched)
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


def _open(
    workspace_id: int, one: Public, found: Print, copied: tuple[Print, Match], desk: Desk, *, now: datetime
) -> None:
    """The evidence is taken now, from where anybody can see it; a copy that is gone meanwhile leaves a case without."""
    own, match = copied
    post = _post_now(one, found.key, desk.source)
    finding = cases.Finding(
        post_id=own.key,
        chat_id=one.chat_id,
        message_id=found.key,
        posted_at=found.posted_at,
        score=match.score,
        distance=match.distance,
        text=(post.text or None) if post else None,
        picture=_picture_like(_copied(own, match), post, desk.source) if post else None,
        own_sha256=_own_file(workspace_id, own, match),
    )
    cases.open_case(workspace_id, finding, data_dir=desk.data_dir, now=now)


def _copied(own: Print, match: Match) -> Sequence[PicturePrint]:
    """The own picture that was copied; all of them where the words were."""
    return own.pictures if match.picture is None else own.pictures[match.picture : match.picture + 1]


def _own_file(workspace_id: int, own: Print, match: Match) -> str | None:
    """SHA-256 of the own picture that was copied, the post's first one where the words were; None without its bytes."""
    if match.picture is not None:
        return own.files[match.picture] if own.files else None
    files = OwnPrint.get(OwnPrint.workspace == workspace_id, OwnPrint.post_id == own.key).files
    return files[0] if files else None


def _post_now(one: Public, message_id: int, source: PostSource) -> FoundPost | None:
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
