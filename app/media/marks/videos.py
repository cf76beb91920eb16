"""A mark on a video: laid over by ffmpeg as a picture that we have drawn; sound is copied bit by bit.

Not drawtext: one painter for pictures and videos, letters of every direction, emoji, and no text of a person anywhere
near a filter's language. The cost is the same (facts/performance.md 6).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from app.media.marks import ends
from app.media.marks.bounds import Bounds
from app.media.marks.clips import clip_of
from app.media.marks.encoding import Encoding, Ends, encode
from app.media.marks.files import written
from app.media.marks.kinds import Kind
from app.media.marks.layout import Box, Size
from app.media.marks.overlay import overlay_of
from app.media.marks.stamps import stamp_for
from app.media.marks.wishes import Mark


@dataclass(frozen=True, slots=True)
class MarkedVideo:
    """What came out; `encoded_s` of `duration_s` were encoded anew, the rest is a copy."""

    kind: Kind
    width: int
    height: int
    duration_s: float
    encoded_s: float
    boxes: tuple[Box, ...]


def mark_video(
    source: Path,
    target: Path,
    mark: Mark,
    *,
    ends_shown: Ends | None = None,
    encoding: Encoding = Encoding(),  # noqa: B008 - frozen
    bounds: Bounds = Bounds(),  # noqa: B008 - frozen
    on_progress: Callable[[float], None] = lambda _share: None,
) -> MarkedVideo:
    """Write `source` with the mark to `target`, as MP4 (MOV where its sound fits no MP4), whole or not at all.

    With `ends_shown` the mark is seen in the first and last seconds only. Works in the current directory. Raises Refusal.
    """
    clip = clip_of(source, bounds)
    overlay = overlay_of(stamp_for(mark, _even(clip.size)), Path("overlay.png"))
    kind = Kind.MP4 if clip.fits_mp4 else Kind.MOV
    with written(target) as draft:
        parts = ends.parts_of(source, clip, ends_shown) if ends_shown else None
        if parts is not None:
            encoded_s = ends.splice(source, draft, clip, overlay, parts, encoding, kind, on_progress)
        else:
            encoded_s = clip.duration_s
            encode(source, draft, clip, overlay, encoding, kind, ends_shown, on_progress)
    on_progress(1.0)
    size = _even(clip.size)
    return MarkedVideo(kind, size.width, size.height, clip.duration_s, encoded_s, overlay.boxes)


def _even(size: Size) -> Size:
    """x264 codes chroma for two pixels at once."""
    return Size(size.width // 2 * 2, size.height // 2 * 2)
