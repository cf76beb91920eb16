from __future__ import annotations

import gzip
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import Invalid
from app.readings.collectors.imports import (
    RecordedReading,
    merge_readings,
    read_subscribers,
    read_view_readings,
)

HEADER = "channel,post_uid,message_id,posted_at,snapshot_at,age_hours,views,reactions"
GOOD = "notes,9,101,2025-01-01T06:00:00Z,2025-01-01T10:00:00Z,4.0,500,12"
T0 = datetime(2025, 1, 1, tzinfo=UTC)
LATER = datetime(2026, 3, 1, tzinfo=UTC)


def write(folder: Path, *lines: str, name: str = "readings.csv") -> Path:
    path = folder / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def reading(views: int, *, message_id: int | None = 1, uid: str | None = None, hours: int = 1) -> RecordedReading:
    return RecordedReading("notes", message_id, uid, T0, T0 + timedelta(hours=hours), views, None, 2)


def test_a_row_becomes_a_reading(tmp_path: Path) -> None:
    [row] = read_view_readings(write(tmp_path, HEADER, GOOD))
    at = datetime(2025, 1, 1, tzinfo=UTC)
    assert row == RecordedReading("notes", 101, "9", at.replace(hour=6), at.replace(hour=10), 500, 12, 2)
    assert row.identity == ("notes", 101)


def test_columns_may_be_few_and_in_any_order(tmp_path: Path) -> None:
    path = write(tmp_path, "views,snapshot_at,posted_at,post_uid,channel", "7,2025-01-01 10:00,2025-01-01,x1,@notes")
    [row] = read_view_readings(str(path))
    assert (row.channel, row.identity, row.views, row.reactions) == ("notes", ("notes", "x1"), 7, None)
    assert row.snapshot_at == datetime(2025, 1, 1, 10, tzinfo=UTC)


def test_offsets_become_utc_and_a_mark_at_the_files_start_is_skipped(tmp_path: Path) -> None:
    path = write(tmp_path, "\ufeff" + HEADER, GOOD.replace("10:00:00Z", "15:00:00+05:00"), "")
    [row] = read_view_readings(path)
    assert row.snapshot_at == datetime(2025, 1, 1, 10, tzinfo=UTC)


def test_gzip_is_known_by_its_content_not_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "readings.csv"
    path.write_bytes(gzip.compress(f"{HEADER}\n{GOOD}\n".encode()))
    assert len(list(read_view_readings(path))) == 1


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("500", "many", "views"),
        ("500", "-5", "views"),
        ("500", "1_000", "views"),
        ("500", "4.85K", "views"),
        ("500", "", "views"),
        ("12", "x", "reactions"),
        ("101", "1o1", "message_id"),
        ("2025-01-01T06", "01.01.2025", "posted_at"),
        ("2025-01-01T10:00:00Z", "", "snapshot_at"),
        ("notes", " ", "channel"),
        ("9,101", ",", "blank"),
        (",12", "", "columns"),
    ],
)
def test_one_bad_row_gives_nothing_and_its_line_number(tmp_path: Path, old: str, new: str, reason: str) -> None:
    path = write(tmp_path, HEADER, GOOD, GOOD.replace(old, new, 1), GOOD)
    with pytest.raises(Invalid) as caught:
        read_view_readings(path)
    assert list(caught.value.fields) == ["line 3"] and reason in caught.value.fields["line 3"]
    assert "line 3" in caught.value.message


def test_several_bad_rows_are_named_at_once_but_not_all_of_a_wrong_file(tmp_path: Path) -> None:
    bad = GOOD.replace("500", "x")
    with pytest.raises(Invalid) as caught:
        read_view_readings(write(tmp_path, HEADER, *[bad] * 50))
    assert len(caught.value.fields) == 20


@pytest.mark.parametrize("header", ["", "channel,message_id,views", "channel,posted_at,snapshot_at,views"])
def test_missing_columns_are_invalid(tmp_path: Path, header: str) -> None:
    with pytest.raises(Invalid):
        read_view_readings(write(tmp_path, header, GOOD))


@pytest.mark.parametrize(
    "content", [b"\xff\xfe\x00", gzip.compress(HEADER.encode() * 99, mtime=0)[:40], b"\x1f\x8bnot"]
)
def test_a_broken_file_is_invalid(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken"
    path.write_bytes(content)
    with pytest.raises(Invalid):
        read_view_readings(path)


def test_duplicates_merge_and_the_larger_reading_wins() -> None:
    merged = merge_readings([reading(5), reading(9), reading(7), reading(5, hours=2)], now=LATER)
    assert [row.views for row in merged.readings] == [9, 5], "a later smaller reading stays as read"
    assert (merged.read, merged.merged, merged.rejected) == (4, 2, ())


def test_the_message_id_names_a_post_and_the_uid_only_where_it_is_blank() -> None:
    rows = [
        reading(5, uid="a"),
        reading(6, uid="b"),
        reading(7, message_id=None, uid="a"),
        reading(8, message_id=None, uid="1"),
    ]
    assert [row.views for row in merge_readings(rows, now=LATER).readings] == [8, 7, 6]


def test_reactions_survive_a_merge() -> None:
    rows = [replace(reading(9), reactions=None), replace(reading(5), reactions=3)]
    [row] = merge_readings(rows, now=LATER).readings
    assert (row.views, row.reactions) == (9, 3)


def test_a_reading_before_its_post_is_rejected_with_its_line() -> None:
    merged = merge_readings([reading(5), replace(reading(6), snapshot_at=T0 - timedelta(hours=1), line=17)], now=LATER)
    assert [(row.line, row.reason) for row in merged.rejected] == [(17, "snapshot_at is before posted_at")]
    assert (merged.read, merged.merged, len(merged.readings)) == (2, 0, 1)


def test_what_comes_from_the_future_or_from_before_telegram_is_rejected_with_its_line() -> None:
    rows = [
        replace(reading(5), snapshot_at=LATER + timedelta(minutes=59)),
        replace(reading(6), snapshot_at=datetime(2099, 1, 1, tzinfo=UTC), line=3),
        replace(reading(7), posted_at=datetime(2013, 8, 13, tzinfo=UTC), line=4),
        replace(reading(8), posted_at=datetime(1, 1, 1, tzinfo=UTC), line=5),
    ]
    merged = merge_readings(rows, now=LATER)
    assert [(row.line, row.reason) for row in merged.rejected] == [
        (3, "snapshot_at is in the future"),
        (4, "posted_at is before Telegram's start"),
        (5, "posted_at is before Telegram's start"),
    ]
    assert (merged.read, len(merged.readings)) == (4, 1)


@pytest.mark.parametrize(
    "line",
    [
        GOOD.replace("2025-01-01T06:00:00Z", "0001-01-01T00:00:00+14:00"),
        GOOD.replace("2025-01-01T10:00:00Z", "9999-12-31T23:00:00-05:00"),
        GOOD.replace("notes", "n" * 65),
        GOOD.replace("notes", "no\0tes"),
        GOOD.replace(",9,", f",{'9' * 65},"),
        GOOD.replace(",9,", ",9\0,"),
    ],
)
def test_what_no_database_can_hold_is_refused_with_its_line(tmp_path: Path, line: str) -> None:
    with pytest.raises(Invalid, match="line 3"):
        read_view_readings(write(tmp_path, HEADER, GOOD, line))


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(0, 9))), st.randoms())
def test_order_and_repetition_do_not_matter(rows: list[tuple[int, int, int]], random: Random) -> None:
    readings = [reading(views, message_id=post, hours=hour) for post, hour, views in rows]
    once = merge_readings(readings, now=LATER)
    random.shuffle(readings)
    assert merge_readings([*readings, *once.readings], now=LATER).readings == once.readings
    assert once.read == len(once.readings) + once.merged


def test_subscribers(tmp_path: Path) -> None:
    path = write(tmp_path, "channel,observed_at,subscribers", "notes,2025-01-01T06:00:00Z,5814")
    [row] = read_subscribers(path)
    assert (row.channel, row.observed_at, row.subscribers) == ("notes", T0.replace(hour=6), 5814)
    with pytest.raises(Invalid, match="line 2"):
        read_subscribers(write(tmp_path, "channel,observed_at,subscribers", "notes,2025-01-01T06:00:00Z,5.8K"))


def test_a_large_file_is_read_and_merged_whole(tmp_path: Path) -> None:
    rows = [
        f"notes,,{number % 1500 + 1},2025-01-01T06:00:00Z,{T0 + timedelta(hours=6, minutes=number)},1.0,{number},3"
        for number in range(131_000)
    ]
    path = write(tmp_path, HEADER, *rows)
    merged = merge_readings(read_view_readings(path), now=LATER)
    assert (merged.read, len(merged.readings), merged.merged) == (131_000, 131_000, 0)
