"""What a marked picture keeps of its source, what it loses, and how it moves."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageDraw, PngImagePlugin

from app.media.marks import heic as heic_reader
from app.media.marks.bounds import Bounds
from app.media.marks.pasting import Marked
from app.media.marks.probing import probe
from app.media.marks.refusal import Refusal
from app.media.marks.stills import mark_image
from app.media.marks.wishes import mark_of
from tests.media.hostile.pieces import heic, patched, saved, scene
from tests.media.marks.samples import inside, logo, pixels

_MARK = mark_of({"text": "© @kanal"})
_PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def _marked(content: bytes, folder: Path, **how: Any) -> tuple[Marked, Image.Image]:
    (folder / "source").write_bytes(content)
    told = mark_image(folder / "source", folder / "marked", how.pop("mark", _MARK), **how)
    assert sorted(path.name for path in folder.iterdir() if path.name != "logo.png") == ["marked", "source"]
    return told, Image.open(folder / "marked")


def _outside(told: Marked, before: Image.Image, after: Image.Image) -> int:
    boxes = [{"left": b.left, "top": b.top, "width": b.width, "height": b.height} for b in told.boxes]
    changed = np.abs(pixels(after) - pixels(before)).max(axis=2)
    assert changed[inside(boxes, changed.shape)].max() > 40
    return int(changed[~inside(boxes, changed.shape)].max())


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_stands_upright_and_is_marked_where_people_see_the_corner(orientation: int, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    turned = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # Pillow's names of the ways back
    lying = scene(240, 160).transpose(Image.Transpose(turned[orientation])) if orientation > 1 else scene(240, 160)
    told, after = _marked(saved(lying, "JPEG", exif=exif.tobytes(), quality=95, subsampling=0), tmp_path)
    assert after.size == (240, 160) and not after.getexif()
    assert told.boxes[0].right == 240 - round(160 * 0.03)
    boxes = [{"left": b.left, "top": b.top, "width": b.width, "height": b.height} for b in told.boxes]
    changed = np.abs(pixels(after) - pixels(scene(240, 160))).max(axis=2)
    assert changed[~inside(boxes, changed.shape, grown=9)].max() < 16
    assert probe(tmp_path / "source").width == 240


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_the_colour_profile_stays(kind: str, tmp_path: Path) -> None:
    assert _marked(saved(scene(), kind, icc_profile=_PROFILE), tmp_path)[1].info["icc_profile"] == _PROFILE


def test_a_heic_becomes_a_jpeg_with_its_profile(tmp_path: Path) -> None:
    (tmp_path / "p.png").write_bytes(saved(scene(), "PNG", icc_profile=_PROFILE))
    subprocess.run(["heif-enc", "p.png", "-o", "p.heic"], check=True, capture_output=True, cwd=tmp_path)
    content = (tmp_path / "p.heic").read_bytes()
    (tmp_path / "p.heic").unlink()
    (tmp_path / "p.png").unlink()
    told, after = _marked(content, tmp_path)
    assert (told.kind, after.format) == ("jpeg", "JPEG") and after.info["icc_profile"] == _PROFILE


def test_imagemagick_reads_nothing_but_the_five_kinds_of_our_policy(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from app.media.marks import heic; print(heic.missing())\n"
        "from wand.image import Image\n"
        "for kind in sys.argv[2:]:\n"
        "  try:\n"
        "    Image(filename=f'{kind}:{sys.argv[1]}'); print(kind, 'read')\n"
        "  except Exception as error: print(kind, 'not authorized' in str(error) or 'security policy' in str(error))\n"
    )
    (tmp_path / "text").write_text("canary")
    line = [
        sys.executable,
        "-c",
        code,
        str(tmp_path / "text"),
        "mvg",
        "svg",
        "text",
        "label",
        "ps",
        "pdf",
        "tiff",
        "rgb",
    ]
    told = subprocess.run(line, capture_output=True, text=True, cwd=Path(__file__).parents[3]).stdout.split("\n")
    assert told[:-1] == ["None", *(f"{kind} True" for kind in line[4:])]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_all_other_metadata_is_dropped(kind: str, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010E] = "SECRET-PLACE"
    told = PngImagePlugin.PngInfo()
    told.add_text("Comment", "SECRET-PLACE")
    how = {"PNG": {"pnginfo": told}, "JPEG": {"comment": b"SECRET-PLACE"}, "WEBP": {"xmp": b"SECRET-PLACE"}}[kind]
    source = saved(scene(), kind, exif=exif.tobytes(), **how)
    assert b"SECRET-PLACE" in source
    _marked(source, tmp_path)
    assert b"SECRET" not in (tmp_path / "marked").read_bytes()


def test_transparency_stays_and_the_mark_stands_on_it(tmp_path: Path) -> None:
    before = scene().convert("RGBA")
    before.putalpha(Image.linear_gradient("L").resize(before.size))
    told, after = _marked(saved(before, "PNG"), tmp_path)
    assert after.mode == "RGBA" and _outside(told, before, after) == 0
    box = told.boxes[0]
    outside = np.asarray(before.getchannel("A")) == np.asarray(after.getchannel("A"))
    outside[box.top : box.bottom, box.left : box.right] = True
    assert outside.all()


def test_a_mark_on_nothing_is_as_bright_as_it_is_meant(tmp_path: Path) -> None:
    _told, after = _marked(
        saved(Image.new("RGBA", (240, 160)), "PNG"), tmp_path, mark=mark_of({"text": "III", "opacity": 1})
    )
    assert np.asarray(after)[np.asarray(after.getchannel("A")) == 255].max(axis=0).tolist() == [255, 255, 255, 255]


@pytest.mark.parametrize(
    ("mode", "how", "becomes"),
    [
        ("L", {}, "L"),
        ("1", {}, "L"),
        ("P", {}, "RGB"),
        ("P", {"transparency": 3}, "RGBA"),
        ("LA", {}, "RGBA"),
        ("I;16", {}, "L"),
    ],
)
def test_pngs_of_every_mode(mode: str, how: dict[str, Any], becomes: str, tmp_path: Path) -> None:
    before = scene(mode="L").convert("I;16").point(lambda v: v * 257) if mode == "I;16" else scene(mode=mode)
    told, after = _marked(saved(before, "PNG", **how), tmp_path)
    shown = scene(mode="L") if mode == "I;16" else Image.open(io.BytesIO(saved(before, "PNG", **how)))
    assert after.mode == becomes
    assert _outside(told, shown, after) <= (1 if mode == "I;16" else 0)


def test_a_coloured_logo_on_a_grey_picture_stays_coloured(tmp_path: Path) -> None:
    _told, after = _marked(
        saved(scene(mode="L"), "JPEG"), tmp_path, mark=mark_of({"logo": logo(tmp_path), "opacity": 1})
    )
    red, green = pixels(after)[..., 0], pixels(after)[..., 1]
    assert after.mode == "RGB" and (red - green).max() > 120


def test_a_picture_in_ink_becomes_light(tmp_path: Path) -> None:
    told, after = _marked(saved(scene(mode="CMYK"), "JPEG", quality=95), tmp_path)
    changed = np.abs(pixels(after) - pixels(scene()))[: told.boxes[0].top - 17]
    assert after.mode == "RGB" and changed.mean() < 4


@pytest.mark.parametrize(("sampling", "kept"), [(0, 0), (1, 1), (2, 2)])
def test_chroma_sampling_stays(sampling: int, kept: int, tmp_path: Path) -> None:
    from PIL import JpegImagePlugin

    _told, after = _marked(saved(scene(), "JPEG", subsampling=sampling), tmp_path)
    assert JpegImagePlugin.get_sampling(after) == kept


def test_a_lossless_webp_stays_lossless(tmp_path: Path) -> None:
    told, after = _marked(saved(scene(), "WEBP", lossless=True), tmp_path)
    assert _outside(told, scene(), after) == 0


def _film(kind: str, **how: Any) -> bytes:
    drawn = []
    for nth in range(5):
        frame = scene(200, 120)
        ImageDraw.Draw(frame).rectangle((nth * 20, 10, nth * 20 + 18, 40), fill=(200, 40, 10 * nth))
        drawn.append(frame.quantize(128) if kind == "GIF" else frame)
    times = [40, 120, 80, 200, 60]
    return saved(drawn[0], kind, save_all=True, append_images=drawn[1:], duration=times, **how)


@pytest.mark.parametrize(("kind", "how"), [("GIF", {}), ("WEBP", {"lossless": True}), ("PNG", {})])
def test_every_frame_is_marked_and_times_and_loops_stay(kind: str, how: dict[str, Any], tmp_path: Path) -> None:
    content = _film(kind, loop=3, **how)
    told, after = _marked(content, tmp_path)
    before: Any = Image.open(io.BytesIO(content))
    assert told.frames == after.n_frames == 5 and after.info["loop"] == 3  # type: ignore[attr-defined]
    for nth, wanted in enumerate([40, 120, 80, 200, 60]):
        before.seek(nth)
        after.seek(nth)
        after.load()
        assert after.info["duration"] == wanted
        assert _outside(told, before, after) == 0


def test_a_gif_that_is_shown_once_is_shown_once(tmp_path: Path) -> None:
    assert "loop" not in _marked(_film("GIF"), tmp_path)[1].info


@pytest.mark.parametrize("way", [1, 2])
def test_what_happens_between_frames_of_a_gif_stays(way: int, tmp_path: Path) -> None:
    after: Any = _marked(_film("GIF", loop=0, disposal=way), tmp_path)[1]
    after.seek(2)
    assert after.disposal_method == way


def test_holes_in_frames_stay_holes(tmp_path: Path) -> None:
    drawn = []
    for nth in range(3):
        frame = Image.new("RGBA", (200, 120))
        ImageDraw.Draw(frame).ellipse((nth * 50, 5, nth * 50 + 45, 50), fill=(30, 90, 200, 255))
        drawn.append(frame)
    content = saved(drawn[0], "GIF", save_all=True, append_images=drawn[1:], duration=50, disposal=2, loop=0)
    after: Any = _marked(content, tmp_path)[1]
    for nth, frame in enumerate(drawn):
        after.seek(nth)
        shown = after.convert("RGBA").crop((0, 0, 200, 60))
        assert (
            shown.getchannel("A").tobytes()
            == frame.crop((0, 0, 200, 60)).getchannel("A").point(lambda v: 255 if v > 127 else 0).tobytes()
        )


def test_a_gif_of_256_colours_has_room_for_the_mark(tmp_path: Path) -> None:
    green = Image.linear_gradient("L").resize((256, 160))
    before = Image.merge("RGB", (green.point(lambda _v: 0), green, green.point(lambda _v: 0))).quantize(256)
    told, after = _marked(saved(before, "GIF"), tmp_path, mark=mark_of({"text": "III", "opacity": 1}))
    box = told.boxes[0]
    part = pixels(after)[box.top : box.bottom, box.left : box.right]
    assert (part.min(axis=2) > 240).mean() > 0.1
    assert _outside(told, before, after) < 30


def test_a_gif_of_equal_frames_is_one_picture(tmp_path: Path) -> None:
    frame = scene(100, 80).quantize(50)
    content = saved(frame, "GIF", save_all=True, append_images=[frame.copy()], duration=[100, 200])
    assert _marked(content, tmp_path)[1].format == "GIF"


def test_a_phones_several_pictures_in_one_file_are_one(tmp_path: Path) -> None:
    content = saved(scene(), "MPO", save_all=True, append_images=[scene(60, 40)])
    told, after = _marked(content, tmp_path)
    assert (told.frames, after.format, after.size) == (1, "JPEG", (240, 160))


@pytest.mark.parametrize(
    ("bounds", "code"),
    [(Bounds(pixels=1000), "pixels"), (Bounds(frames=4), "frames"), (Bounds(all_pixels=100_000), "pixels")],
)
def test_what_is_too_much_is_refused_and_leaves_nothing(bounds: Bounds, code: str, tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(_film("GIF"))
    with pytest.raises(Refusal) as refused:
        mark_image(tmp_path / "source", tmp_path / "marked", _MARK, bounds=bounds)
    assert refused.value.code == code and [path.name for path in tmp_path.iterdir()] == ["source"]


def test_the_size_of_a_heic_is_read_before_it_is(tmp_path: Path) -> None:
    large = patched(heic(), b"ispe", 4, struct.pack(">II", 8000, 6000))
    (tmp_path / "large.heic").write_bytes(large)
    with pytest.raises(Refusal, match="40 million"):
        heic_reader.read(tmp_path / "large.heic", Bounds())


def test_progress_goes_up_to_one(tmp_path: Path) -> None:
    seen: list[float] = []
    _marked(_film("GIF"), tmp_path, on_progress=seen.append)
    assert seen == sorted(seen) and seen[-1] == 1.0 and len(seen) == 6
