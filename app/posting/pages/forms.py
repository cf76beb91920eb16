"""The composer's fields as a draft. Whatever is sent is taken as far as it can be read: nothing here refuses."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import get_args

from werkzeug.datastructures import MultiDict

from app.media.models import MediaFile
from app.posting.content.blocks import Button, Content, Media, Options, Poll, Preview
from app.posting.content.draft import Draft

NO_POLL, POLL, QUIZ = "", "poll", "quiz"
AFTER_S = (3600, 6 * 3600, 12 * 3600, 86_400, 2 * 86_400, 3 * 86_400, 7 * 86_400)
TOP_MINUTES = (60, 120, 180, 360, 720, 1440, 2880)
_LONGEST_TEXT, _LONGEST_LINE, _MOST = 20_000, 2_048, 100
_BUTTON = re.compile(r"button-(\d{1,3})-url")
_PREVIEWS: dict[str, tuple[Preview, bool]] = {name: (name, False) for name in get_args(Preview)}
_PREVIEWS |= {"small_above": ("small", True), "large_above": ("large", True)}
PREVIEW_NAMES = tuple(_PREVIEWS)
Form = MultiDict[str, str]


def asked_files(form: Form) -> list[str]:
    """The public ids of the files that the form names, in its order."""
    return list(dict.fromkeys(form.getlist("media")))[:_MOST]


def read(form: Form, files: Mapping[str, MediaFile]) -> Draft:
    """The draft; `files` are those of `asked_files` that the workspace has, others are left out."""
    media = tuple(
        Media(files[key].kind, key, key in form.getlist("spoiler"))  # type: ignore[arg-type]
        for key in asked_files(form)
        if key in files
    )
    variants = {key.removeprefix("variant-"): text for key, text in form.items() if key.startswith("variant-")}
    return Draft(
        text=_text(form.get("text", "")),
        variants={key[:22]: _text(text) for key, text in list(variants.items())[:_MOST] if text.strip()},
        rest=Content(media=media, poll=_poll(form), buttons=_buttons(form), options=_options(form)),
        channels=tuple(dict.fromkeys(key[:22] for key in form.getlist("channel")))[:_MOST],
        day=form.get("day", "")[:10],
        time=form.get("time", "")[:5],
        zone=form.get("zone", "")[:64],
        is_pinned="pin" in form,
        top_minutes=_one_of(TOP_MINUTES, form.get("top_minutes", "")),
        after={
            name: seconds
            for name in ("unpin", "delete")
            if (seconds := _one_of(AFTER_S, form.get(f"{name}_after", "")))
        },
    )


def _text(text: str) -> str:
    return text.replace("\r\n", "\n")[:_LONGEST_TEXT]


def _line(form: Form, name: str) -> str:
    return form.get(name, "").strip()[:_LONGEST_LINE]


def _one_of(known: Sequence[int], text: str) -> int:
    """The number that is chosen in a list; 0 for none, or one that the list does not have."""
    return next((number for number in known if str(number) == text), 0)


def _poll(form: Form) -> Poll | None:
    kind = form.get("poll_kind", NO_POLL)
    if kind not in (POLL, QUIZ):
        return None
    typed = [text.strip()[:_LONGEST_LINE] for text in form.getlist("poll_option")[:_MOST]]
    kept = [number for number, text in enumerate(typed) if text]
    return Poll(
        _line(form, "poll_question"),
        tuple(typed[number] for number in kept),
        is_multiple=kind == POLL and "poll_multiple" in form,
        answer=_answer(form.get("poll_answer", ""), kept) if kind == QUIZ else None,
        explanation=_text(form.get("poll_explanation", "")) if kind == QUIZ else "",
    )


def _answer(chosen: str, kept: list[int]) -> int:
    """The right option's place among those that are filled in; -1 for none, which the check tells."""
    number = int(chosen) if chosen.isascii() and chosen.isdigit() and len(chosen) < 4 else -1
    return kept.index(number) if number in kept else -1


def _buttons(form: Form) -> tuple[tuple[Button, ...], ...]:
    """Rows of buttons; one that stands `beside` goes into the row of the one before it."""
    rows: list[tuple[Button, ...]] = []
    numbers = sorted(int(found[1]) for name in form if (found := _BUTTON.fullmatch(name)))
    for number in numbers[:_MOST]:
        text, url = _line(form, f"button-{number}-text"), _line(form, f"button-{number}-url")
        if not text and not url:
            continue
        button = Button(text, url, f"button-{number}-tracked" in form)
        if rows and f"button-{number}-beside" in form:
            rows[-1] = (*rows[-1], button)
        else:
            rows.append((button,))
    return tuple(rows)


def _options(form: Form) -> Options:
    preview, is_above = _PREVIEWS.get(form.get("preview", "auto"), ("auto", False))
    return Options(
        is_silent="silent" in form,
        is_protected="protected" in form,
        preview=preview,
        preview_above=is_above,
        caption_above="caption_above" in form,
        text_apart="text_apart" in form,
    )


def preview_name(options: Options) -> str:
    """The choice of the link's preview that these options are."""
    return (
        f"{options.preview}_above"
        if options.preview_above and options.preview in ("small", "large")
        else options.preview
    )
