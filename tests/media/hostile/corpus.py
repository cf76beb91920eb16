"""Files that want to hurt: `python -m tests.media.hostile.corpus FOLDER` writes them all.

Each says what must become of it: None: it is worked on; a word: it is refused with that code; a tuple: either.
Some point at a canary or at a server on loopback: what they name must never be opened.
"""

from __future__ import annotations

import io
import struct
import sys
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageCms, PngImagePlugin

from tests.media.hostile.pieces import (
    PNG,
    bomb,
    box,
    clip,
    frames,
    gif,
    gif_frame,
    heic,
    made,
    noise,
    patched,
    png,
    png_chunk,
    saved,
    scene,
)

PAYLOAD = b"<script>alert('payload')</script><?php system('id'); ?>"
DAMAGED, PIXELS, FRAMES, KIND, EMPTY, CODEC = "damaged", "pixels", "frames", "kind", "empty", "codec"
Fate = str | None | tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class Bait:
    """What hostile files try to read: a text, a picture, a video, and an address that nobody may call."""

    text: Path
    picture: Path
    video: Path
    address: str


@dataclass(frozen=True, slots=True)
class Hostile:
    name: str
    fate: Fate
    content: Callable[[Bait], bytes]


def _orientation(value: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = value
    return exif.tobytes()


def _exif_payload() -> bytes:
    exif = Image.Exif()
    exif[0x010E], exif[0x013B] = PAYLOAD.decode() * 500, PAYLOAD.decode()
    exif[0x0112] = 6
    exif.get_ifd(0x8825)[2] = (41.0, 18.0, 0.0)
    return saved(scene(), "JPEG", exif=exif.tobytes(), comment=PAYLOAD)


def _zip() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("index.html", PAYLOAD)
    return out.getvalue()


def _gif_js() -> bytes:
    return saved(scene(), "GIF", comment=b"*/=1;" + PAYLOAD + b"/*") + b"/*" + PAYLOAD + b"*/"


def _png_text() -> bytes:
    told = PngImagePlugin.PngInfo()
    told.add_text("Comment", PAYLOAD.decode(), zip=True)
    told.add_itxt("XML:com.adobe.xmp", PAYLOAD.decode())
    return saved(scene(), "PNG", pnginfo=told)


def _zlib_of_zeros(megabytes: int) -> bytes:
    packer = zlib.compressobj(9)
    return b"".join(packer.compress(bytes(1 << 20)) for _ in range(megabytes)) + packer.flush()


def _profile_for_ink() -> bytes:
    """A CMYK picture with the profile of a screen: a liar."""
    return saved(
        scene(mode="CMYK"), "JPEG", icc_profile=ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    )


def _animated_png_liar() -> bytes:
    return patched(frames(3, 40, 30, "PNG"), b"acTL", 0, struct.pack(">I", 1_000_000_000))


def _webp_canvas(width: int, height: int) -> bytes:
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    chunk = b"VP8X" + struct.pack("<I", 10) + b"\x02\0\0\0" + size + b"ANIM" + struct.pack("<IIH", 6, 0, 0)
    return b"RIFF" + struct.pack("<I", 4 + len(chunk)) + b"WEBP" + chunk


def _playlist(bait: Bait) -> bytes:
    lines = [bait.video.as_uri(), f"{bait.address}/segment.ts", str(bait.text)]
    return ("#EXTM3U\n" + "".join(f"#EXTINF:10,\n{line}\n" for line in lines) + "#EXT-X-ENDLIST\n").encode()


def _concat(bait: Bait) -> bytes:
    return f"ffconcat version 1.0\nfile '{bait.video}'\nfile '{bait.text}'\nfile '{bait.address}/x.mp4'\n".encode()


def _mvg(bait: Bait) -> bytes:
    return (
        f"push graphic-context\nviewbox 0 0 640 480\nimage over 0,0 0,0 '{bait.address}/x.png'\n"
        f"image over 0,0 640,480 '{bait.picture}'\npop graphic-context\n"
    ).encode()


def _svg(bait: Bait) -> bytes:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="99" height="99">'
        f'<image xlink:href="{bait.picture}" width="99" height="99"/><image xlink:href="{bait.address}/x.png"/>'
        f"<text>{PAYLOAD.decode()}</text></svg>"
    ).encode()


def _dref(bait: Bait, *, kind: bytes) -> bytes:
    """A MOV whose frames lie in another file, as its data reference says (libavformat/mov.c, mov_read_dref)."""
    content = clip("-movflags", "+faststart", sound=False, suffix="mov")
    old = content[content.index(b"dref") - 4 :][: struct.unpack(">I", content[content.index(b"dref") - 4 :][:4])[0]]
    where = bait.video.as_uri().encode() + b"\0"
    if kind == b"alis":
        name = str(bait.video).encode()
        where = bytes(150) + struct.pack(">HH", 18, len(name)) + name + (b"\0" if len(name) % 2 else b"")
        where += struct.pack(">HH", 0xFFFF, 0)
    new = box(b"dref", bytes(4), struct.pack(">I", 1), box(kind, bytes(4), where))
    grown, start = len(new) - len(old), content.index(old)
    content = content[:start] + new + content[start + len(old) :]
    for name in (b"dinf", b"minf", b"mdia", b"trak", b"moov"):
        at = content.rindex(name, 0, start) - 4
        content = (
            content[:at] + struct.pack(">I", struct.unpack(">I", content[at : at + 4])[0] + grown) + content[at + 4 :]
        )
    return content


def _deep(levels: int) -> bytes:
    inner = b""
    for _ in range(levels):
        inner = box(b"moov", inner)
    return box(b"ftyp", b"isom", bytes(4)) + inner


def _cover_only() -> bytes:
    cover = ["-f", "lavfi", "-i", "sine=440:duration=1", "-f", "lavfi", "-i", "color=red:size=64x64:rate=1:duration=1"]
    return made([*cover, "-c:a", "aac", "-c:v", "mjpeg", "-disposition:v:0", "attached_pic"], "mp4")


def _half(content: bytes) -> bytes:
    return content[: len(content) // 2]


def _as_is(content: Callable[[], bytes]) -> Callable[[Bait], bytes]:
    return lambda _bait: content()


_PIXEL_BOMBS: list[tuple[str, Fate, Callable[[], bytes]]] = [
    ("bomb-12000.png", PIXELS, lambda: bomb(12_000, 12_000)),
    ("bomb-30000.png", PIXELS, lambda: bomb(30_000, 30_000)),
    ("bomb-65535.png", PIXELS, lambda: png(65_535, 65_535, pixels=b"x")),
    ("largest.png", (PIXELS, DAMAGED), lambda: png(0x7FFFFFFF, 0x7FFFFFFF, pixels=b"x")),
    ("line-40000001.png", PIXELS, lambda: png(40_000_001, 1, pixels=b"x")),
    ("no-width.png", (EMPTY, DAMAGED), lambda: png(0, 100, pixels=b"x")),
    ("no-height.png", (EMPTY, DAMAGED), lambda: png(100, 0, pixels=b"x")),
    ("bomb.jpg", PIXELS, lambda: patched(saved(scene(), "JPEG"), b"\xff\xc0", 3, struct.pack(">HH", 65_500, 65_500))),
    ("no-height.jpg", (EMPTY, DAMAGED), lambda: patched(saved(scene(), "JPEG"), b"\xff\xc0", 3, struct.pack(">H", 0))),
    ("bomb.gif", PIXELS, lambda: gif((65_535, 65_535), gif_frame(0, 0, 1, 1))),
    ("bomb-beyond-screen.gif", PIXELS, lambda: gif((1, 1), gif_frame(0, 0, 20_000, 20_000))),
    ("bomb-far-away.gif", PIXELS, lambda: gif((1, 1), gif_frame(0, 0, 1, 1), gif_frame(60_000, 60_000, 1, 1))),
    ("no-size.gif", EMPTY, lambda: gif((0, 0), gif_frame(0, 0, 0, 0))),
    ("bomb.webp", (PIXELS, DAMAGED), lambda: _webp_canvas(16_000, 16_000)),
    ("largest.webp", (PIXELS, DAMAGED), lambda: _webp_canvas(1 << 24, 1 << 24)),
    ("bomb.heic", PIXELS, lambda: patched(heic(), b"ispe", 4, struct.pack(">II", 60_000, 60_000))),
    ("no-size.heic", DAMAGED, lambda: heic().replace(b"ispe", b"free")),
    ("idat-bomb.png", (DAMAGED, None), lambda: png(64, 64, pixels=_zlib_of_zeros(300))),
    ("profile-bomb.png", (DAMAGED, None), lambda: _with_chunk(b"iCCP", b"x\0\0" + _zlib_of_zeros(300))),
    ("text-bomb.png", (DAMAGED, None), lambda: _with_chunk(b"zTXt", b"x\0\0" + _zlib_of_zeros(300))),
]
_FRAME_BOMBS: list[tuple[str, Fate, Callable[[], bytes]]] = [
    ("300-large-frames.gif", PIXELS, lambda: frames(300, 1000, 1000, "GIF")),
    ("401-frames.gif", FRAMES, lambda: frames(401, 20, 20, "GIF")),
    ("100-large-frames.gif", PIXELS, lambda: frames(100, 1200, 1100, "GIF")),
    ("401-frames.webp", FRAMES, lambda: frames(401, 20, 20, "WEBP", lossless=True)),
    ("401-frames.png", FRAMES, lambda: frames(401, 20, 20, "PNG")),
    ("claims-milliard.png", (FRAMES, DAMAGED), _animated_png_liar),
    ("absurd-times.gif", None, lambda: frames(3, 40, 30, "GIF", duration=[0, 655_350, 10], loop=65_535)),
    ("no-frames.gif", DAMAGED, lambda: gif((10, 10))),
    (
        "wild-codes.gif",
        (DAMAGED, None),
        lambda: gif((10, 10), gif_frame(0, 0, 10, 10, b"\x0c\xff" + b"\xff" * 255 + b"\0")),
    ),
]
_CUT: list[tuple[str, Fate, Callable[[], bytes]]] = [
    ("half.png", DAMAGED, lambda: _half(saved(scene(), "PNG"))),
    ("half.jpg", DAMAGED, lambda: _half(saved(scene(), "JPEG"))),
    ("half.webp", DAMAGED, lambda: _half(saved(scene(), "WEBP"))),
    ("half.gif", (DAMAGED, None), lambda: _half(saved(scene(), "GIF"))),
    ("half.heic", DAMAGED, lambda: _half(heic())),
    ("half.mp4", DAMAGED, lambda: _half(clip())),
    ("half-index-first.mp4", (DAMAGED, None), lambda: _half(clip("-movflags", "+faststart"))),
    ("half.mov", DAMAGED, lambda: _half(clip(suffix="mov"))),
    ("head.png", DAMAGED, lambda: saved(scene(), "PNG")[:20]),
    ("head.jpg", DAMAGED, lambda: saved(scene(), "JPEG")[:20]),
    ("head.webp", DAMAGED, lambda: saved(scene(), "WEBP")[:20]),
    ("head.gif", DAMAGED, lambda: saved(scene(), "GIF")[:12]),
    ("head.heic", DAMAGED, lambda: heic()[:20]),
    ("head.mp4", DAMAGED, lambda: clip()[:40]),
    ("no-end.png", (DAMAGED, None), lambda: saved(scene(), "PNG")[:-12]),
    ("wrong-sums.png", DAMAGED, lambda: patched(saved(scene(), "PNG"), b"IDAT", 40, b"\0\1\2\3")),
]
_POLYGLOTS: list[tuple[str, Fate, Callable[[], bytes]]] = [
    ("script.gif", None, _gif_js),
    ("archive.jpg", None, lambda: saved(scene(), "JPEG") + _zip()),
    ("page.png", None, lambda: saved(scene(), "PNG") + PAYLOAD),
    ("archive.webp", None, lambda: saved(scene(), "WEBP") + _zip()),
    ("archive.mp4", None, lambda: clip() + _zip()),
    (
        "metadata.mp4",
        None,
        lambda: clip("-metadata", f"title={PAYLOAD.decode()}", "-metadata", "comment=payload')</script>"),
    ),
    ("exif-payload.jpg", None, _exif_payload),
    ("text-payload.png", None, _png_text),
    ("xmp-payload.webp", None, lambda: saved(scene(), "WEBP", xmp=PAYLOAD, exif=_orientation(3))),
    ("orientation-99.jpg", None, lambda: saved(scene(), "JPEG", exif=_orientation(99))),
    ("broken-exif.jpg", None, lambda: saved(scene(), "JPEG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff")),
    (
        "many-chunks.png",
        None,
        lambda: _with_chunk(b"teXt", b"x")[:33] + png_chunk(b"teXt", b"x") * 20_000 + saved(scene(), "PNG")[33:],
    ),
]
_ODD: list[tuple[str, Fate, Callable[[], bytes]]] = [
    ("ink.jpg", None, lambda: saved(scene(mode="CMYK"), "JPEG")),
    ("ink-with-wrong-profile.jpg", None, _profile_for_ink),
    ("junk-profile.jpg", None, lambda: saved(scene(), "JPEG", icc_profile=noise(5000))),
    ("progressive.jpg", None, lambda: saved(scene(), "JPEG", progressive=True)),
    ("sixteen-bit.png", None, lambda: saved(scene(mode="L").convert("I;16").point(lambda v: v * 257), "PNG")),
    ("one-bit.png", None, lambda: saved(scene(mode="1"), "PNG")),
    ("palette-with-holes.png", None, lambda: saved(scene().quantize(64), "PNG", transparency=3)),
    ("grey-with-alpha.png", None, lambda: saved(scene(mode="LA"), "PNG")),
    ("one-pixel.png", None, lambda: saved(scene(1, 1), "PNG")),
    ("one-row.jpg", None, lambda: saved(scene(3000, 1), "JPEG")),
]
_NOT_THAT: list[tuple[str, Fate, Callable[[], bytes]]] = [
    ("empty.png", KIND, lambda: b""),
    ("one-byte.jpg", KIND, lambda: b"\xff"),
    ("zeros.mp4", KIND, lambda: bytes(5000)),
    ("noise.png", DAMAGED, lambda: PNG + noise(5000)),
    ("noise.jpg", DAMAGED, lambda: b"\xff\xd8\xff\xe0" + noise(5000)),
    ("noise.gif", (DAMAGED, PIXELS), lambda: b"GIF89a" + noise(5000)),
    ("noise.webp", DAMAGED, lambda: b"RIFF" + struct.pack("<I", 5000) + b"WEBPVP8 " + noise(4988)),
    ("noise.mp4", DAMAGED, lambda: box(b"ftyp", b"isom", bytes(4)) + noise(5000)),
    ("noise.heic", DAMAGED, lambda: box(b"ftyp", b"heic", bytes(4)) + noise(5000)),
    ("program.gif", KIND, lambda: b"\x7fELF" + noise(500)),
    ("tiff.png", KIND, lambda: saved(scene(), "TIFF")),
    ("bmp.jpg", KIND, lambda: saved(scene(), "BMP")),
    ("icon.png", KIND, lambda: saved(scene(), "ICO")),
    ("pdf.png", KIND, lambda: saved(scene(), "PDF")),
    ("page.jpg", KIND, lambda: b"<html>" + PAYLOAD),
    ("avi.mp4", KIND, lambda: clip(suffix="avi")),
    ("matroska.mp4", KIND, lambda: clip(suffix="mkv")),
    ("picture-as-video.mp4", None, lambda: saved(scene(), "JPEG")),
    ("video-as-picture.png", None, lambda: clip()),
]
_VIDEOS: list[tuple[str, Fate, Callable[[], bytes]]] = [
    ("million-fps.mp4", None, lambda: patched(clip(sound=False), b"mdhd", 12, struct.pack(">I", 1_000_000_000))),
    ("one-unit-fps.mp4", (DAMAGED, None), lambda: patched(clip(sound=False), b"mdhd", 12, struct.pack(">I", 1))),
    ("lasts-for-ever.mp4", None, lambda: patched(clip(sound=False), b"mvhd", 16, struct.pack(">I", 0xFFFFFFF0))),
    (
        "frames-for-ever.mp4",
        (DAMAGED, None),
        lambda: patched(clip(sound=False), b"stts", 8, struct.pack(">II", 15, 0x7FFFFFF0)),
    ),
    (
        "milliard-samples.mp4",
        (DAMAGED, None),
        lambda: patched(clip(sound=False), b"stsz", 8, struct.pack(">I", 0xFFFFFFF0)),
    ),
    ("no-timescale.mp4", (DAMAGED, None), lambda: patched(clip(sound=False), b"mdhd", 12, struct.pack(">I", 0))),
    ("wide-pixels.mp4", None, lambda: clip("-vf", "setsar=2000/1")),
    ("tall-pixels.mp4", None, lambda: clip("-vf", "setsar=1/2000")),
    ("8k.mp4", PIXELS, lambda: clip(size="7680x4320", seconds="0.1", sound=False)),
    ("dots.mp4", EMPTY, lambda: clip(size="8x8", sound=False)),
    ("sound-only.mp4", EMPTY, lambda: clip("-vn")),
    ("cover-only.mp4", EMPTY, _cover_only),
    ("raw.mov", CODEC, lambda: clip("-c:v", "rawvideo", sound=False, suffix="mov")),
    ("png.mov", CODEC, lambda: clip("-c:v", "png", "-pix_fmt", "rgb24", sound=False, suffix="mov")),
    (
        "negative-box.mp4",
        (EMPTY, DAMAGED),
        lambda: box(b"ftyp", b"isom", bytes(4)) + b"\xff\xff\xff\xffmoov" + bytes(100),
    ),
    ("nested.mp4", DAMAGED, lambda: _deep(5000)),
    ("odd-sides.mp4", None, lambda: clip("-pix_fmt", "yuv444p", size="161x121")),
]
_POINTING: list[tuple[str, Fate, Callable[[Bait], bytes]]] = [
    ("playlist.mp4", KIND, _playlist),
    ("concat.mp4", KIND, _concat),
    ("playlist-with-a-head.mp4", DAMAGED, lambda bait: box(b"ftyp", b"isom", bytes(4)) + b"\n" + _playlist(bait)),
    ("dash.mp4", KIND, lambda bait: f"<MPD><Period><BaseURL>{bait.address}/</BaseURL></Period></MPD>".encode()),
    ("sdp.mp4", KIND, lambda bait: b"v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n"),
    ("drawing.png", KIND, _mvg),
    ("drawing.svg.png", KIND, _svg),
    ("postscript.jpg", KIND, lambda bait: f"%!PS\n({bait.text}) (r) file 1000 string readstring".encode()),
    ("label.png", KIND, lambda bait: f"label:@{bait.text}".encode()),
    ("alias.mov", (DAMAGED, None), lambda bait: _dref(bait, kind=b"alis")),
    ("url.mov", (DAMAGED, None), lambda bait: _dref(bait, kind=b"url ")),
]


def _with_chunk(name: bytes, content: bytes) -> bytes:
    whole = saved(scene(), "PNG")
    return whole[:33] + png_chunk(name, content) + whole[33:]


HOSTILE = [
    *(Hostile(name, fate, _as_is(content)) for name, fate, content in [*_PIXEL_BOMBS, *_FRAME_BOMBS, *_CUT]),
    *(Hostile(name, fate, _as_is(content)) for name, fate, content in [*_POLYGLOTS, *_ODD, *_NOT_THAT, *_VIDEOS]),
    *(Hostile(name, fate, content) for name, fate, content in _POINTING),
]


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    bait = Bait(folder / "canary.txt", folder / "canary.png", folder / "canary.mp4", "http://127.0.0.1:9")
    for hostile in HOSTILE:
        (folder / hostile.name).write_bytes(hostile.content(bait))
    print(f"{len(HOSTILE)} files in {folder}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
