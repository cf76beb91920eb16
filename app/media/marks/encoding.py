"""One run of ffmpeg that draws the overlay and encodes H.264."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from app.media.marks import ffmpeg
from app.media.marks.clips import Clip
from app.media.marks.kinds import Kind
from app.media.marks.overlay import Overlay

PRESETS = ("ultrafast", "superfast", "veryfast", "faster", "fast", "medium")
_WIDEST_PIXEL = 4.0
_PLAIN = ("-map_metadata", "-1", "-map_chapters", "-1", "-dn", "-sn")


@dataclass(frozen=True, slots=True)
class Encoding:
    """`preset` is x264's (a quicker one for a longer queue), `crf` its quality, `threads` of each of reading and writing."""

    preset: str = "veryfast"
    crf: int = 20
    threads: int = 1


@dataclass(frozen=True, slots=True)
class Ends:
    """How many seconds the mark is seen at the beginning and at the end."""

    first_s: float = 0.0
    last_s: float = 0.0


def encode(
    source: Path,
    target: Path,
    clip: Clip,
    overlay: Overlay,
    encoding: Encoding,
    kind: Kind,
    ends: Ends | None,
    on_progress: Callable[[float], None],
) -> None:
    """The whole video anew, upright, with its sound as it is."""
    shown = "" if ends is None else _seen_at_ends(clip.duration_s, ends)
    line = [*_inputs(source, overlay, encoding), "-filter_complex", _graph(clip, overlay, shown), "-map", "[marked]"]
    line += ["-map", "0:a?", "-c:a", "copy", *coded(encoding), *finished(kind), str(target)]
    ffmpeg.run(line, length_s=clip.duration_s, on_progress=on_progress)


def encode_part(
    source: Path, target: Path, clip: Clip, overlay: Overlay, encoding: Encoding, seen: str, more: str
) -> None:
    """A part without sound; `seen` says in ffmpeg's words when the mark is there, `more` is for x264."""
    line = [*_inputs(source, overlay, encoding), "-filter_complex", _graph(clip, overlay, seen), "-map", "[marked]"]
    ffmpeg.run([*line, *coded(encoding), "-x264-params", more, *_PLAIN, "-f", "mp4", str(target)])


def coded(encoding: Encoding) -> tuple[str, ...]:
    quality = ("-preset", encoding.preset, "-crf", str(encoding.crf), "-profile:v", "high")
    return ("-c:v", "libx264", *quality, "-threads", str(encoding.threads), "-fps_mode", "vfr")


def finished(kind: Kind) -> tuple[str, ...]:
    """Nothing told about whoever made it; the index in front, so that players begin at once."""
    return (*_PLAIN, "-fflags", "+bitexact", "-movflags", "+faststart", "-f", kind.value)


def _inputs(source: Path, overlay: Overlay, encoding: Encoding) -> list[str]:
    threads = ["-filter_complex_threads", "1", "-threads", str(encoding.threads)]
    picture = ["-protocol_whitelist", "file", "-f", "png_pipe", "-i", f"file:{overlay.path}"]
    return [*threads, *ffmpeg.READ, "-i", f"file:{source}", *picture]


def _graph(clip: Clip, overlay: Overlay, seen: str) -> str:
    """Numbers and words of ours only."""
    steps = [] if clip.is_progressive else ["yadif=deint=interlaced"]
    if clip.size.width % 2 or clip.size.height % 2:
        steps.append("crop=trunc(iw/2)*2:trunc(ih/2)*2:0:0")
    if not _is_sane(clip.shape):
        steps.append("setsar=1")
    laid = f"overlay=x={overlay.left}:y={overlay.top}:eof_action=repeat" + (f":enable='{seen}'" if seen else "")
    return f"[0:{clip.video}]{','.join(steps or ['null'])}[base];[base][1:v]{laid},format=yuv420p[marked]"


def _seen_at_ends(duration_s: float, ends: Ends) -> str:
    return f"lt(t,{ends.first_s:.3f})+gte(t,{max(0.0, duration_s - ends.last_s):.3f})*{int(ends.last_s > 0)}"


def _is_sane(shape: str) -> bool:
    """Whether a pixel's sides differ by less than a player may be asked to stretch."""
    wide, _, high = shape.partition(":")
    if not (wide.isdigit() and high.isdigit() and int(wide) and int(high)):
        return shape in ("", "0:1", "N/A")
    return 1 / _WIDEST_PIXEL <= int(wide) / int(high) <= _WIDEST_PIXEL
