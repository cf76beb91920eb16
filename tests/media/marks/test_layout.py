"""A mark lies inside of its picture, wherever and however large somebody wants it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.media.marks.layout import Box, Position, Size, fitted, margin_px, placed, tiled

_SIZES = st.builds(Size, st.integers(1, 5000), st.integers(1, 5000))
_SHARES, _MARGINS = st.floats(0.02, 1.0), st.floats(0, 0.25)


def _is_inside(box: Box, picture: Size) -> bool:
    return 0 <= box.left < box.right <= picture.width and 0 <= box.top < box.bottom <= picture.height


@given(_SIZES, _SIZES, st.sampled_from(Position), _SHARES, _MARGINS)
def test_a_mark_is_inside_of_its_picture(
    picture: Size, mark: Size, position: Position, scale: float, margin: float
) -> None:
    size = fitted(picture, mark, scale=scale, margin=margin)
    box = placed(picture, size, position=position, margin=margin)
    assert _is_inside(box, picture)
    edge = margin_px(picture, margin)
    assert min(box.left, box.top, picture.width - box.right, picture.height - box.bottom) >= edge


@given(_SIZES, _SIZES, _SHARES)
def test_tiles_are_inside_and_never_over_each_other(picture: Size, mark: Size, scale: float) -> None:
    size = fitted(picture, mark, scale=scale, margin=0.03)
    boxes = tiled(picture, size)[:60]
    assert boxes and all(_is_inside(box, picture) for box in boxes)
    for nth, one in enumerate(boxes):
        for other in boxes[nth + 1 :]:
            assert (
                one.right <= other.left or other.right <= one.left or one.bottom <= other.top or other.bottom <= one.top
            )


@given(_SIZES, _SHARES)
def test_a_mark_keeps_its_shape_where_there_is_room(mark: Size, scale: float) -> None:
    size = fitted(Size(100_000, 100_000), mark, scale=scale, margin=0)
    if min(size.width, size.height) > 50:
        assert size.width / size.height == pytest.approx(mark.width / mark.height, rel=0.02)


@pytest.mark.parametrize(
    ("position", "left", "top"),
    [
        (Position.TOP_LEFT, 10, 10),
        (Position.TOP, 80, 10),
        (Position.TOP_RIGHT, 150, 10),
        (Position.LEFT, 10, 40),
        (Position.CENTER, 80, 40),
        (Position.RIGHT, 150, 40),
        (Position.BOTTOM_LEFT, 10, 70),
        (Position.BOTTOM, 80, 70),
        (Position.BOTTOM_RIGHT, 150, 70),
    ],
)
def test_the_nine_positions(position: Position, left: int, top: int) -> None:
    assert placed(Size(200, 100), Size(40, 20), position=position, margin=0.1) == Box(left, top, 40, 20)


def test_a_mark_is_so_wide_as_its_share_of_the_picture() -> None:
    assert fitted(Size(1000, 800), Size(50, 10), scale=0.25, margin=0.03) == Size(250, 50)


def test_a_tall_mark_is_as_high_as_the_margins_leave() -> None:
    assert fitted(Size(1000, 200), Size(10, 100), scale=0.5, margin=0.1) == Size(16, 160)


def test_every_second_row_of_tiles_is_shifted() -> None:
    boxes = tiled(Size(400, 300), Size(50, 20))
    rows = sorted({box.top for box in boxes})
    first, second = ([box.left for box in boxes if box.top == top] for top in rows[:2])
    assert len(rows) == 5 and first[0] + 50 == second[0] and len(first) == 4
