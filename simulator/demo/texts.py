"""Short plausible texts in a channel's language. Everything in them is made up."""

import random

LANGUAGE_OF = {"simulated_uz_news": "uz", "simulated_ru_it": "ru", "simulated_en_startup": "en"}
PIECES: dict[str, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]] = {
    "uz": (
        ("Toshkentda", "Samarqandda", "Farg‘ona viloyatida", "Buxoroda", "Namanganda", "Nukusda"),
        (
            "yangi avtobus yo‘nalishi ochildi",
            "kitob ko‘rgazmasi boshlandi",
            "ob-havo keskin o‘zgaradi",
            "maktablar uchun yangi dastur e’lon qilindi",
            "mahalliy jamoa bosh sovrinni qo‘lga kiritdi",
            "elektr tarmoqlari yangilanmoqda",
        ),
        ("Tafsilotlar kechqurun.", "Fikringiz qanday?", "Do‘stlaringizga ulashing.", "Batafsil keyingi postda."),
    ),
    "ru": (
        ("Разбираем, как", "Коротко о том, как", "Вопрос читателя:", "Из практики:", "Перевод дня:"),
        (
            "индексы ускоряют запросы к базе",
            "не потерять данные при сбое",
            "писать тесты, которые не мешают",
            "читать планы запросов",
            "выбрать очередь задач",
            "уменьшить образ контейнера вдвое",
        ),
        ("Что добавите?", "Код в комментариях.", "Сохраните, пригодится.", "Завтра продолжение."),
    ),
    "en": (
        ("Founder note:", "Lesson of the week:", "A small team shows", "Field report:", "We measured"),
        (
            "how a price page lost half of its visitors",
            "why the first ten customers matter most",
            "what a weekly call with users brings",
            "how to say no to a feature",
            "what happens when support answers in an hour",
        ),
        ("Thoughts?", "Numbers in the next post.", "Reply with your story.", "Saved us a month."),
    ),
}
AD = {
    "uz": "Reklama: yangi kurslarga yoziling! https://example.com/kurs",
    "ru": "Реклама: запись на курс открыта! https://example.com/kurs",
    "en": "Sponsored: twelve tools you did not ask for. https://example.com/ad",
}
POLL = {
    "uz": {"question": "Qaysi mavzu qiziq?", "options": ["Shahar", "Sport", "Iqtisod"]},
    "ru": {"question": "О чём рассказать дальше?", "options": ["Базы", "Сети", "Тесты"]},
    "en": {"question": "What should we cover next?", "options": ["Pricing", "Hiring", "Sales"]},
}


def a_text(rng: random.Random, language: str) -> str:
    who, what, close = PIECES[language]
    text = f"{rng.choice(who)} {rng.choice(what)}."
    if rng.random() < 0.6:
        text += f"\n\n{rng.choice(close)}"
    if rng.random() < 0.08:
        text += f"\nhttps://example.com/{rng.randrange(100, 999)}"
    return text
