"""A mark at the ends only: what shows it is encoded anew, the rest is copied frame by frame, sound too.

The copy and the new parts differ in their H.264 parameter sets. Ours get an id of their own and both stand in the
file's index, so that a player which decodes by the index alone finds what each frame needs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from app.media.marks import avc, ffmpeg
from app.media.marks.clips import Clip
from app.media.marks.encoding import Encoding, Ends, encode_part, finished
from app.media.marks.kinds import Kind
from app.media.marks.overlay import Overlay

_LEAD_LOOKED_AT = 12  # packets behind a cut: H.264 lets at most 16 frames wait
_JUST_BEFORE_S = 0.001
# A few seconds of a long video: twice their bytes are nothing beside the rest, half the time is.
_PRESET, _FINER = "ultrafast", 2


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts in order; `cuts_s` are frames from which decoding can start."""

    first: Path | None
    middle: Path
    last: Path | None
    last_starts_s: float
    ends: Ends
    free_id: int


def parts_of(source: Path, clip: Clip, ends: Ends) -> Parts | None:
    """Cut where copying can start and stop; None where this video can only be encoded as a whole."""
    if not _can_be_copied(clip) or ends.first_s + ends.last_s >= clip.duration_s:
        return None
    cuts, last_starts_s = [ends.first_s] if ends.first_s > 0 else [], clip.duration_s
    if ends.last_s > 0:
        found = ffmpeg.key_frame_before(source, clip.video, clip.duration_s - ends.last_s)
        if found is None or found <= ends.first_s:
            return None
        last_starts_s = found
        cuts.append(found - _JUST_BEFORE_S)
    pieces = _cut(source, clip, cuts)
    if len(pieces) != len(cuts) + 1 or any(_has_leading_frames(piece) for piece in pieces[1:]):
        return None
    first = pieces.pop(0) if ends.first_s > 0 else None
    last = pieces.pop() if ends.last_s > 0 else None
    sets = avc.sets_of(pieces[0])
    free_id = sets.free_id() if sets else None
    return None if free_id is None else Parts(first, pieces[0], last, last_starts_s, ends, free_id)


def splice(
    source: Path,
    target: Path,
    clip: Clip,
    overlay: Overlay,
    parts: Parts,
    encoding: Encoding,
    kind: Kind,
    on_progress: Callable[[float], None],
) -> float:
    """Encode the ends, join all parts and the source's sound; returns the seconds encoded."""
    own, encoded_s = f"sps-id={parts.free_id}", 0.0
    joined: list[_Joined] = []
    if parts.first:
        marked = _encoded(parts.first, clip, overlay, encoding, f"lt(t,{parts.ends.first_s:.3f})", own)
        joined.append(_Joined(marked, _length_s(parts.first)))
        encoded_s += joined[-1].length_s
        on_progress(0.4)
    joined.append(_Joined(parts.middle, _length_s(parts.middle)))
    if parts.last:
        starts_s = max(0.0, clip.duration_s - parts.ends.last_s - parts.last_starts_s)
        marked = _encoded(parts.last, clip, overlay, encoding, f"gte(t,{starts_s:.3f})", own)
        joined.append(_Joined(marked, _length_s(parts.last)))
        encoded_s += joined[-1].length_s
    on_progress(0.8)
    _share_sets([part.path for part in joined], parts.middle)
    _join(source, target, clip, joined, kind)
    return encoded_s


@dataclass(frozen=True, slots=True)
class _Joined:
    """A part of the result and how long the source showed it."""

    path: Path
    length_s: float


def _can_be_copied(clip: Clip) -> bool:
    is_even = clip.size.width % 2 == 0 and clip.size.height % 2 == 0
    return clip.codec == "h264" and clip.pixels == "yuv420p" and not clip.is_turned and clip.is_progressive and is_even


def _cut(source: Path, clip: Clip, cuts: list[float]) -> list[Path]:
    line = [*ffmpeg.READ, "-i", f"file:{source}", "-map", f"0:{clip.video}", "-c", "copy", "-map_metadata", "-1"]
    line += ["-f", "segment", "-segment_format", "mp4", "-segment_times", ",".join(f"{at:.6f}" for at in cuts)]
    ffmpeg.run([*line, "-reset_timestamps", "1", "piece%d.mp4"])
    return sorted(Path().glob("piece*.mp4"))


def _has_leading_frames(piece: Path) -> bool:
    """Whether frames behind its first one are shown before it: they need frames that stayed in the piece before."""
    shown = ffmpeg.first_moments(piece, _LEAD_LOOKED_AT)
    return not shown or min(shown) < shown[0]


def _encoded(piece: Path, clip: Clip, overlay: Overlay, encoding: Encoding, seen: str, own: str) -> Path:
    target = piece.with_suffix(".marked.mp4")
    quick = replace(encoding, preset=_PRESET, crf=encoding.crf - _FINER)
    encode_part(piece, target, replace(clip, video=0), overlay, quick, seen, own)  # a piece has one stream
    return target


def _length_s(piece: Path) -> float:
    """Of its frames; the file's own length counts the wait before the first one too."""
    return float(ffmpeg.probe(piece)["streams"][0]["duration"])


def _share_sets(joined: list[Path], middle: Path) -> None:
    """The joined file's index is made of the first part's."""
    other = next(path for path in (joined[0] if joined[0] != middle else joined[-1], middle) if path != joined[0])
    sets = avc.sets_of(other)
    if sets is not None:
        avc.add(joined[0], sets)


def _join(source: Path, target: Path, clip: Clip, joined: list[_Joined], kind: Kind) -> None:
    listed = "".join(f"file {part.path.name}\nduration {part.length_s:.6f}\n" for part in joined)
    Path("parts.ffconcat").write_text(f"ffconcat version 1.0\n{listed}")
    late = ["-itsoffset", f"{clip.video_starts_s:.6f}"]
    video = [*late, "-protocol_whitelist", "file,pipe", "-f", "concat", "-safe", "1", "-i", "parts.ffconcat"]
    sound = [*ffmpeg.READ, "-i", f"file:{source}"]
    copied = ["-map", "0:v:0", "-map", "1:a?", "-c", "copy"]
    ffmpeg.run([*video, *sound, *copied, *finished(kind), str(target)])
