"""Texts that say the same: shingles of three words, found through an index of those that few posts have."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b

WORDS_IN_SHINGLE = 3
MOST_SHINGLES = 700  # Telegram's longest text has about as many words
LEAST_SHARED = 4  # fewer than that two posts of one trade may have by chance
LEAST_SCORE = (
    0.33  # a fifth of the words changed leaves half of the shingles (0.8 ** 3); a stock phrase up to 0.27 (seed 1)
)
_FOOTER_POSTS = 3  # what stands in more posts than that is a channel's footer: it names nobody's post

_APOSTROPHES = re.compile("[ʻʼ‘’ʹ′´`']")
_LINKS = re.compile(r"(?:https?://|www\.|t\.me/)\S+|[@#]\w+", re.IGNORECASE)
_WORD = re.compile(r"[^\W_]+")
# Uzbek and Russian Cyrillic as Latin, so that a copy in the other script is found; what matters is that it is one way.
_LATIN = str.maketrans(
    dict(zip("абвгдезийклмнопрстуфхцыэўқғҳі", "abvgdeziyklmnoprstufxcieoqghi", strict=True))
    | {"ё": "yo", "ж": "j", "ч": "ch", "ш": "sh", "щ": "sh", "ю": "yu", "я": "ya", "ъ": "", "ь": ""}
)
# A word with some letters of the other script hides a copy from simple eyes: its most letters say which script is meant.
_AS_LATIN = str.maketrans("асеорхуікмтвн", "aceopxyikmtbh")
_AS_CYRILLIC = str.maketrans("aceopxyikmtbh", "асеорхуікмтвн")
_LATIN_LETTERS, _CYRILLIC_LETTERS = re.compile("[a-z]"), re.compile("[а-яёўқғҳі]")


def shingles(text: str) -> frozenset[int]:
    """Numbers of 48 bits, one for each three words in a row; of a longer text those that its hash puts first."""
    words = normal_words(text)
    runs = {" ".join(words[n : n + WORDS_IN_SHINGLE]) for n in range(len(words) - WORDS_IN_SHINGLE + 1)}
    return frozenset(sorted(map(_number, runs))[:MOST_SHINGLES])


def to_hex(numbers: Iterable[int]) -> str:
    """As the database keeps them: twelve digits each."""
    return "".join(f"{number:012x}" for number in sorted(numbers))


def from_hex(text: str) -> frozenset[int]:
    return frozenset(int(text[n : n + 12], 16) for n in range(0, len(text), 12))


def normal_words(text: str) -> list[str]:
    """The words without case, apostrophes, punctuation, links and names, all in Latin letters."""
    folded = _APOSTROPHES.sub("", _LINKS.sub(" ", unicodedata.normalize("NFKC", text).casefold()))
    return [word for word in map(_in_latin, _WORD.findall(folded)) if word]


def _in_latin(word: str) -> str:
    latin, cyrillic = (len(script.findall(word)) for script in (_LATIN_LETTERS, _CYRILLIC_LETTERS))
    if latin and cyrillic:
        word = word.translate(_AS_LATIN if latin > cyrillic else _AS_CYRILLIC)
    return word.translate(_LATIN)


def _number(run: str) -> int:
    return int.from_bytes(blake2b(run.encode(), digest_size=6).digest(), "big")


@dataclass(frozen=True, slots=True)
class TextMatch:
    """Which post, and how much of the shorter one of both stands in the other (0..1)."""

    key: int
    score: float


class TextIndex:
    """Own posts by their shingles: a text is compared with those posts only that share some with it."""

    def __init__(self, posts: Mapping[int, Iterable[int]]) -> None:
        found: dict[int, list[int]] = defaultdict(list)
        for key, numbers in posts.items():
            for number in numbers:
                found[number].append(key)
        self._posts_with = {number: keys for number, keys in found.items() if len(keys) <= _FOOTER_POSTS}
        self._sizes = Counter(key for keys in self._posts_with.values() for key in keys)

    def matches(self, numbers: frozenset[int], *, least: float = LEAST_SCORE) -> list[TextMatch]:
        """Own posts that the text with these shingles copies, the best first."""
        shared = Counter(key for number in numbers for key in self._posts_with.get(number, ()))
        found = [
            TextMatch(key, count / min(self._sizes[key], len(numbers)))
            for key, count in shared.items()
            if count >= LEAST_SHARED
        ]
        return sorted((m for m in found if m.score >= least), key=lambda m: (-m.score, m.key))
