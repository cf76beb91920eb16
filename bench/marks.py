"""e1, e2: what a mark costs beyond decoding and encoding (facts/performance.md 6 and 11)."""

from __future__ import annotations

import os
import resource
import subprocess
from collections.abc import Callable, Iterator
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, JpegImagePlugin

from app.media import child
from app.media.marks.encoding import Ends
from app.media.marks.stills import QUALITY, mark_image
from app.media.marks.videos import mark_video
from app.media.marks.wishes import mark_of
from bench import stats

_IMAGE_LIMIT, _VIDEO_LIMIT, _ENDS_LIMIT = 1.15, 1.05, 5.0
_MARK = {"text": "© @kanal"}
_ENDS = Ends(first_s=2.0, last_s=2.0)
_CODED = (
    "-c:v",
    "libx264",
    "-preset",
    "veryfast",
    "-crf",
    "20",
    "-profile:v",
    "high",
    "-threads",
    "1",
    "-fps_mode",
    "vfr",
)


@dataclass(frozen=True, slots=True)
class Size:
    """Of what is measured; `loops` copies of the clip are each a long video of which only the ends are marked.

    What is coded anew costs the same however long the video is: the limit is for the last, of about the 2 GB that
    Telegram takes.
    """

    picture: tuple[int, int] = (4000, 3000)
    video: str = "1920x1080"
    clip_s: int = 5
    loops: tuple[int, ...] = (120, 320)
    picture_rounds: int = stats.ROUNDS
    video_rounds: int = 9


def rows(folder: Path, size: Size = Size()) -> list[stats.Row]:  # noqa: B008 - frozen
    """The picture, the video, and the video that is marked at its ends only."""
    folder.mkdir(parents=True, exist_ok=True)
    with chdir(folder):
        return [*_picture_rows(size), *_video_rows(size)]


def _picture_rows(size: Size) -> Iterator[stats.Row]:
    source, mark = Path("source.jpg"), mark_of(_MARK)
    Image.effect_noise(size.picture, 40).convert("RGB").save(source, quality=90)
    variants = {
        "floor": lambda: stats.cpu(lambda: _coded_again(source)),
        "ours": lambda: stats.cpu(lambda: mark_image(source, Path("ours.jpg"), mark)),
        "usual": lambda: stats.cpu(lambda: _composited(source)),
        "child": lambda: _childs_cpu(source),
    }
    found = stats.rounds(variants, size.picture_rounds)
    detail = (
        f"{size.picture[0] * size.picture[1] / 1e6:.0f} MP JPEG, floor {stats.median(found['floor']) * 1000:.0f} ms"
    )
    ratio = stats.ratio(found["ours"], found["floor"])
    yield stats.at_most("e1", "text mark on a picture, CPU", "Pillow decode + encode", ratio, _IMAGE_LIMIT, detail)
    usual = stats.ratio(found["usual"], found["floor"])
    yield stats.informs("e1", "the usual composite of the whole in RGBA, CPU", "Pillow decode + encode", usual)
    whole = stats.ratio(found["child"], found["floor"])
    yield stats.informs("e1", "with its own process, start and walls included, CPU", "Pillow decode + encode", whole)


def _coded_again(source: Path) -> None:
    with Image.open(source) as image:
        sampling = JpegImagePlugin.get_sampling(image)
        image.load()
        image.save("floor.jpg", quality=QUALITY, subsampling=sampling)


def _composited(source: Path) -> None:
    from app.media.marks import layout, stamps

    with Image.open(source) as image:
        whole = image.convert("RGBA")
        stamp = stamps.stamp_for(mark_of(_MARK), layout.Size(*whole.size))
        above = Image.new("RGBA", whole.size)
        above.paste(stamp.image, (stamp.boxes[0].left, stamp.boxes[0].top))
        Image.alpha_composite(whole, above).convert("RGB").save("usual.jpg", quality=QUALITY, subsampling=2)


def _childs_cpu(source: Path) -> float:
    spent: list[child.Spent] = []
    params = {"source": str(source), "target": str(Path("child.jpg").resolve()), "mark": _MARK}
    child.run("mark_image", params, limits=child.Limits(wall_s=60), on_end=spent.append)
    return spent[0].cpu_s


def _video_rows(size: Size) -> Iterator[stats.Row]:
    if child.run("tools", {}, limits=child.Limits(wall_s=60))["missing"]:
        yield stats.informs(
            "e2", "mark on a video, CPU", "same preset without it", "not measured: ffmpeg is not installed"
        )
        return
    clip = _clip(size)
    mark = mark_of(_MARK)
    found = stats.rounds(
        {
            "floor": lambda: _cpu_of_all(
                lambda: _ffmpeg("-i", str(clip), *_CODED, "-c:a", "copy", *_FINISHED, "floor.mp4")
            ),
            "ours": lambda: _cpu_of_all(lambda: mark_video(clip, Path("ours.mp4"), mark)),
        },
        size.video_rounds,
    )
    detail = f"{size.video}, {size.clip_s} s, floor {stats.median(found['floor']):.1f} CPU s"
    ratio = stats.ratio(found["ours"], found["floor"])
    yield stats.at_most("e2", "text mark on a video, CPU", "same preset without it", ratio, _VIDEO_LIMIT, detail)
    for loops in size.loops:
        yield _ends_row(_repeated(clip, loops), size, loops)


def _ends_row(long: Path, size: Size, loops: int) -> stats.Row:
    mark = mark_of(_MARK)
    found = stats.rounds(
        {
            "copy": lambda: _cpu_of_all(lambda: _ffmpeg("-i", str(long), "-c", "copy", *_FINISHED, "copy.mp4")),
            "ours": lambda: _cpu_of_all(lambda: mark_video(long, Path("ends.mp4"), mark, ends_shown=_ENDS)),
        },
        size.video_rounds,
    )
    detail = f"{size.clip_s * loops} s, {long.stat().st_size / 1e6:.0f} MB, mark for {_ENDS.first_s:.0f} + {_ENDS.last_s:.0f} s"
    what, ratio = "mark at both ends of a video, CPU", stats.ratio(found["ours"], found["copy"])
    if loops == max(size.loops):
        return stats.at_most("e2", what, "stream copy", ratio, _ENDS_LIMIT, detail)
    return stats.informs("e2", what, "stream copy", ratio, detail)


_FINISHED = ("-movflags", "+faststart")


def _clip(size: Size) -> Path:
    """Noisy, with a tone."""
    clip = Path("clip.mp4").resolve()
    picture = f"testsrc2=size={size.video}:rate=30:duration={size.clip_s},noise=alls=4:allf=t"
    tone = f"sine=440:duration={size.clip_s}"
    sources = ("-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", tone)
    _ffmpeg(*sources, *_CODED, "-g", "60", "-pix_fmt", "yuv420p", "-c:a", "aac", str(clip))
    return clip


def _repeated(clip: Path, loops: int) -> Path:
    """The same over and over."""
    long = Path("long.mp4").resolve()
    _ffmpeg("-stream_loop", str(loops - 1), "-i", str(clip), "-c", "copy", str(long))
    return long


def _ffmpeg(*line: str) -> None:
    subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-y", *line], check=True)


def _cpu_of_all(work: Callable[[], object]) -> float:
    """CPU seconds of this process and of those that it started and that ended."""
    before = _spent()
    work()
    for piece in Path().glob("piece*"):
        os.unlink(piece)  # the child has a new folder for each video
    return _spent() - before


def _spent() -> float:
    told = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in told)
