"""A small still of a picture or of a video's frame."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from app.media.marks import ffmpeg, pictures
from app.media.marks.bounds import Bounds
from app.media.marks.clips import clip_of
from app.media.marks.files import written
from app.media.marks.kinds import Kind, kind_of
from app.media.marks.refusal import N_, Refusal

_LONGEST = 2560
_QUALITY = 80
_BEHIND_TRANSPARENT = "#ffffff"


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """What came out; sizes in pixels."""

    kind: Kind
    width: int
    height: int


def thumbnail(
    source: Path,
    target: Path,
    *,
    longest: int = 320,
    kind: Kind = Kind.WEBP,
    at_s: float = 0.0,
    bounds: Bounds = Bounds(),  # noqa: B008 - frozen
) -> Thumbnail:
    """Write a still whose longer side is at most `longest` pixels, as WebP or JPEG. Raises Refusal.

    `at_s`: which moment of a video; behind its end the first frame is taken.
    """
    if kind not in (Kind.WEBP, Kind.JPEG) or not 1 <= longest <= _LONGEST:
        raise Refusal(N_("There are no thumbnails of this kind or size."), "thumbnail")
    if kind_of(source).is_video:
        source = _frame(source, at_s, bounds)
    with pictures.opened(source, bounds) as image, written(target) as draft:
        small = _small(image, longest)
        if kind is Kind.JPEG and small.mode != "RGB":
            small = _on_white(small)
        small.info = {}
        small.save(draft, format=kind.value.upper(), quality=_QUALITY, icc_profile=pictures.profile_of(image) or b"")
    return Thumbnail(kind, *small.size)


def _small(image: Image.Image, longest: int) -> Image.Image:
    image.draft("RGB", (longest, longest))  # a JPEG is decoded at 1/2, 1/4 or 1/8 of its size: a third of the time
    plain, _profile = pictures.in_plain_colors(pictures.upright(image))
    plain.thumbnail((longest, longest), reducing_gap=3.0)
    return plain if plain.mode in ("RGB", "RGBA") else plain.convert("RGB")


def _on_white(image: Image.Image) -> Image.Image:
    white = Image.new("RGB", image.size, _BEHIND_TRANSPARENT)
    white.paste(image, mask=image.getchannel("A"))
    return white


def _frame(source: Path, at_s: float, bounds: Bounds) -> Path:
    """One frame, upright, as a PNG in the current directory."""
    clip, target = clip_of(source, bounds), Path("frame.png")
    moment = at_s if 0 < at_s < clip.duration_s else 0.0
    line = ["-threads", "1", *ffmpeg.READ, "-ss", f"{moment:.3f}", "-i", f"file:{source}", "-map", f"0:{clip.video}"]
    ffmpeg.run(
        [*line, "-frames:v", "1", "-map_metadata", "-1", "-f", "image2", "-c:v", "png", "-update", "1", str(target)]
    )
    if not target.exists():
        raise Refusal(N_("This video has no picture, or one of a few pixels."), "empty")
    return target
