"""The one way in which this package says no."""

from __future__ import annotations


class Refusal(Exception):
    """A file or a wish that we do not work on. `sentence` is English for a person, with `%(name)s` for each of `params`."""

    def __init__(self, sentence: str, code: str, **params: object) -> None:
        self.sentence, self.code, self.params = sentence, code, params
        super().__init__(sentence % params if params else sentence)


def N_(text: str) -> str:  # noqa: N802 - gettext's own name; app.core.i18n would load babel into the child
    """Marks a text for the catalogs and gives it back as it is."""
    return text


def damaged() -> Refusal:
    return Refusal(N_("This file is damaged, or not what it says it is."), "damaged")


def too_many_pixels(most: int) -> Refusal:
    return Refusal(N_("This picture has more than %(most)s million pixels."), "pixels", most=most // 1_000_000)


def too_many_frames(most: int) -> Refusal:
    return Refusal(N_("This picture moves through more than %(most)s frames."), "frames", most=most)
