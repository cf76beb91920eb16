"""The catalogs of texts: `python -m deploy.texts` brings app/translations/*.po up to date, `--check` only tells.

Texts stand in templates as `_('…')`, in Python as `N_("…")`, as the first word of an AppError, or in `say(…)`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).parent.parent
CATALOGS = ROOT / "app/translations"
LANGUAGES = ("ru", "uz")
_ERRORS = ("AppError", "NotFound", "Forbidden", "Unauthenticated", "Conflict", "Invalid", "LimitReached", "Upstream")
_KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "N_": None, "say": (2,), "say_many": (2, 3)}
_KEYWORDS |= dict.fromkeys(_ERRORS)
_METHODS = [
    ("app/cli/**", "ignore"),  # the operator's command line speaks English
    ("app/**.py", "python"),
    ("bot/**.py", "python"),
    ("templates/**.html", "jinja2"),
]
_OPTIONS = {"templates/**.html": {"trimmed": "true", "newstyle_gettext": "true", "silent": "false"}}
_HOLE = re.compile(r"%\(\w+\)[sd]")


def extracted() -> Catalog:
    """All texts of the product, with where they stand."""
    found = Catalog(project="AnalyticBot", charset="utf-8")
    for folder in ("app", "bot", "templates"):
        methods = [(pattern.removeprefix(f"{folder}/"), how) for pattern, how in _METHODS if pattern.startswith(folder)]
        options = {k.removeprefix(f"{folder}/"): v for k, v in _OPTIONS.items()}
        for name, _line, message, comments, context in extract_from_dir(
            str(ROOT / folder), methods, options, _KEYWORDS
        ):
            found.add(message, None, [(f"{folder}/{name}", None)], auto_comments=comments, context=context)  # type: ignore[list-item]
    return found


def catalog(language: str) -> Catalog:
    path = CATALOGS / f"{language}.po"
    if not path.exists():
        return Catalog(locale=language, project="AnalyticBot", charset="utf-8")
    with path.open("rb") as file:
        return read_po(file, locale=language)


def faults(language: str) -> Iterator[str]:
    """What a language lacks: missing, doubtful or left-over texts, plural forms, parameters that are lost."""
    wanted, have = extracted(), catalog(language)
    for message in wanted:
        if not message.id:
            continue
        ours = have.get(message.id)
        if ours is None or not all(_strings(ours)):
            yield f"{language}: no text for {message.id!r}"
        elif ours.fuzzy:
            yield f"{language}: doubtful: {message.id!r}"
        else:
            yield from _broken(language, ours, have.num_plurals)
    for message in have:
        if message.id and wanted.get(message.id) is None:
            yield f"{language}: nobody says {message.id!r} any more"


def _broken(language: str, message: Message, plurals: int) -> Iterator[str]:
    strings, ids = _strings(message), message.id if isinstance(message.id, tuple | list) else (message.id,)
    if len(ids) > 1 and len(strings) != plurals:
        yield f"{language}: {len(strings)} plural forms of {plurals} for {ids!r}"
    holes = set(_HOLE.findall(ids[-1]))
    for text in strings:
        if set(_HOLE.findall(text)) != holes:
            yield f"{language}: parameters differ in {text!r}, from {ids[-1]!r}"


def _strings(message: Message) -> tuple[str, ...]:
    return tuple(message.string) if isinstance(message.string, tuple | list) else (str(message.string),)


def update() -> None:
    """Write the catalogs anew: new texts empty, left-over ones dropped, the rest as it was."""
    CATALOGS.mkdir(exist_ok=True)
    for language in LANGUAGES:
        have = catalog(language)
        have.update(extracted(), no_fuzzy_matching=True)
        have.obsolete.clear()
        with (CATALOGS / f"{language}.po").open("wb") as file:
            write_po(
                file, have, width=0, sort_output=True, omit_header=True, include_lineno=False, ignore_obsolete=True
            )


if __name__ == "__main__":
    if "--check" not in sys.argv:
        update()
    found = [fault for language in LANGUAGES for fault in faults(language)]
    print(*found, f"{len(found)} faults", sep="\n")
    sys.exit(bool(found) and "--check" in sys.argv)
