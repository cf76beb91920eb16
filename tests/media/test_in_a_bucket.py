"""What is tested of the library, of uploads, of keeping and of copies holds where the files lie in a bucket too."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.media.s3 import S3
from tests.media.test_bucket import s3, server

__all__ = ["s3", "server"]
HERE = Path(__file__).parent
# A file that the disk lost is gone in a folder, and comes back from a bucket: test_bucket.py says so.
NOT_SO = (
    "test_copies.py::test_a_file_that_is_gone_is_not_handed_to_a_post_and_its_copy_fails",
    "test_views.py::test_a_file_whose_bytes_are_gone_is_not_found",
)
MODULES = [str(HERE / f"test_{name}.py") for name in ("copies", "keeping", "library", "uploads", "views")]


@pytest.mark.timeout(900)
def test_files_are_kept_found_uploaded_and_copied_as_in_a_folder(s3: S3, tmp_path: Path) -> None:
    """The same tests once more, in a process of their own, by the settings alone; the database is SQLite."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-k", "not postgres"]
    left_out = [f"--deselect=tests/media/{name}" for name in NOT_SO]
    done = subprocess.run(
        [*command, f"--basetemp={tmp_path / 'run'}", *left_out, *MODULES],
        env={**os.environ, **s3.environ},
        cwd=HERE.parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:]
    assert len(s3.names()) > 10, "they were kept there"
