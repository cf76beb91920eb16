"""What is known of a video before it is decoded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.media.marks import ffmpeg
from app.media.marks.bounds import Bounds
from app.media.marks.kinds import kind_of
from app.media.marks.layout import Size
from app.media.marks.refusal import N_, Refusal

_DECODED = frozenset(("h264", "hevc", "mpeg4", "vp8", "vp9", "av1", "mjpeg", "prores", "h263"))
_FOR_MP4 = frozenset(("aac", "mp3", "ac3", "eac3", "alac", "opus"))
_LONGEST_S = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Clip:
    """`size` is as people see it, after it `is_turned`; `video` is the stream's index, `shape` that of a pixel.

    `video_starts_s`: how much later than the file the picture begins.
    """

    size: Size
    duration_s: float
    video_starts_s: float
    frames: int
    video: int
    codec: str
    pixels: str
    is_turned: bool
    shape: str
    is_progressive: bool
    audio: tuple[str, ...]

    @property
    def fits_mp4(self) -> bool:
        """Whether its sound can be copied into an MP4."""
        return all(codec in _FOR_MP4 for codec in self.audio)


def clip_of(source: Path, bounds: Bounds) -> Clip:
    """Raises Refusal for what is no video that we decode, or too large a one."""
    if not kind_of(source).is_video:
        raise Refusal(N_("This is not an MP4 or MOV video."), "kind")
    told = ffmpeg.probe(source)
    streams = told.get("streams", [])
    video = next((s for s in streams if s.get("codec_type") == "video" and not _is_cover(s)), None)
    if video is None:
        raise Refusal(N_("This video has no picture, or one of a few pixels."), "empty")
    if video.get("codec_name") not in _DECODED:
        raise Refusal(N_("This video is coded in a way that we do not read."), "codec")
    width, height = int(video.get("width") or 0), int(video.get("height") or 0)
    bounds.check_video(width, height)
    rotation = _rotation(video)
    return Clip(
        size=Size(height, width) if rotation in (90, 270) else Size(width, height),
        duration_s=_seconds(told.get("format", {}), video),
        video_starts_s=max(0.0, _number(video.get("start_time")) - _number(told.get("format", {}).get("start_time"))),
        frames=int(_number(video.get("nb_frames"))),
        video=int(video["index"]),
        codec=str(video["codec_name"]),
        pixels=str(video.get("pix_fmt") or ""),
        is_turned=rotation != 0,
        shape=str(video.get("sample_aspect_ratio") or "1:1"),
        is_progressive=video.get("field_order", "progressive") in ("progressive", "unknown"),
        audio=tuple(str(s.get("codec_name")) for s in streams if s.get("codec_type") == "audio"),
    )


def _is_cover(stream: Mapping[str, Any]) -> bool:
    return bool(stream.get("disposition", {}).get("attached_pic"))


def _rotation(video: Mapping[str, Any]) -> int:
    """Degrees by which players, and ffmpeg while it decodes, turn the picture."""
    turns = [side["rotation"] for side in video.get("side_data_list", []) if "rotation" in side]
    return round(_number(turns[0])) % 360 if turns else 0


def _seconds(whole: Mapping[str, Any], video: Mapping[str, Any]) -> float:
    return min(max(_number(whole.get("duration")) or _number(video.get("duration")), 0.0), _LONGEST_S)


def _number(told: object) -> float:
    """ffprobe writes N/A for what it does not know."""
    try:
        return float(str(told))
    except ValueError:
        return 0.0
