"""A mark drawn once, small, with its opacity in its alpha: pictures get it pasted in place, videos laid over."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageColor, ImageDraw

from app.media.marks import fonts, layout, pictures
from app.media.marks.bounds import Bounds
from app.media.marks.layout import Box, Size
from app.media.marks.refusal import N_, Refusal
from app.media.marks.wishes import Mark

_DRAWN_PX = 100  # the size at which a text is measured
_LEAST_PX, _MOST_PX = 8, 400
_LINE = 1.25
_NEARLY = 0.96
_TILED_SCALE = 0.7  # of many copies each is smaller
_LOGO_BOUNDS = Bounds(pixels=16_000_000)


@dataclass(frozen=True, slots=True)
class Stamp:
    """An RGBA picture and where its copies stand."""

    image: Image.Image
    boxes: tuple[Box, ...]

    @property
    def is_grey(self) -> bool:
        red, green, blue, _alpha = self.image.split()
        return red.tobytes() == green.tobytes() == blue.tobytes()


def stamp_for(mark: Mark, picture: Size) -> Stamp:
    """The mark as it stands on a picture of this size. Raises Refusal for a text or a logo that cannot be drawn."""
    drawn = _logo(mark.logo) if mark.logo else _text(mark, picture)
    scale = mark.scale * (_TILED_SCALE if mark.is_tiled else 1)
    size = layout.fitted(picture, Size(*drawn.size), scale=scale, margin=mark.margin)
    image, size = _resized(drawn, size)
    alpha = image.getchannel("A").point([round(level * mark.opacity) for level in range(256)])
    image.putalpha(alpha)
    if mark.is_tiled:
        return Stamp(image, layout.tiled(picture, size))
    return Stamp(image, (layout.placed(picture, size, position=mark.position, margin=mark.margin),))


def _resized(drawn: Image.Image, size: Size) -> tuple[Image.Image, Size]:
    """A text was drawn for its place: the last percent is not worth half of what the stamp costs."""
    if _NEARLY * size.width <= drawn.width <= size.width and drawn.height <= size.height:
        return drawn, Size(*drawn.size)
    return drawn.resize((size.width, size.height), Image.Resampling.LANCZOS, reducing_gap=3.0), size


def _logo(path: Path) -> Image.Image:
    with pictures.opened(path, _LOGO_BOUNDS) as image:
        logo = pictures.upright(image).convert("RGBA")
    seen = logo.getchannel("A").getbbox()
    if seen is None:
        raise Refusal(N_("This logo is wholly transparent."), "logo")
    return logo.crop(seen)


def _text(mark: Mark, picture: Size) -> Image.Image:
    """The text near the size at which it will stand, so that little is lost by resizing; its outline keeps it readable."""
    lines = [fonts.runs(line) for line in mark.text.split("\n")]
    wide = max(sum(_width(run, _DRAWN_PX) for run in line) for line in lines) + _DRAWN_PX / 10  # and its outline
    scale = mark.scale * (_TILED_SCALE if mark.is_tiled else 1)
    wanted = _DRAWN_PX * scale * picture.width / wide
    size_px = int(min(max(wanted, _LEAST_PX), _MOST_PX, picture.height))
    drawn = _drawn(lines, max(size_px, _LEAST_PX), ImageColor.getrgb(mark.color)[:3])
    seen = drawn.getchannel("A").getbbox()
    if seen is None:
        raise Refusal(N_("This text has nothing to see."), "text_empty")
    return drawn.crop(seen)


def _drawn(lines: list[list[fonts.Run]], size_px: int, color: tuple[int, ...]) -> Image.Image:
    edge = max(1, size_px // 20)
    width = max(sum(_width(run, size_px) for run in line) for line in lines)
    canvas = Image.new("RGBA", (round(width) + 4 * edge, round(size_px * _LINE * len(lines)) + 4 * edge))
    draw = ImageDraw.Draw(canvas)
    dark = (0, 0, 0) if sum(color) > 380 else (255, 255, 255)
    for nth, line in enumerate(lines):
        left, top = 2.0 * edge, 2 * edge + nth * size_px * _LINE
        for run in line:
            if run.is_emoji:
                _paste_emoji(canvas, run.text, (round(left), round(top)), size_px)
            else:
                font = fonts.text_font(size_px)
                draw.text((left, top), run.text, (*color, 255), font, stroke_width=edge, stroke_fill=(*dark, 255))
            left += _width(run, size_px)
    return canvas


def _width(run: fonts.Run, size_px: int) -> float:
    if run.is_emoji:
        return fonts.emoji_font().getlength(run.text) * size_px / fonts.EMOJI_PX
    return fonts.text_font(size_px).getlength(run.text)


def _paste_emoji(canvas: Image.Image, text: str, at: tuple[int, int], size_px: int) -> None:
    font = fonts.emoji_font()
    full = Image.new("RGBA", (max(1, round(font.getlength(text))), round(fonts.EMOJI_PX * _LINE)))
    ImageDraw.Draw(full).text((0, 0), text, font=font, embedded_color=True)
    factor = size_px / fonts.EMOJI_PX
    small = full.resize((max(1, round(full.width * factor)), max(1, round(full.height * factor))))
    canvas.alpha_composite(small, at)
