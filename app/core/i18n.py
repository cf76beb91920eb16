"""The product's languages. The catalogs (app/translations/<language>.po) are read as they are: nothing to build.

English is the language of the keys. Uzbek in Cyrillic letters is made of the Uzbek catalog, letter by letter.
"""

from __future__ import annotations

import io
import re
from functools import lru_cache
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations

from app.core.cyrillic import to_cyrillic

CATALOGS = Path(__file__).parent.parent / "translations"
LANGUAGES = {"en": "English", "ru": "Русский", "uz": "Oʻzbekcha", "uz_Cyrl": "Ўзбекча"}
_KEPT = re.compile(
    r"%\(\w+\)[sd]|%%|\{\w+\}|</?\w[^>]*>|@\w+|(?:https?|tg)://[^\s,]*|/[a-z_]+\b"
    r"|\b[A-Z][a-z]+/[A-Z][a-z]+\b|\bUTF-8\b|\bCSV\b|\bEscape\b|\bSpace\b|\bEnter\b|\b[AB]\b(?= usuli)"
)


def N_(text: str) -> str:  # noqa: N802 - gettext's own name for "translate this later"
    """Marks a text for the catalogs and gives it back as it is."""
    return text


def spoken(code: str | None) -> str:
    """The language that we speak to somebody whose app says `code` (an IETF tag such as 'uz-Cyrl-UZ' or 'pt-br')."""
    parts = (code or "en").replace("_", "-").lower().split("-")
    if parts[0] == "uz" and "cyrl" in parts:
        return "uz_Cyrl"
    return parts[0] if parts[0] in LANGUAGES else "en"


@lru_cache(maxsize=len(LANGUAGES))
def texts(language: str) -> NullTranslations:
    """The texts of a language; the keys themselves where there is no catalog."""
    if language == "en" or language not in LANGUAGES:
        return NullTranslations()
    base = language.partition("_")[0]
    with (CATALOGS / f"{base}.po").open("rb") as file:
        catalog = read_po(file, locale=base)
    if language == "uz_Cyrl":
        _transliterate(catalog)
    packed = io.BytesIO()
    write_mo(packed, catalog)
    packed.seek(0)
    return Translations(packed)


def say(language: str, sentence: str, **params: object) -> str:
    """A sentence in a language, its `%(name)s` filled in."""
    said = str(texts(language).ugettext(sentence))
    return said % params if params else said


def say_many(language: str, one: str, many: str, count: int, **params: object) -> str:
    """A sentence about a number of things, in the form that the language has for it; `%(num)s` is the number."""
    return str(texts(language).ungettext(one, many, count)) % ({"num": count} | params)


def _transliterate(catalog: Catalog) -> None:
    for message in catalog:
        if not message.id or not message.string:
            continue
        strings = message.string if isinstance(message.string, tuple | list) else (message.string,)
        done = tuple(_in_cyrillic(text) for text in strings)
        message.string = done if isinstance(message.id, tuple | list) else done[0]


def _in_cyrillic(text: str) -> str:
    """Words become Cyrillic; parameters, tags, names and addresses stay."""
    result, end = [], 0
    for kept in _KEPT.finditer(text):
        result += [to_cyrillic(text[end : kept.start()]), kept.group()]
        end = kept.end()
    return "".join([*result, to_cyrillic(text[end:])])
