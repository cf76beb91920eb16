"""Everything a person reads exists in every language."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.core import i18n
from app.core.cyrillic import to_cyrillic
from deploy import texts


@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_no_text_is_missing_doubtful_or_left_over(language: str) -> None:
    assert list(texts.faults(language)) == []


def test_a_missing_a_broken_and_a_left_over_text_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = (texts.CATALOGS / "ru.po").read_text()
    said = str(texts.catalog("ru").get("Subscribers").string)
    broken = whole.replace(f'msgstr "{said}"', 'msgstr ""') + '\nmsgid "Nobody says this"\nmsgstr "Никто"\n'
    (tmp_path / "ru.po").write_text(broken.replace("%(channels)s", "%(kanal)s", 1))
    monkeypatch.setattr(texts, "CATALOGS", tmp_path)
    found = "\n".join(texts.faults("ru"))
    assert "no text for 'Subscribers'" in found and "nobody says 'Nobody says this' any more" in found


def test_a_sentence_is_said_in_each_language() -> None:
    said = {language: i18n.say(language, "Subscribers") for language in i18n.LANGUAGES}
    assert len(set(said.values())) == 4 and said["en"] == "Subscribers"
    assert i18n.say("de", "Subscribers") == "Subscribers", "a language that we do not speak is answered in English"


@pytest.mark.parametrize(
    ("count", "russian"), [(1, "1 канал"), (3, "3 канала"), (5, "5 каналов"), (21, "21 канал"), (111, "111 каналов")]
)
def test_russian_counts_by_its_own_rules(count: int, russian: str) -> None:
    assert i18n.say_many("ru", "%(num)s channel", "%(num)s channels", count) == russian


@pytest.mark.parametrize(
    ("latin", "cyrillic"),
    [
        ("Oʻzbekcha yoʻq", "Ўзбекча йўқ"),
        ("e’lon qilish", "эълон қилиш"),
        ("Shanba, choy, yangi", "Шанба, чой, янги"),
        ("gʻalaba san’at", "ғалаба санъат"),
        ("Telegram API", "Telegram API"),
    ],
)
def test_uzbek_in_cyrillic_letters(latin: str, cyrillic: str) -> None:
    assert to_cyrillic(latin) == cyrillic


def test_parameters_and_tags_survive_the_change_of_letters() -> None:
    text = i18n.say("uz_Cyrl", "Without %(channels)s, whose counts began later.", channels="Kun.uz")
    assert "Kun.uz" in text and "%" not in text


@pytest.mark.parametrize(
    ("code", "language"),
    [("ru-RU", "ru"), ("uz-Cyrl-UZ", "uz_Cyrl"), ("uz", "uz"), ("pt-br", "en"), (None, "en"), ("", "en")],
)
def test_the_language_of_an_app_is_understood(code: str | None, language: str) -> None:
    assert i18n.spoken(code) == language
