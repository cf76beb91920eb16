"""Hostile words as a watermark: their letters are drawn as they are, on pictures and on videos, or refused."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from app.media.marks.layout import Size
from app.media.marks.pasting import paste
from app.media.marks.stamps import stamp_for
from app.media.marks.wishes import mark_of
from tests.media.hostile import judges
from tests.media.hostile.conftest import Server
from tests.media.hostile.corpus import Bait
from tests.media.hostile.pieces import clip, saved, scene
from tests.media.marks.samples import frame, pixels

_FONT = "/usr/share/fonts/truetype/dejavu/DejaVuSans-Bold.ttf"
Words = Callable[[Bait], str]
DRAWN: dict[str, Words] = {
    "quote": lambda _bait: "it's 'quoted' \"twice\" `thrice`",
    "expansion": lambda _bait: "%{localtime} %{pts} %{metadata:title} %%",
    "time": lambda _bait: "%Y-%m-%d %H:%M:%S",
    "textfile": lambda bait: f":textfile={bait.text}",
    "second drawtext": lambda bait: f"x,drawtext=textfile={bait.text}",
    "closing quote": lambda bait: f"x',drawtext=textfile='{bait.text}",
    "movie": lambda bait: f"x,movie={bait.picture}[m];[m]overlay",
    "address": lambda bait: f"x,movie={bait.address}/x.png",
    "link label": lambda _bait: "x[out];[0:v]negate[marked]",
    "at file": lambda bait: f"@{bait.text}",
    "escape": lambda _bait: "\\\\ \\' \\: \\n \\0",
    "option": lambda _bait: "-i /etc/passwd -y",
    "shell": lambda _bait: "$(id) `id` ; id | id && id > /tmp/x",
    "markup": lambda _bait: "<script>alert(1)</script> {{7*7}} ${7*7}",
    "newlines": lambda _bait: "one\ntwo\r\nthree",
    "nul": lambda _bait: "one\0two",
    "format": lambda _bait: "%s %(letters)s %n {0} {}",
    "right to left": lambda _bait: "سلام דוגמה",
    "override": lambda _bait: "abc\u202egnp.exe",
    "emoji": lambda _bait: "🎉👨‍👩‍👧🇺🇿 ok",
    "stacked marks": lambda _bait: "Z" + "\u0301" * 60,
    "long": lambda _bait: "W" * 200,
}
REFUSED: dict[str, tuple[str, str]] = {
    "10 KB": ("x" * 10_240, "text_too_long"),
    "10 KB of lines": ("\n".join("x" * 5_120), "text_too_long"),
    "10 KB of emoji": ("🎉" * 2_560, "text_too_long"),
    "nothing": ("\u200b\u200b\0", "mark"),
    "unknown letters": ("漢字", "letters"),
    "only a joiner": ("\u200d", "text_empty"),
}


@pytest.mark.parametrize("name", DRAWN)
def test_its_letters_are_drawn_as_they_are_on_a_picture(name: str, bait: Bait, server: Server, tmp_path: Path) -> None:
    source, target = tmp_path / "source.png", tmp_path / "result"
    source.write_bytes(saved(scene(480, 320), "PNG"))
    words = DRAWN[name](bait)
    verdict = judges.judged(source, target, {"text": words, "scale": 0.9})
    assert verdict.refused is None, verdict
    wanted = scene(480, 320)
    paste(wanted, stamp_for(mark_of({"text": words, "scale": 0.9}), Size(480, 320)))
    assert np.array_equal(pixels(Image.open(target)), pixels(wanted))
    _is_harmless(verdict, bait, server, tmp_path)


@pytest.mark.parametrize("name", DRAWN)
def test_its_letters_are_drawn_as_they_are_on_a_video(name: str, bait: Bait, server: Server, tmp_path: Path) -> None:
    source, target = tmp_path / "source.mp4", tmp_path / "result"
    source.write_bytes(clip("-crf", "8", size="480x320", sound=False))
    words = DRAWN[name](bait)
    verdict = judges.judged(source, target, {"text": words, "scale": 0.9, "opacity": 1})
    assert verdict.refused is None, verdict
    wanted = Image.fromarray(frame(source).astype("uint8"))
    stamp = stamp_for(mark_of({"text": words, "scale": 0.9, "opacity": 1}), Size(480, 320))
    paste(wanted, stamp)
    assert np.abs(frame(target) - pixels(wanted)).mean() < 6
    assert judges.leaks(target, bait) == []
    _is_harmless(verdict, bait, server, tmp_path)


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_drawn_is_refused(name: str, tmp_path: Path) -> None:
    words, code = REFUSED[name]
    (tmp_path / "source.png").write_bytes(saved(scene(), "PNG"))
    verdict = judges.judged(tmp_path / "source.png", tmp_path / "result", {"text": words})
    assert verdict.refused == code and len(verdict.sentence) < 200 and not (tmp_path / "result").exists()


def _is_harmless(verdict: judges.Verdict, bait: Bait, server: Server, tmp_path: Path) -> None:
    assert verdict.spent.wall_s < judges.MOST_S and verdict.spent.peak_bytes < judges.MOST_BYTES
    assert server.callers == []
    left = {path.name for path in tmp_path.iterdir()} - {"private", "source.png", "source.mp4", "result", "probe"}
    assert left == set()
    if judges.tells_reads(tmp_path):
        assert not any(judges.was_read(path) for path in (bait.text, bait.picture, bait.video))


@pytest.mark.parametrize("quote", ["", "'"])
def test_the_usual_line_of_drawtext_gives_a_secret_away(quote: str, tmp_path: Path) -> None:
    """The roadmap's own line: what somebody writes becomes a filter that reads a file of ours into the picture."""
    secret = tmp_path / "secret.txt"

    def naive(content: str, name: str) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
        secret.write_text(content)
        text = f"x{quote},drawtext=fontfile={_FONT}:fontsize=40:fontcolor=white:y=60:textfile={quote}{secret}"
        drawn = f"drawtext=fontfile={_FONT}:fontcolor=white:text={quote}{text}{quote}"
        line = ["-f", "lavfi", "-i", "color=black:size=480x160", "-vf", drawn, "-frames:v", "1", str(tmp_path / name)]
        subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-y", *line], check=True)
        return pixels(Image.open(tmp_path / name))

    one, other = naive("SECRET ONE", "one.png"), naive("other 222", "other.png")
    assert np.abs(one - other).max() > 200  # the picture tells what stands in the file

    def ours(content: str, name: str) -> bytes:
        secret.write_text(content)
        (tmp_path / "source.png").write_bytes(saved(scene(480, 160), "PNG"))
        words = f"x{quote},drawtext=textfile={quote}{secret}"
        assert judges.judged(tmp_path / "source.png", tmp_path / name, {"text": words}).refused is None
        return (tmp_path / name).read_bytes()

    assert ours("SECRET ONE", "ours-one") == ours("other 222", "ours-other")
