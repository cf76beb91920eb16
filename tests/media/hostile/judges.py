"""What is looked at after a hostile file or text was worked on."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from app.media import child
from tests.media.hostile.conftest import CANARY, MAGENTA
from tests.media.hostile.corpus import PAYLOAD, Bait
from tests.media.marks.samples import frame, pixels

MOST_S, MOST_BYTES = 10.0, 512 * 1024 * 1024
VIDEOS = (".mp4", ".mov")


@dataclass(frozen=True, slots=True)
class Verdict:
    """The code and sentence of a refusal (None: it was worked on) and what the child spent."""

    refused: str | None
    sentence: str
    spent: child.Spent


def judged(source: Path, target: Path, mark: dict[str, Any], *, task: str = "") -> Verdict:
    """Mark a file by the child with the default limits."""
    spent: list[child.Spent] = []
    task = task or ("mark_video" if _is_video(source) else "mark_image")
    params = {"source": str(source), "target": str(target), "mark": mark}
    code, sentence = None, ""
    try:
        child.run(task, params, on_end=spent.append)
    except child.Refused as refused:
        code, sentence = refused.code, refused.message
    return Verdict(code, sentence, spent[0])


def _is_video(source: Path) -> bool:
    head = source.read_bytes()[:12]
    return source.suffix in VIDEOS and not head.startswith(b"\xff\xd8") or head[4:8] == b"ftyp" and b"heic" not in head


def was_read(path: Path) -> bool:
    """Whether anybody read it since it was made (where the file system says so)."""
    return path.stat().st_atime > 1


def tells_reads(folder: Path) -> bool:
    probe = folder / "probe"
    probe.write_text("x")
    os.utime(probe, (1, probe.stat().st_mtime))
    probe.read_text()
    return was_read(probe)


def leaks(target: Path, bait: Bait) -> list[str]:
    """Everything of the canary's that can be found in a result, or that somebody read it."""
    found = []
    content = target.read_bytes()
    if CANARY.encode() in content or PAYLOAD[:20] in content:
        found.append("bytes")
    shown = frame(target, at_s=0) if content[4:8] == b"ftyp" else pixels(Image.open(target))
    distance = np.abs(shown - np.array(MAGENTA)).max(axis=2)
    if (distance < 40).mean() > 0.001:
        found.append("pixels")
    return found


def temporary() -> set[str]:
    """What lies in the system's folder of temporary files that could be a child's."""
    return {name for name in os.listdir(tempfile.gettempdir()) if name.startswith((".media-work-", "magick-"))}
