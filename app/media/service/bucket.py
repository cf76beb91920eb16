"""The media store in a bucket of S3 or of what speaks like it: one object per file, named by its SHA-256.

PutObject with the SHA-256 in a header: S3 takes the object only when its bytes hash to it, whole or not at all
(docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html, 2026-11-28; at most 5 GB, ours end at 2 GB).
"""

from __future__ import annotations

import base64
import re
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.core import telemetry
from app.media.ports import Lying
from app.media.service.store import StoreAway

_PREFIX = "media/"
_KEY = re.compile(r"media/([0-9a-f]{2})/\1[0-9a-f]{62}")
_ON_A_PAGE = 1000  # the most that S3 tells at once
_CONNECT_S, _READ_S, _TRIES = 3, 60, 2
_DELETE_S = 3  # others wait meanwhile; what is not confirmed is asked for again
_RESTS_S = 5.0  # after no answer nobody asks again: threads that wait for a connection serve no pages
_PIECE = 1024 * 1024
_MISSING = frozenset({"404", "NoSuchKey", "NotFound"})


@dataclass(frozen=True, slots=True)
class Place:
    """Which bucket, at which S3 (empty: Amazon's), by whose keys (empty: those that the machine has)."""

    bucket: str
    endpoint: str
    region: str
    access_key: str
    secret_key: str


class S3Bucket:
    """Implements media.ports.Remote; may be used by several threads. Raises StoreAway when S3 does not do as asked."""

    def __init__(self, place: Place, *, rests_s: float = _RESTS_S) -> None:
        self._place, self._made, self._deletes, self._lock = place, None, None, threading.Lock()
        self._rests_s, self._away_until = rests_s, 0.0

    def has(self, sha256: str) -> bool:
        with self._translated():
            return self._head(sha256)

    def put(self, sha256: str, path: Path) -> None:
        checksum = base64.b64encode(bytes.fromhex(sha256)).decode()
        with self._translated(), path.open("rb") as file:
            self._client.put_object(Bucket=self._place.bucket, Key=_key(sha256), Body=file, ChecksumSHA256=checksum)

    def bring(self, sha256: str, target: Path) -> bool:
        with self._translated():
            if not self._head(sha256):
                return False
            body = self._client.get_object(Bucket=self._place.bucket, Key=_key(sha256))["Body"]
            with target.open("wb") as file:
                for piece in body.iter_chunks(_PIECE):
                    file.write(piece)
        return True

    def delete(self, sha256: str) -> None:
        with self._translated():
            self._deleting.delete_object(Bucket=self._place.bucket, Key=_key(sha256))

    def listed(self, after: str) -> tuple[Sequence[Lying], str]:
        with self._translated():
            told = self._client.list_objects_v2(
                Bucket=self._place.bucket, Prefix=_PREFIX, StartAfter=after, MaxKeys=_ON_A_PAGE
            )
        found = told.get("Contents", [])
        ours = [one for one in found if _KEY.fullmatch(one["Key"])]  # what others keep below the prefix is theirs
        page = [Lying(str(one["Key"]).rpartition("/")[2], one["LastModified"]) for one in ours]
        return page, str(found[-1]["Key"]) if told.get("IsTruncated") and found else ""

    def _head(self, sha256: str) -> bool:
        from botocore.exceptions import ClientError  # 30 MB of memory: only where a bucket is set

        try:
            self._client.head_object(Bucket=self._place.bucket, Key=_key(sha256))
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in _MISSING:
                return False
            raise
        return True

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """What S3 and the way to it refuse is one thing for us: the store is away, and the log says why."""
        from botocore.exceptions import BotoCoreError, ClientError  # as above

        if time.monotonic() < self._away_until:
            raise StoreAway
        try:
            yield
        except (BotoCoreError, ClientError) as error:
            if isinstance(error, BotoCoreError):
                self._away_until = time.monotonic() + self._rests_s
            telemetry.log().error("the bucket of files does not do as asked", error=str(error)[:300])
            raise StoreAway from error

    @property
    def _client(self) -> Any:
        with self._lock:
            if self._made is None:
                self._made = _connected(self._place)
            return self._made

    @property
    def _deleting(self) -> Any:
        with self._lock:
            if self._deletes is None:
                self._deletes = _connected(self._place, read_s=_DELETE_S, tries=1)
            return self._deletes


def _connected(place: Place, *, read_s: int = _READ_S, tries: int = _TRIES) -> Any:
    import boto3  # 30 MB of memory: only where a bucket is set
    from botocore.config import Config

    how = Config(
        connect_timeout=_CONNECT_S,
        read_timeout=read_s,
        retries={"total_max_attempts": tries, "mode": "standard"},
        s3={"addressing_style": "path"} if place.endpoint else {},
        request_checksum_calculation="when_required",  # others than Amazon's know no trailing checksums
        response_checksum_validation="when_required",
    )
    return boto3.session.Session().client(
        "s3",
        endpoint_url=place.endpoint or None,
        region_name=place.region or None,
        aws_access_key_id=place.access_key or None,
        aws_secret_access_key=place.secret_key or None,
        config=how,
    )


def _key(sha256: str) -> str:
    return f"{_PREFIX}{sha256[:2]}/{sha256}"
