"""ffmpeg and ffprobe as argument lists, never through a shell; what reads a file is told its kind and may open no other.

A playlist named .mp4 would make a demuxer that is guessed by content open what it lists; a forced one fails (measured,
docs/adr/0017). No text of a person ever stands in an argument.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.media.marks.linux import end_with_parent
from app.media.marks.refusal import N_, Refusal, damaged

_DECODERS = (
    "h264,hevc,mpeg4,vp8,vp9,libdav1d,av1,mjpeg,prores,h263,aac,mp3,mp3float,ac3,eac3,alac,opus,libopus,vorbis,flac"
)
_BESIDE = "mov_text,cc_dec,png"  # subtitles and covers, which are left behind; unread they would fail the whole
_PCM = "pcm_s16le,pcm_s16be,pcm_s24le,pcm_s24be,pcm_s32le,pcm_f32le,pcm_mulaw,pcm_alaw"
# the only demuxer, no other protocol, no reference to other files (libavformat/mov.c: enable_drefs), no exotic decoder
READ = (
    "-protocol_whitelist",
    "file,pipe",
    "-codec_whitelist",
    f"{_DECODERS},{_BESIDE},{_PCM}",
    "-enable_drefs",
    "0",
    "-f",
    "mov",
)
_IS_NO_DECODER = "not on whitelist"  # libavcodec/avcodec.c
_TOLD = 2000


@dataclass(frozen=True, slots=True)
class Stopped(Exception):
    """The program ended without success: its status (negative: a signal) and the end of what it said."""

    status: int
    said: str


def missing() -> list[str]:
    return [name for name in ("ffmpeg", "ffprobe") if shutil.which(name) is None]


def probe(source: Path) -> dict[str, Any]:
    """Streams and format of an MP4 or MOV, as ffprobe tells them. Raises Refusal for what it cannot read."""
    wanted = "format=duration,start_time:stream=index,codec_type,codec_name,width,height,pix_fmt,start_time,duration"
    more = ",sample_aspect_ratio,nb_frames,field_order:stream_disposition=attached_pic:stream_side_data=rotation"
    line = ["-v", "error", *READ, "-show_entries", wanted + more, "-of", "json", f"file:{source}"]
    found: dict[str, Any] = json.loads(_asked(line) or "{}")
    return found


def key_frame_before(source: Path, stream: int, at_s: float) -> float | None:
    """When the last frame begins from which decoding can start and that is not later than `at_s`."""
    shown = ["-select_streams", str(stream), "-show_entries", "packet=pts_time,flags", "-of", "csv=p=0"]
    interval = ["-read_intervals", f"{at_s:.6f}%+#1"]
    line = _asked(["-v", "error", *READ, *interval, *shown, f"file:{source}"]).splitlines()
    if not line or "K" not in line[0]:
        return None
    return float(line[0].split(",")[0])


def first_moments(source: Path, count: int) -> list[float]:
    """When the first `count` frames of a file's video are shown, in the order in which they are stored."""
    shown = ["-select_streams", "v:0", "-show_entries", "packet=pts_time", "-of", "csv=p=0"]
    lines = _asked(["-v", "error", *READ, "-read_intervals", f"%+#{count}", *shown, f"file:{source}"]).split()
    return [float(line.split(",")[0]) for line in lines]


def _asked(line: Sequence[str]) -> str:
    _check()
    done = subprocess.run(
        ["ffprobe", *line], stdin=subprocess.DEVNULL, capture_output=True, text=True, preexec_fn=end_with_parent
    )
    if _IS_NO_DECODER in done.stderr:
        raise Refusal(N_("This video is coded in a way that we do not read."), "codec")
    if done.returncode:
        raise damaged()
    return done.stdout


def run(
    line: Sequence[str], *, length_s: float = 0, on_progress: Callable[[float], None] = lambda _share: None
) -> None:
    """ffmpeg with these arguments; progress as a share of `length_s`. Raises Refusal when it fails."""
    try:
        _run(line, length_s, on_progress)
    except Stopped as stopped:
        if stopped.status == -signal.SIGXFSZ:
            raise Refusal(N_("The marked video would be too large."), "too_large") from stopped
        raise damaged() from stopped


def _run(line: Sequence[str], length_s: float, on_progress: Callable[[float], None]) -> None:
    _check()
    with Path("ffmpeg.said").open("w+b") as said:
        process = subprocess.Popen(
            ["ffmpeg", "-nostdin", "-hide_banner", "-v", "error", "-nostats", "-progress", "pipe:1", "-y", *line],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
            preexec_fn=end_with_parent,  # this process has one thread
        )
        assert process.stdout is not None
        for told in process.stdout:
            name, _, value = told.strip().partition("=")
            if name == "out_time_us" and length_s > 0 and value.lstrip("-").isdigit():
                on_progress(min(1.0, max(0.0, int(value) / 1_000_000 / length_s)))
        status = process.wait()
        if status:
            said.seek(-min(_TOLD, said.tell()) or 0, os.SEEK_END)
            raise Stopped(status, said.read().decode(errors="replace"))


def _check() -> None:
    if missing():
        raise Refusal(N_("Videos cannot be worked on: ffmpeg is not installed on this server."), "no_ffmpeg")
