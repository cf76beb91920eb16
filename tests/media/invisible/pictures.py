"""Varied pictures from a seeded dice: what channels post, without downloading any."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter, ImageFont

Pixels = npt.NDArray[np.uint8]
Dice = np.random.Generator
SIDES = (600, 3000)
_FONT = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"
_WORDS = [
    "bugun",
    "kanal",
    "narx",
    "yangi",
    "obuna",
    "новости",
    "сегодня",
    "цена",
    "канал",
    "скидка",
    "the",
    "market",
    "opens",
    "with",
    "news",
    "of",
    "a",
    "price",
]


def drawn(number: int, *, seed: int, sides: tuple[int, int] = SIDES) -> Pixels:
    """Picture `number` of a series: kinds in turn, sizes and both orientations by the dice."""
    dice = np.random.default_rng((seed, number))
    long = int(np.exp(dice.uniform(np.log(sides[0]), np.log(sides[1]))))
    short = max(sides[0], int(long * dice.choice([0.5625, 0.667, 0.75, 1.0])))
    size = (long, short) if dice.random() < 0.5 else (short, long)
    kinds = list(KINDS.values())
    return kinds[number % len(kinds)](dice, size)


def compressed(
    pixels: Pixels, *, scale: float = 1.0, quality: int = 70, resample: int = Image.Resampling.LANCZOS
) -> Pixels:
    """What a resize and a JPEG of this quality (4:2:0, as Telegram's) leave."""
    picture = Image.fromarray(pixels)
    if scale != 1.0:
        picture = picture.resize((round(picture.width * scale), round(picture.height * scale)), resample)
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file).convert("RGB"))


def _large(small: npt.NDArray[np.floating], size: tuple[int, int]) -> npt.NDArray[np.float32]:
    layers = [Image.fromarray(layer.astype(np.float32)).resize(size, Image.Resampling.BICUBIC) for layer in small]
    return np.stack([np.asarray(layer) for layer in layers], axis=-1)


def _clouds(dice: Dice, side: int, slope: float) -> npt.NDArray[np.float64]:
    """1/f**slope noise, mean 0, spread 1: the spectrum of natural scenes has a slope near 1."""
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None, :])
    frequency[0, 0] = np.inf
    waves = np.exp(2j * np.pi * dice.random(frequency.shape)) / frequency**slope
    found = np.fft.irfft2(waves, (side, side))
    return (found - found.mean()) / found.std()


def _bytes(values: npt.NDArray[np.floating]) -> Pixels:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def _grain(dice: Dice, size: tuple[int, int], spread: float) -> npt.NDArray[np.float32]:
    return dice.standard_normal((size[1], size[0], 1), dtype=np.float32) * np.float32(spread)


def _texture(dice: Dice, size: tuple[int, int]) -> Pixels:
    slope, spread = dice.uniform(0.8, 1.6), dice.uniform(12, 55)
    small = np.stack([_clouds(dice, 512, slope) for _ in range(3)]) * spread + dice.uniform(70, 180, (3, 1, 1))
    return _bytes(_large(small, size) + _grain(dice, size, dice.uniform(0, 4)))


def _photo(dice: Dice, size: tuple[int, int]) -> Pixels:
    """A sky, a ground and lit bodies with soft and sharp edges, one texture over all, the grain of a sensor."""
    width, height = size
    rows = np.linspace(0, 1, 256)[:, None] * np.ones((1, 256))
    sky, ground = dice.uniform(90, 250, 3), dice.uniform(20, 160, 3)
    small = np.stack([sky[c] * (1 - rows) + ground[c] * rows for c in range(3)])
    canvas = Image.fromarray(_bytes(_large(small, size)))
    for _ in range(int(dice.integers(4, 14))):
        x, y, reach = dice.uniform(0, width), dice.uniform(0, height), dice.uniform(0.04, 0.3) * min(size)
        layer = Image.new("L", size, 0)
        box = (x - reach, y - reach * dice.uniform(0.5, 1.5), x + reach, y + reach * dice.uniform(0.5, 1.5))
        ImageDraw.Draw(layer).ellipse(
            (min(box[0], box[2]), min(box[1], box[3]), max(box[0], box[2]), max(box[1], box[3])), fill=255
        )
        if dice.random() < 0.5:
            layer = (
                layer.resize((width // 16, height // 16))
                .filter(ImageFilter.GaussianBlur(dice.uniform(0.5, 3)))
                .resize(size)
            )
        canvas.paste(tuple(int(v) for v in dice.uniform(0, 255, 3)), mask=layer)
    light = _large(_clouds(dice, 512, dice.uniform(0.9, 1.3))[None], size) * dice.uniform(4, 26)
    return _bytes(np.asarray(canvas, dtype=np.float32) + light + _grain(dice, size, dice.uniform(0.5, 5)))


def _gradient(dice: Dice, size: tuple[int, int]) -> Pixels:
    angle = dice.uniform(0, 2 * np.pi)
    along = np.linspace(-1, 1, 256)
    run = along[None, :] * np.cos(angle) + along[:, None] * np.sin(angle)
    run = (run - run.min()) / (run.max() - run.min())
    first, last = dice.uniform(0, 255, 3), dice.uniform(0, 255, 3)
    return _bytes(_large(np.stack([first[c] + (last[c] - first[c]) * run for c in range(3)]), size))


def _screenshot(dice: Dice, size: tuple[int, int]) -> Pixels:
    """Text on a plain ground, dark on light or light on dark, with a bar and a bubble or two."""
    light = dice.random() < 0.7
    ground = tuple(int(v) for v in (dice.integers(235, 256, 3) if light else dice.integers(10, 45, 3)))
    ink = (25, 25, 30) if light else (225, 225, 225)
    canvas = Image.new("RGB", size, ground)
    pen, letters = ImageDraw.Draw(canvas), max(12, int(min(size) * dice.uniform(0.02, 0.05)))
    font = ImageFont.truetype(_FONT, letters)
    pen.rectangle((0, 0, size[0], letters * 3), fill=tuple(int(v) for v in dice.integers(40, 200, 3)))
    y = letters * 4
    while y < size[1] - letters * 2:
        words = " ".join(dice.choice(_WORDS, int(dice.integers(3, 14))))
        pen.text((letters, y), words, font=font, fill=ink)
        y += int(letters * dice.uniform(1.4, 2.2))
    return np.asarray(canvas)


def _graphic(dice: Dice, size: tuple[int, int]) -> Pixels:
    """A poster: plain areas with hard edges, a headline."""
    canvas = Image.new("RGB", size, tuple(int(v) for v in dice.integers(0, 256, 3)))
    pen = ImageDraw.Draw(canvas)
    for _ in range(int(dice.integers(3, 12))):
        corners = sorted(dice.integers(0, size[0], 2)), sorted(dice.integers(0, size[1], 2))
        box = (corners[0][0], corners[1][0], corners[0][1], corners[1][1])
        draw = dice.choice(["rectangle", "ellipse"])
        getattr(pen, draw)(box, fill=tuple(int(v) for v in dice.integers(0, 256, 3)))
    font = ImageFont.truetype(_FONT, int(min(size) * 0.11))
    pen.text((size[0] * 0.08, size[1] * 0.4), " ".join(dice.choice(_WORDS, 2)).upper(), font=font, fill="white")
    return np.asarray(canvas)


def _noise(dice: Dice, size: tuple[int, int]) -> Pixels:
    grain = dice.standard_normal((size[1], size[0], 3), dtype=np.float32) * np.float32(dice.uniform(10, 50))
    return _bytes(grain + np.float32(dice.uniform(80, 170)))


# photos most often, as in channels
KINDS: dict[str, Callable[[Dice, tuple[int, int]], Pixels]] = {
    "photo": _photo,
    "texture": _texture,
    "screenshot": _screenshot,
    "photo again": _photo,
    "graphic": _graphic,
    "gradient": _gradient,
    "another photo": _photo,
    "noise": _noise,
}
