"""Issue 6, acceptance 2: each hostile file is refused with a clear sentence or worked on within the limits."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from app.media import child
from tests.media.hostile import judges
from tests.media.hostile.conftest import Server
from tests.media.hostile.corpus import HOSTILE, Bait, Hostile
from tests.media.hostile.pieces import box


def test_the_corpus_is_as_large_as_promised() -> None:
    assert len({hostile.name for hostile in HOSTILE}) == len(HOSTILE) >= 60


@pytest.mark.parametrize("hostile", HOSTILE, ids=lambda hostile: hostile.name)
def test_a_hostile_file_does_no_harm(hostile: Hostile, bait: Bait, server: Server, tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    source, target = folder / hostile.name, folder / "result"
    source.write_bytes(hostile.content(bait))
    before = judges.temporary()
    verdict = judges.judged(source, target, {"text": "© me"})

    fates = hostile.fate if isinstance(hostile.fate, tuple) else (hostile.fate,)
    assert verdict.refused in fates, verdict
    if verdict.refused:
        assert re.fullmatch(r"[A-Z][^%]{15,}[.a-z]", verdict.sentence) and not target.exists()
    else:
        assert judges.leaks(target, bait) == []
    assert verdict.spent.wall_s < judges.MOST_S and verdict.spent.peak_bytes < judges.MOST_BYTES
    assert {path.name for path in folder.iterdir()} <= {hostile.name, "result"}
    assert judges.temporary() == before
    assert server.callers == []
    if judges.tells_reads(tmp_path):
        assert not any(judges.was_read(path) for path in (bait.text, bait.picture, bait.video))


@pytest.mark.parametrize("task", ["probe", "thumbnail", "read_mark"])
@pytest.mark.parametrize(
    "hostile", [h for h in HOSTILE if h.fate in ("pixels", "frames", "kind")], ids=lambda hostile: hostile.name
)
def test_looking_at_a_bomb_is_refused_too(hostile: Hostile, task: str, bait: Bait, tmp_path: Path) -> None:
    source = tmp_path / hostile.name
    source.write_bytes(hostile.content(bait))
    with pytest.raises(child.Refused):
        child.run(task, {"source": str(source), "keys": ["00" * 32]})


def test_a_demuxer_that_is_guessed_opens_what_a_playlist_names(bait: Bait, server: Server, tmp_path: Path) -> None:
    """The harm without the forced demuxer and the whitelist: the address in an 'MP4' is called."""
    source = tmp_path / "playlist.mp4"
    lines = ["#EXTM3U", "#EXT-X-TARGETDURATION:10", "#EXTINF:10,", f"{bait.address}/segment.ts", "#EXT-X-ENDLIST"]
    source.write_text("\n".join(lines))
    subprocess.run(["ffprobe", "-v", "quiet", "-protocol_whitelist", "file,http,tcp", str(source)], timeout=20)
    assert server.callers
    server.callers.clear()
    assert judges.judged(source, tmp_path / "result", {"text": "x"}).refused == "kind"
    source.write_bytes(box(b"ftyp", b"isom", bytes(4)) + source.read_bytes())
    assert judges.judged(source, tmp_path / "result", {"text": "x"}).refused == "damaged"
    assert server.callers == []


def test_a_logo_that_points_elsewhere_is_refused(bait: Bait, tmp_path: Path) -> None:
    from tests.media.hostile.pieces import saved, scene

    (tmp_path / "picture.png").write_bytes(saved(scene(), "PNG"))
    for name in ("drawing.png", "drawing.svg.png", "label.png"):
        hostile = next(one for one in HOSTILE if one.name == name)
        (tmp_path / name).write_bytes(hostile.content(bait))
        verdict = judges.judged(tmp_path / "picture.png", tmp_path / "result", {"logo": str(tmp_path / name)})
        assert verdict.refused == "kind"


def test_the_largest_picture_that_is_taken_stays_within_the_limits(tmp_path: Path) -> None:
    from PIL import Image

    Image.effect_noise((8000, 5000), 60).convert("RGB").save(tmp_path / "large.jpg", quality=70)
    verdict = judges.judged(tmp_path / "large.jpg", tmp_path / "result", {"text": "x"})
    assert verdict.refused is None and verdict.spent.peak_bytes < judges.MOST_BYTES


def test_the_largest_photo_that_telegram_takes_is_traced_within_the_limits(tmp_path: Path) -> None:
    from PIL import Image

    Image.effect_noise((5000, 5000), 60).convert("RGB").save(tmp_path / "large.jpg", quality=70)
    spent: list[child.Spent] = []
    trace, mark = {"payload": 7, "key": "00" * 32}, {"text": "x"}
    params = {"source": str(tmp_path / "large.jpg"), "target": str(tmp_path / "result")}
    child.run("mark_image", {**params, "mark": mark, "trace": trace}, on_end=spent.append)
    read = child.run("read_mark", {"source": str(tmp_path / "result"), "keys": ["11" * 32, "00" * 32]})
    assert read == {"payload": 7} and spent[0].peak_bytes < judges.MOST_BYTES
