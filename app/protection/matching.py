"""Which found posts copy which own ones. Pure: prints in, pairs out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from app.protection.pictures import PictureIndex, PicturePrint
from app.protection.texts import TextIndex


class Printed(Protocol):
    """What is compared of a post."""

    @property
    def key(self) -> int: ...
    @property
    def posted_at(self) -> datetime: ...
    @property
    def numbers(self) -> frozenset[int]: ...
    @property
    def pictures(self) -> tuple[PicturePrint, ...]: ...


@dataclass(frozen=True, slots=True)
class Match:
    """An own post (by key) and how alike: `score` of the words 0..1, `distance` of pictures in bits of 128.

    `picture`: which of the own post's pictures is the copied one, its place among the printed ones.
    """

    own: int
    score: float | None
    distance: int | None
    picture: int | None


class OwnPosts:
    """The workspace's posts, ready to be compared with any number of found ones."""

    def __init__(self, posts: Sequence[Printed]) -> None:
        self._posted_at = {post.key: post.posted_at for post in posts}
        self._texts = TextIndex({post.key: post.numbers for post in posts})
        self._places = [(post.key, place) for post in posts for place in range(len(post.pictures))]
        self._pictures = PictureIndex([picture for post in posts for picture in post.pictures])

    def copied_by(self, found: Printed) -> list[Match]:
        """Own posts that were out before the found one and that it copies by words or by a picture."""
        scores = {match.key: match.score for match in self._texts.matches(found.numbers)}
        alike: dict[int, tuple[int | None, int | None]] = {}
        matches = (match for picture in found.pictures for match in self._pictures.matches(picture))
        for match in sorted(matches, key=lambda match: match.distance):
            key, place = self._places[match.place]
            alike.setdefault(key, (match.distance, place))
        return [
            Match(key, scores.get(key), *alike.get(key, (None, None)))
            for key in sorted(scores.keys() | alike.keys())
            if self._posted_at[key] < found.posted_at
        ]
