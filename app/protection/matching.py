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
    """An own post (by key) and how alike: `score` of the words 0..1, `distance` of pictures in bits of 128."""

    own: int
    score: float | None
    distance: int | None


class OwnPosts:
    """The workspace's posts, ready to be compared with any number of found ones."""

    def __init__(self, posts: Sequence[Printed]) -> None:
        self._posted_at = {post.key: post.posted_at for post in posts}
        self._texts = TextIndex({post.key: post.numbers for post in posts})
        pictures = [(post.key, picture) for post in posts for picture in post.pictures]
        self._keys = [key for key, _ in pictures]
        self._pictures = PictureIndex([picture for _, picture in pictures])

    def copied_by(self, found: Printed) -> list[Match]:
        """Own posts that were out before the found one and that it copies by words or by a picture."""
        scores = {match.key: match.score for match in self._texts.matches(found.numbers)}
        distances: dict[int, int] = {}
        for picture in found.pictures:
            for match in self._pictures.matches(picture):
                key = self._keys[match.place]
                distances[key] = min(match.distance, distances.get(key, match.distance))
        return [
            Match(key, scores.get(key), distances.get(key))
            for key in sorted(scores.keys() | distances.keys())
            if self._posted_at[key] < found.posted_at
        ]
