"""Marks on videos: turned ones, ends only, what is copied stays as it was."""

from __future__ import annotations

import struct
import subprocess
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from app.media.marks import avc, ffmpeg
from app.media.marks.bounds import Bounds
from app.media.marks.clips import clip_of
from app.media.marks.encoding import Encoding, Ends
from app.media.marks.probing import probe
from app.media.marks.refusal import Refusal
from app.media.marks.thumbnails import thumbnail
from app.media.marks.videos import MarkedVideo, mark_video
from app.media.marks.wishes import mark_of
from tests.media.hostile.pieces import clip, saved, scene
from tests.media.marks.samples import ffmpeg as by_hand
from tests.media.marks.samples import ffprobe, frame, pixels, sound

_MARK = mark_of({"text": "III", "opacity": 1, "scale": 0.4, "position": "center"})
_GOPS = ("-g", "15", "-bf", "2", "-metadata", "title=SECRET-PLACE", "-metadata:s:v", "handler_name=SECRET-PLACE")
_QUICK = Encoding(preset="ultrafast")


@pytest.fixture(autouse=True)
def work_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Videos are worked on in the current directory, which the child has for itself."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path


def _marked(content: bytes, folder: Path, **how: Any) -> MarkedVideo:
    (folder / "source").write_bytes(content)
    return mark_video(folder / "source", folder / "marked", _MARK, **({"encoding": _QUICK} | how))


def _has_mark(video: Path, told: MarkedVideo, at_s: float) -> bool:
    box = told.boxes[0]
    part = frame(video, at_s=at_s)[box.top : box.bottom, box.left : box.right]
    dark, light = (part.max(axis=2) < 40).mean(), (part.min(axis=2) > 215).mean()
    return bool(dark > 0.04 and light > 0.15)


def _packets(video: Path, moments: tuple[float, float]) -> list[str]:
    """Checksums of the frames as decoded, between two moments."""
    told = by_hand("-i", str(video), "-map", "0:v", "-f", "framemd5", "-").decode()
    rows = [line.split(",") for line in told.splitlines() if line and not line.startswith("#")]
    return [row[-1].strip() for nth, row in enumerate(rows) if moments[0] <= nth / 15 < moments[1]]


def _moments(video: Path) -> list[float]:
    return [float(at.strip(",")) for at in ffprobe(video, "frame=pts_time", "-select_streams", "v:0").split()]


@pytest.mark.parametrize(
    ("ends", "marked", "bare", "copied"),
    [
        (Ends(first_s=1.0), (0.1, 0.9), (1.1, 3.0, 5.9), (1.0, 6.0)),
        (Ends(last_s=1.0), (5.1, 5.9), (0.0, 3.0, 4.9), (0.0, 5.0)),
        (Ends(first_s=0.5, last_s=1.5), (0.0, 0.4, 4.6, 5.9), (0.6, 3.0, 4.4), (1.0, 4.0)),
    ],
)
def test_a_mark_at_the_ends_leaves_the_rest_as_it_was(
    ends: Ends, marked: tuple[float, ...], bare: tuple[float, ...], copied: tuple[float, float], work_folder: Path
) -> None:
    source, target = work_folder / "source", work_folder / "marked"
    told = _marked(clip(*_GOPS, seconds="6"), work_folder, ends_shown=ends)
    assert told.encoded_s == pytest.approx(6 - (copied[1] - copied[0]), abs=0.01)
    assert all(_has_mark(target, told, at) for at in marked)
    assert not any(_has_mark(target, told, at) for at in bare)
    assert _packets(target, copied) == _packets(source, copied)
    assert _moments(target) == pytest.approx(_moments(source), abs=0.001)
    assert sound(target) == sound(source)


def test_a_spliced_video_can_be_decoded_by_its_index_alone(work_folder: Path) -> None:
    """Strict players look up parameter sets in the index and not among the frames."""
    target = work_folder / "marked"
    _marked(clip(*_GOPS, seconds="4"), work_folder, ends_shown=Ends(1.0, 1.0))
    sets = avc.sets_of(Path("piece0.marked.mp4"))
    assert sets is not None and len(sets.sequences) == len(sets.pictures) == 2
    bare = work_folder / "bare.mp4"
    by_hand("-i", str(target), "-c", "copy", "-an", "-bsf:v", "filter_units=remove_types=7|8", str(bare))
    assert bare.stat().st_size < target.stat().st_size
    assert _packets(bare, (0, 4)) == _packets(target, (0, 4))


def test_without_our_sets_in_the_index_the_copy_would_be_lost(
    work_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(avc, "add", lambda *_args: False)
    target, bare = work_folder / "marked", work_folder / "bare.mp4"
    _marked(clip(*_GOPS, seconds="4"), work_folder, ends_shown=Ends(1.0, 1.0))
    by_hand("-i", str(target), "-c", "copy", "-an", "-bsf:v", "filter_units=remove_types=7|8", str(bare))
    line = ["ffmpeg", "-v", "error", "-i", str(bare), "-f", "framemd5", "-"]
    assert "non-existing" in subprocess.run(line, capture_output=True, text=True).stderr


@pytest.mark.parametrize(
    ("how", "ends"),
    [
        (("-c:v", "libx265", "-x265-params", "log-level=none"), Ends(1.0, 1.0)),
        (("-pix_fmt", "yuv444p"), Ends(1.0, 1.0)),
        (("-g", "600"), Ends(1.0, 1.0)),
        (("-x264-params", "open-gop=1:bframes=3:b-adapt=0:keyint=15:scenecut=0"), Ends(1.0, 1.0)),
        (_GOPS, Ends(2.0, 2.5)),
    ],
    ids=["hevc", "444", "one group", "open groups", "longer than it"],
)
def test_what_cannot_be_copied_is_encoded_as_a_whole(how: tuple[str, ...], ends: Ends, work_folder: Path) -> None:
    preset = () if "libx265" not in how else ("-preset", "ultrafast")
    content = clip(*how, *preset, seconds="4")
    told = _marked(content, work_folder, ends_shown=ends)
    assert told.encoded_s == told.duration_s
    assert _has_mark(work_folder / "marked", told, 0.1) and _has_mark(work_folder / "marked", told, 3.8)
    assert _has_mark(work_folder / "marked", told, 2.2) is (ends.first_s > 1)
    assert sound(work_folder / "marked") == sound(work_folder / "source")


def test_a_picture_that_begins_later_than_the_sound_still_does(work_folder: Path) -> None:
    by_hand("-f", "lavfi", "-i", "sine=440:duration=4", "-c:a", "aac", "sound.mp4")
    Path("picture.mp4").write_bytes(clip(*_GOPS, seconds="4", sound=False))
    both = ["-i", "sound.mp4", "-itsoffset", "0.6", "-i", "picture.mp4", "-map", "0:a", "-map", "1:v", "-c", "copy"]
    by_hand(*both, "late.mp4")
    _marked(Path("late.mp4").read_bytes(), work_folder, ends_shown=Ends(1.0, 0))
    start = ffprobe(work_folder / "marked", "stream=start_time", "-select_streams", "v:0")
    assert float(start.strip().strip(",")) == pytest.approx(0.6, abs=0.05)


@pytest.mark.parametrize("angle", ["90", "180", "270"])
def test_a_turned_video_is_marked_as_people_see_it(angle: str, work_folder: Path) -> None:
    Path("lying.mp4").write_bytes(clip(seconds="1"))
    by_hand("-i", "lying.mp4", "-c", "copy", "-metadata:s:v", f"rotate={angle}", "turned.mp4")
    told = _marked(Path("turned.mp4").read_bytes(), work_folder)
    size = (160, 120) if angle == "180" else (120, 160)
    assert (told.width, told.height) == size and clip_of(work_folder / "source", Bounds()).is_turned
    assert _has_mark(work_folder / "marked", told, 0.5)
    assert "rotation" not in ffprobe(work_folder / "marked", "stream_side_data=rotation")
    corner = np.s_[:30, :30]
    changed = np.abs(frame(work_folder / "marked")[corner] - frame(work_folder / "source")[corner])
    assert changed.mean() < 12


def test_metadata_is_dropped_and_the_index_stands_in_front(work_folder: Path) -> None:
    content = clip(*_GOPS, seconds="1")
    assert b"SECRET-PLACE" in content
    for ends in (None, Ends(first_s=0.2)):
        _marked(content, work_folder, ends_shown=ends)
        after = (work_folder / "marked").read_bytes()
        assert b"SECRET" not in after and b"Lavf" not in after
        assert 0 < after.index(b"moov") < after.index(b"mdat")


def test_subtitles_and_covers_are_left_behind(work_folder: Path) -> None:
    Path("words.srt").write_text("1\n00:00:00,000 --> 00:00:01,000\nSECRET-PLACE\n")
    Path("cover.png").write_bytes(saved(scene(64, 64), "PNG"))
    Path("plain.mp4").write_bytes(clip(seconds="1"))
    line = ["-i", "plain.mp4", "-i", "words.srt", "-i", "cover.png", "-map", "0", "-map", "1", "-map", "2"]
    by_hand(*line, "-c", "copy", "-c:s", "mov_text", "-disposition:v:1", "attached_pic", "all.mp4")
    _marked(Path("all.mp4").read_bytes(), work_folder)
    assert ffprobe(work_folder / "marked", "stream=codec_name").split() == ["h264", "aac"]


def test_sound_that_fits_no_mp4_stays_in_a_mov(work_folder: Path) -> None:
    told = _marked(clip("-c:a", "pcm_s16le", suffix="mov"), work_folder)
    assert told.kind == "mov" and probe(work_folder / "marked").mime == "video/quicktime"
    assert sound(work_folder / "marked") == sound(work_folder / "source")


def test_a_video_without_sound(work_folder: Path) -> None:
    told = _marked(clip(*_GOPS, seconds="3", sound=False), work_folder, ends_shown=Ends(0.5, 0.5))
    assert told.encoded_s == pytest.approx(2) and not probe(work_folder / "marked").has_audio


def test_odd_sides_are_cut_by_one(work_folder: Path) -> None:
    told = _marked(clip("-pix_fmt", "yuv444p", size="161x121"), work_folder)
    assert (
        (told.width, told.height) == (160, 120) == Image.fromarray(frame(work_folder / "marked").astype("uint8")).size
    )


def test_progress_is_told_in_shares(work_folder: Path) -> None:
    seen: list[float] = []
    _marked(clip(seconds="6"), work_folder, on_progress=seen.append)
    assert seen == sorted(seen) and all(0 <= share <= 1 for share in seen) and seen[-1] == 1.0


def test_no_word_of_a_person_stands_among_the_arguments_of_ffmpeg(
    work_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[str] = []
    real = ffmpeg._run
    monkeypatch.setattr(ffmpeg, "_run", lambda line, *rest: (lines.extend(line), real(line, *rest))[1])
    wish = mark_of({"text": "x,movie=/etc/passwd:'%{pts}"})
    (work_folder / "source").write_bytes(clip(*_GOPS, seconds="3"))
    mark_video(work_folder / "source", work_folder / "marked", wish, ends_shown=Ends(0.5, 0.5), encoding=_QUICK)
    assert lines and not [word for word in lines if "passwd" in word or "pts}" in word]


def test_a_failure_of_ffmpeg_is_a_refusal_and_leaves_nothing(work_folder: Path) -> None:
    content = clip(seconds="2")
    broken = content[: content.index(b"mdat") + 4] + bytes(len(content) - content.index(b"mdat") - 4)
    with pytest.raises(Refusal):
        _marked(broken, work_folder)
    assert sorted(path.name for path in work_folder.iterdir()) == ["source", "work"]


def test_an_mp4_whose_index_stands_in_front_takes_no_more_sets(work_folder: Path) -> None:
    path = work_folder / "front.mp4"
    path.write_bytes(clip("-movflags", "+faststart"))
    before = path.read_bytes()
    assert not avc.add(path, avc.Sets(b"", (), ())) and path.read_bytes() == before


def test_of_a_film_of_gigabytes_only_the_index_is_read(tmp_path: Path) -> None:
    small = tmp_path / "small.mp4"
    small.write_bytes(clip())
    content = small.read_bytes()
    index = content[content.index(b"moov") - 4 :]
    large = tmp_path / "large.mp4"
    frames = 3_000_000_000
    with large.open("wb") as file:
        file.write(struct.pack(">I4sQ", 1, b"mdat", frames))
        file.truncate(frames)  # a hole: it takes no room
        file.seek(0, 2)
        file.write(index)
    tracemalloc.start()
    sets = avc.sets_of(large)
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert sets == avc.sets_of(small) and sets is not None and peak < 10_000_000


@pytest.mark.parametrize(
    ("sequences", "pictures", "free"), [((0,), (0,), 1), ((0, 1), (0, 2), 3), ((1,), (1,), 0), ((0,), (0, 1, 2), 3)]
)
def test_a_free_id_is_one_that_nobody_has(sequences: tuple[int, ...], pictures: tuple[int, ...], free: int) -> None:
    def golomb(value: int) -> bytes:
        bits = f"{value + 1:b}"
        return int(("0" * (len(bits) - 1) + bits + "1").ljust(16, "0"), 2).to_bytes(2, "big")

    first = tuple(b"\x67\x64\x00\x1f" + golomb(one) for one in sequences)
    second = tuple(b"\x68" + golomb(one) for one in pictures)
    assert avc.Sets(b"", first, second).free_id() == free


def test_the_thumbnail_of_a_video_is_its_frame(work_folder: Path) -> None:
    (work_folder / "source").write_bytes(clip(seconds="3"))
    told = thumbnail(work_folder / "source", work_folder / "small", longest=80, at_s=1.0)
    shown = Image.open(work_folder / "small")
    assert (told.width, told.height) == (80, 60) == shown.size and shown.format == "WEBP"
    wanted = Image.fromarray(frame(work_folder / "source", at_s=1.0).astype("uint8")).resize((80, 60))
    assert np.abs(pixels(shown) - pixels(wanted)).mean() < 12


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
def test_the_thumbnail_of_a_picture(kind: str, work_folder: Path) -> None:
    (work_folder / "source").write_bytes(saved(scene(900, 600), kind))
    told = thumbnail(work_folder / "source", work_folder / "small", longest=90)
    assert (told.width, told.height) == (90, 60)
    wanted = scene(900, 600).resize((90, 60))
    assert np.abs(pixels(Image.open(work_folder / "small")) - pixels(wanted)).mean() < 8


def test_a_jpeg_thumbnail_of_what_is_transparent_stands_on_white(work_folder: Path) -> None:
    from app.media.marks.kinds import Kind

    (work_folder / "source").write_bytes(saved(Image.new("RGBA", (50, 40)), "PNG"))
    thumbnail(work_folder / "source", work_folder / "small", kind=Kind.JPEG)
    assert pixels(Image.open(work_folder / "small")).min() > 250


def test_what_is_told_of_a_video_without_decoding_it(work_folder: Path) -> None:
    (work_folder / "source").write_bytes(clip(seconds="2"))
    told = probe(work_folder / "source")
    assert (told.kind, told.width, told.height, told.frames, told.codec, told.has_audio) == (
        "mp4",
        160,
        120,
        30,
        "h264",
        True,
    )
    assert told.duration_s == pytest.approx(2, abs=0.1)
