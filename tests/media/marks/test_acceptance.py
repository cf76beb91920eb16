"""Issue 6, acceptance 1: every watermark's default call on every kind of file, through the child, judged by pixels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.media import child
from tests.media.marks.samples import KINDS, Sample, inside, logo, sample, seen, sound, unmarked

# how far a codec carries a change: JPEG's block with its chroma, the deblocking and prediction of the others
_REACH = {"png": 0, "gif": 0, "jpeg": 17, "heic": 17, "webp": 20, "mp4": 20}
_MEAN_NOISE = {"png": 0, "gif": 0.05, "jpeg": 0, "heic": 2.0, "webp": 1.5, "mp4": 1.5}
_IS_SEEN = 40
_LIMITS = child.Limits(wall_s=30)  # the machine of the tests is shared


def _marked(given: Sample, mark: dict[str, Any]) -> dict[str, Any]:
    task = "mark_video" if given.kind == "mp4" else "mark_image"
    return child.run(task, {"source": str(given.source), "target": str(given.target), "mark": mark}, limits=_LIMITS)


def _wanted(way: str, folder: Path) -> dict[str, Any]:
    return {
        "text": {"text": "© @kanal"},
        "logo": {"logo": str(logo(folder))},
        "tiled": {"text": "© @kanal", "is_tiled": True},
    }[way]


@pytest.mark.parametrize("way", ["text", "logo", "tiled"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_mark_is_in_its_box_and_nothing_else_is_changed(kind: str, way: str, tmp_path: Path) -> None:
    given = sample(kind, tmp_path)
    told = _marked(given, _wanted(way, tmp_path))
    before, after = unmarked(given), seen(given.target, kind)
    changed = np.abs(after - before).max(axis=2)

    assert told["mime"] == {"heic": "image/jpeg", "mp4": "video/mp4"}.get(kind, f"image/{kind}")
    assert after.shape[:2] == (told["height"], told["width"]) == before.shape[:2]
    assert len(told["boxes"]) == 1 if way != "tiled" else len(told["boxes"]) >= 6
    for box in told["boxes"]:
        part = changed[box["top"] : box["top"] + box["height"], box["left"] : box["left"] + box["width"]]
        rows, columns = np.nonzero(part > _IS_SEEN)
        assert len(rows) > 0.08 * part.size
        assert np.ptp(columns) > 0.85 * box["width"] and np.ptp(rows) > 0.7 * box["height"]
    outside = changed[~inside(told["boxes"], changed.shape, grown=_REACH[kind])]
    assert outside.mean() <= _MEAN_NOISE[kind]
    assert (outside > _IS_SEEN).mean() < 0.001
    if kind == "mp4":
        assert sound(given.target) == sound(given.source)


def test_the_eyes_of_these_tests_see_a_mark_in_a_wrong_place(tmp_path: Path) -> None:
    given = sample("png", tmp_path)
    told = _marked(given, {"text": "© @kanal", "position": "top_left"})
    elsewhere = [told["boxes"][0] | {"left": 250, "top": 200}]
    changed = np.abs(seen(given.target, "png") - unmarked(given)).max(axis=2)
    assert (changed[~inside(elsewhere, changed.shape)] > _IS_SEEN).mean() > 0.002


def test_the_ear_of_these_tests_hears_sound_that_was_coded_anew(tmp_path: Path) -> None:
    from tests.media.marks.samples import ffmpeg

    given = sample("mp4", tmp_path)
    ffmpeg("-i", str(given.source), "-c:v", "copy", "-c:a", "aac", str(tmp_path / "anew.mp4"))
    assert sound(tmp_path / "anew.mp4") != sound(given.source)


@pytest.mark.parametrize("position", ["top_left", "center", "bottom"])
def test_the_mark_is_where_it_is_wanted(position: str, tmp_path: Path) -> None:
    given = sample("png", tmp_path)
    told = _marked(given, {"text": "© @kanal", "position": position, "opacity": 1, "scale": 0.4})
    changed = np.abs(seen(given.target, "png") - unmarked(given)).max(axis=2)
    rows, columns = np.nonzero(changed > _IS_SEEN)
    box = told["boxes"][0]
    assert abs(rows.min() - box["top"]) <= 1 and abs(columns.min() - box["left"]) <= 1
    assert (
        abs(rows.max() - (box["top"] + box["height"])) <= 2 and abs(columns.max() - (box["left"] + box["width"])) <= 2
    )
    assert 0.96 * 0.4 * 480 <= box["width"] <= 0.4 * 480
