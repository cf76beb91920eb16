"""An S3 of our own: moto's server as a separate process on a free port, ended by its pid."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from app.media.service.bucket import Place
from tests.ports import free_port

KEYS = ("test-access-key", "test-secret-key")
BUCKET = "files"


@dataclass
class S3:
    """A server that may be stopped and started; what it holds is forgotten with it."""

    port: int
    running: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def place(self) -> Place:
        return Place(BUCKET, self.url, "eu-central-1", *KEYS)

    @property
    def environ(self) -> dict[str, str]:
        """The settings that name it."""
        return {
            "MEDIA_S3_BUCKET": BUCKET,
            "MEDIA_S3_ENDPOINT": self.url,
            "MEDIA_S3_REGION": "eu-central-1",
            "MEDIA_S3_ACCESS_KEY": KEYS[0],
            "MEDIA_S3_SECRET_KEY": KEYS[1],
        }

    def start(self) -> None:
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]
        self.running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _answered(self.url)

    def stop(self) -> None:
        if self.running is not None:
            self.running.kill()
            self.running.wait(20)
            self.running = None

    def names(self) -> set[str]:
        """The SHA-256 of what lies in the bucket, asked without our adapter."""
        found = self.client().list_objects_v2(Bucket=BUCKET).get("Contents", [])
        return {str(one["Key"]).rpartition("/")[2] for one in found}

    def client(self) -> Any:
        import boto3

        named = {"aws_access_key_id": KEYS[0], "aws_secret_access_key": KEYS[1], "region_name": "eu-central-1"}
        return boto3.session.Session().client("s3", endpoint_url=self.url, **named)

    def empty(self) -> None:
        """As it was at the start: the bucket alone."""
        httpx.post(f"{self.url}/moto-api/reset", timeout=10, trust_env=False).raise_for_status()
        self.client().create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})


@contextmanager
def served() -> Iterator[S3]:
    s3 = S3(free_port())
    s3.start()
    try:
        yield s3
    finally:
        s3.stop()


def _answered(url: str) -> None:
    for _ in range(300):
        try:
            httpx.get(f"{url}/moto-api/", timeout=2, trust_env=False)
            return
        except httpx.TransportError:
            time.sleep(0.1)
    pytest.fail("moto's server did not start")
