"""A mark on every frame of a moving GIF, WebP or PNG; times, loops and what is seen between frames stay."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from app.media.marks.kinds import Kind
from app.media.marks.layout import Size
from app.media.marks.palettes import indexed
from app.media.marks.pasting import Marked, is_lossless_webp, paste
from app.media.marks.pictures import decoding
from app.media.marks.stamps import Stamp, stamp_for
from app.media.marks.wishes import Mark

_LEAVE, _CLEAR = 1, 2  # what happens to a frame before the next one is drawn (GIF89a, section 23)
_WEBP_EFFORT = 2  # of 6: one third of the time of the default, files 5 % larger


@dataclass(frozen=True, slots=True)
class _Timing:
    durations_ms: list[int]
    loops: int | None  # 0: for ever; None: shown once
    disposals: list[int]


def mark_frames(
    image: Image.Image,
    target: Path,
    kind: Kind,
    mark: Mark,
    *,
    quality: int,
    on_progress: Callable[[float], None],
) -> Marked:
    """Write every frame with the mark. `image` is open and within bounds."""
    stamp, count = stamp_for(mark, Size(*image.size)), int(getattr(image, "n_frames", 1))
    timing = _Timing([], image.info.get("loop"), [])
    lossless = kind is Kind.WEBP and is_lossless_webp(Path(str(image.filename)))  # type: ignore[attr-defined]
    profile = image.info.get("icc_profile")
    frames = []
    for nth, frame in enumerate(_marked(image, count, stamp, timing)):
        frames.append(indexed(*frame) if kind is Kind.GIF else frame[0])
        on_progress((nth + 1) / count * 0.8)
    frames[0].save(target, **_kept(kind, timing, frames, quality, lossless, profile))
    on_progress(1.0)
    return Marked(kind, *image.size, count, stamp.boxes)


def _marked(image: Image.Image, count: int, stamp: Stamp, timing: _Timing) -> Iterator[tuple[Image.Image, Image.Image]]:
    """Each frame as it is seen with its mark, and as it was; the timing is filled on the way."""
    for nth in range(count):
        with decoding():
            image.seek(nth)
            image.load()
        timing.durations_ms.append(round(image.info.get("duration", 0)))
        timing.disposals.append(int(getattr(image, "disposal_method", _LEAVE)))
        has_alpha = image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info
        before = image.convert("RGBA" if has_alpha else "RGB")
        frame = before.copy()
        paste(frame, stamp)
        frame.info, before.info = {}, {}
        yield frame, before


def _kept(
    kind: Kind, timing: _Timing, frames: list[Image.Image], quality: int, lossless: bool, profile: bytes | None
) -> dict[str, Any]:
    if kind is Kind.GIF and _are_alike(frames):  # Pillow writes equal frames as one, and then takes no lists
        return {"format": "GIF", "optimize": False}
    kept: dict[str, Any] = {"save_all": True, "append_images": frames[1:], "duration": timing.durations_ms}
    if kind is Kind.GIF:
        # frames are whole: one with holes must not show the one before it through them
        holes = any("transparency" in frame.info for frame in frames)
        disposals = [_CLEAR if holes else way or _LEAVE for way in timing.disposals]
        loops = {} if timing.loops is None else {"loop": timing.loops}
        return kept | loops | {"format": "GIF", "disposal": disposals, "optimize": False}
    kept["loop"] = timing.loops or 0
    if kind is Kind.PNG:
        return kept | {"format": "PNG", "icc_profile": profile, "disposal": 0, "blend": 0, "default_image": False}
    effort = {"method": _WEBP_EFFORT, "minimize_size": False, "allow_mixed": False}
    return kept | effort | {"format": "WEBP", "quality": quality, "lossless": lossless, "icc_profile": profile or b""}


def _are_alike(frames: list[Image.Image]) -> bool:
    first = frames[0]
    return all(f.getpalette() == first.getpalette() and f.tobytes() == first.tobytes() for f in frames[1:])
