"""One small file of each kind that marks go on, without any mark, and eyes that find one."""

from __future__ import annotations

import hashlib
import io
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from tests.media.hostile.pieces import clip, heic, saved, scene

WIDTH, HEIGHT = 480, 320
KINDS = ("png", "jpeg", "webp", "gif", "heic", "mp4")
Pixels = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Sample:
    """A source, its kind, and where its marked copy goes."""

    kind: str
    source: Path
    target: Path


def sample(kind: str, folder: Path) -> Sample:
    content = {
        "png": lambda: saved(scene(WIDTH, HEIGHT), "PNG"),
        "jpeg": lambda: saved(scene(WIDTH, HEIGHT), "JPEG", quality=95),
        "webp": lambda: saved(scene(WIDTH, HEIGHT), "WEBP", quality=95),
        "gif": lambda: saved(scene(WIDTH, HEIGHT).quantize(200), "GIF"),
        "heic": lambda: heic(WIDTH, HEIGHT),
        "mp4": lambda: clip("-crf", "12", size=f"{WIDTH}x{HEIGHT}"),
    }[kind]()
    source = folder / f"source.{kind}"
    source.write_bytes(content)
    return Sample(kind, source, folder / "marked")


def logo(folder: Path) -> Path:
    """A red ring on nothing."""
    picture = Image.new("RGBA", (120, 120))
    ImageDraw.Draw(picture).ellipse((4, 4, 116, 116), fill=(230, 30, 40, 255), outline=(255, 255, 255, 255), width=6)
    path = folder / "logo.png"
    picture.save(path)
    return path


def unmarked(given: Sample) -> Pixels:
    """What the same encoder makes of the source without a mark."""
    if given.kind == "mp4":
        target = given.source.with_name("unmarked.mp4")
        coded = ["-c:v", "libx264", "-preset", "veryfast", "-crf", "20", "-profile:v", "high", "-threads", "1"]
        ffmpeg("-i", str(given.source), *coded, "-pix_fmt", "yuv420p", str(target))
        return frame(target)
    if given.kind == "heic":
        from wand.image import Image as Magick

        with Magick(filename=str(given.source)) as picture:
            picture.format = "png"
            picture.save(filename=str(given.source.with_suffix(".png")))
        return again(Image.open(given.source.with_suffix(".png")).convert("RGB"), "JPEG", quality=90, subsampling=2)
    picture = Image.open(given.source)
    how = {"jpeg": {"quality": 90, "subsampling": 2}, "webp": {"quality": 90}}.get(given.kind, {})
    return again(picture, given.kind.upper(), **how)


def again(picture: Image.Image, kind: str, **how: Any) -> Pixels:
    out = io.BytesIO()
    picture.save(out, kind, **how)
    return pixels(Image.open(out))


def seen(path: Path, kind: str) -> Pixels:
    return frame(path) if kind == "mp4" else pixels(Image.open(path))


def pixels(picture: Image.Image) -> Pixels:
    return np.asarray(picture.convert("RGB")).astype(int)


def frame(video: Path, *, at_s: float = 0.5) -> Pixels:
    """What is seen at a moment of a video, as people see it: turned."""
    shown = ffmpeg("-ss", str(at_s), "-i", str(video), "-frames:v", "1", "-f", "image2pipe", "-c:v", "png", "-")
    return pixels(Image.open(io.BytesIO(shown)))


def ffmpeg(*line: str) -> bytes:
    return subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-y", *line], check=True, capture_output=True).stdout


def ffprobe(path: Path, shown: str, *more: str) -> str:
    line = ["ffprobe", "-v", "error", *more, "-show_entries", shown, "-of", "csv=p=0", str(path)]
    return subprocess.run(line, check=True, capture_output=True, text=True).stdout


def sound(path: Path) -> str:
    """The MD5 of the audio packets as they are stored."""
    return hashlib.md5(ffmpeg("-i", str(path), "-map", "0:a", "-c", "copy", "-f", "data", "-")).hexdigest()


def inside(boxes: list[dict[str, int]], shape: tuple[int, ...], *, grown: int = 0) -> Pixels:
    """Which pixels lie in one of the boxes, grown by so many pixels on each side."""
    found = np.zeros(shape[:2], dtype=bool)
    for box in boxes:
        top, left = max(0, box["top"] - grown), max(0, box["left"] - grown)
        found[top : box["top"] + box["height"] + grown, left : box["left"] + box["width"] + grown] = True
    return found
