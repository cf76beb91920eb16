"""The tasks by name: plain data in, plain data out. Results go to the file `result` in the current directory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from app.media.marks.bounds import Bounds
from app.media.marks.kinds import Kind
from app.media.marks.refusal import N_, Refusal
from app.media.marks.wishes import mark_of

Params = Mapping[str, Any]
Progress = Callable[[float], None]
RESULT = Path("result")


def _mark_image(params: Params, bounds: Bounds, on_progress: Progress) -> Any:
    from app.media.marks.stills import QUALITY, mark_image
    from app.media.marks.traces import trace_of

    quality = min(max(int(params.get("quality", QUALITY)), 85), 98)
    return mark_image(
        _source(params),
        RESULT,
        mark_of(params["mark"]) if params.get("mark") else None,
        trace=trace_of(params["trace"]) if params.get("trace") else None,
        bounds=bounds,
        quality=quality,
        on_progress=on_progress,
    )


def _mark_video(params: Params, bounds: Bounds, on_progress: Progress) -> Any:
    from app.media.marks.encoding import PRESETS, Encoding, Ends
    from app.media.marks.videos import mark_video

    preset = str(params.get("preset", Encoding().preset))
    if preset not in PRESETS:
        raise Refusal(N_("There is no such preset for videos."), "preset")
    ends = params.get("ends")
    return mark_video(
        _source(params),
        RESULT,
        mark_of(params["mark"]),
        ends_shown=Ends(max(0.0, float(ends["first_s"])), max(0.0, float(ends["last_s"]))) if ends else None,
        encoding=Encoding(preset=preset, threads=min(max(int(params.get("threads", 1)), 1), 4)),
        bounds=bounds,
        on_progress=on_progress,
    )


def _probe(params: Params, bounds: Bounds, _on_progress: Progress) -> Any:
    from app.media.marks.probing import probe

    return probe(_source(params), bounds=bounds)


def _thumbnail(params: Params, bounds: Bounds, _on_progress: Progress) -> Any:
    from app.media.marks.thumbnails import thumbnail

    kind = Kind.JPEG if params.get("format") == "jpeg" else Kind.WEBP
    longest, at_s = int(params.get("longest", 320)), float(params.get("at_s", 0))
    return thumbnail(_source(params), RESULT, longest=longest, kind=kind, at_s=at_s, bounds=bounds)


def _read_mark(params: Params, bounds: Bounds, _on_progress: Progress) -> dict[str, Any]:
    """The invisible mark of a picture; `keys` in hexadecimal. `payload` is None where it has none."""
    from app.media.marks.traces import payload_in

    return {"payload": payload_in(_source(params), [bytes.fromhex(key) for key in params["keys"]], bounds=bounds)}


def _tools(_params: Params, _bounds: Bounds, _on_progress: Progress) -> dict[str, Any]:
    """What is not installed of what tasks need."""
    from app.media.marks import ffmpeg, fonts, heic

    return {"missing": [*ffmpeg.missing(), *fonts.missing(), *filter(None, [heic.missing()])]}


def _source(params: Params) -> Path:
    return Path(str(params["source"]))


def _plain(task: Callable[[Params, Bounds, Progress], Any]) -> Callable[[Params, Mapping[str, int], Progress], Any]:
    def done(params: Params, bounds: Mapping[str, int], on_progress: Progress) -> dict[str, Any]:
        found = task(params, Bounds(**bounds), on_progress)
        if isinstance(found, dict):
            return found
        mime = {"mime": found.kind.mime} if hasattr(found, "kind") else {}
        return mime | asdict(found)

    return done


TASKS = {
    "mark_image": _plain(_mark_image),
    "mark_video": _plain(_mark_video),
    "probe": _plain(_probe),
    "thumbnail": _plain(_thumbnail),
    "read_mark": _plain(_read_mark),
    "tools": _plain(_tools),
}
