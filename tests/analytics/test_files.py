"""Cells of CSV files: no text of a person is a formula, in a file split at commas or at semicolons."""

from __future__ import annotations

import csv
import io

import pytest

from app.analytics import files


@pytest.mark.parametrize(
    ("cell", "kept"),
    [
        ("=1+1", "'=1+1"),
        ("fine; =1+1", "fine; '=1+1"),
        ("fine;@cmd; -x;+y", "fine;'@cmd; '-x;'+y"),
        ("=a; =b", "'=a; '=b"),
        ("-5", "-5"),
        ("5 = 5; so", "5 = 5; so"),
    ],
)
def test_no_cell_is_a_formula(cell: str, kept: str) -> None:
    assert list(csv.reader(io.StringIO(files.text_of(["a"], [[cell]])))) == [["a"], [kept]]
