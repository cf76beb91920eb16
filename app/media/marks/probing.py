"""What a file is, told without decoding it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from app.media.marks import pictures
from app.media.marks.bounds import Bounds
from app.media.marks.clips import clip_of
from app.media.marks.kinds import Kind, kind_of


@dataclass(frozen=True, slots=True)
class Probed:
    """Size in pixels as people see it; a still has one frame and no duration."""

    kind: Kind
    mime: str
    width: int
    height: int
    frames: int = 1
    duration_s: float = 0.0
    codec: str = ""
    has_audio: bool = False


def probe(source: Path, *, bounds: Bounds = Bounds()) -> Probed:  # noqa: B008 - frozen
    """Raises Refusal for what we would not work on."""
    kind = kind_of(source)
    if kind.is_video:
        clip = clip_of(source, bounds)
        size, rest = clip.size, (clip.frames, clip.duration_s, clip.codec, bool(clip.audio))
        return Probed(kind, kind.mime, size.width, size.height, *rest)
    with pictures.opened(source, bounds) as image:
        turned = pictures.is_on_its_side(image)
        width, height = (image.height, image.width) if turned else image.size
        return Probed(kind, kind.mime, width, height, pictures.frames_of(image))
