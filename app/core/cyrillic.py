"""Uzbek from Latin to Cyrillic letters (the alphabets of the law of 1995 and of 1940)."""

from __future__ import annotations

import re

_APOSTROPHES = "ʻ‘’'`ʼ"
_PAIRS = {"sh": "ш", "ch": "ч", "yo": "ё", "yu": "ю", "ya": "я", "ye": "е", "ts": "ц"}
_LETTERS = dict(zip("abdefghijklmnopqrstuvxyz", "абдэфгҳижклмнопқрстувхйз", strict=True))
_WORD = re.compile(rf"[A-Za-z{_APOSTROPHES}]+")
_VOWELS = "aeiou"
# Names and abbreviations that Uzbek writes in Latin letters in either alphabet.
_LATIN = frozenset(
    {
        "AnalyticBot",
        "Telegram",
        "CSV",
        "API",
        "ER",
        "ERR",
        "QR",
        "Stripe",
        "Payme",
        "Click",
        "UTC",
        "JSON",
        "SMS",
        "Esc",
    }
)


def to_cyrillic(text: str) -> str:
    """Uzbek text in Cyrillic letters; what is no Uzbek word stays."""
    return _WORD.sub(lambda word: word.group() if word.group() in _LATIN else _word(word.group()), text)


def _word(word: str) -> str:
    result, i = [], 0
    while i < len(word):
        size, letter = _letter(word, i)
        result.append(letter.upper() if word[i].isupper() else letter)
        i += size
    return "".join(result)


def _letter(word: str, i: int) -> tuple[int, str]:
    """How many Latin letters stand for the next Cyrillic one, and that one in small."""
    pair, low = word[i : i + 2].lower(), word[i].lower()
    if len(pair) == 2 and pair[1] in _APOSTROPHES and low in "og":
        return 2, "ў" if low == "o" else "ғ"
    if pair in _PAIRS and not (pair == "yo" and word[i + 2 : i + 3] in tuple(_APOSTROPHES)):  # yo‘l is йўл
        return 2, _PAIRS[pair]
    if low in _APOSTROPHES:
        return 1, "ъ"
    if low == "e" and i > 0 and word[i - 1].lower() not in _VOWELS:
        return 1, "е"
    return 1, _LETTERS.get(low, word[i])
