"""The words of the notices by template key and language. Plain text; parameters by name."""

from __future__ import annotations

from collections.abc import Mapping

_LINK = {
    "en": "Your numbers: {link}\nThe link opens once, within 5 minutes. Do not pass it on.",
    "ru": "Ваши цифры: {link}\nСсылка откроется один раз, в течение 5 минут. Никому её не передавайте.",
    "uz": "Raqamlaringiz: {link}\nHavola bir marta, 5 daqiqa ichida ochiladi. Uni hech kimga bermang.",
}
_TEXTS: dict[str, dict[str, str]] = {
    "welcome": {
        "en": "Hello {name}! Add me to your channel as an administrator and I will count what is true there.\n\n"
        + _LINK["en"],
        "ru": "Здравствуйте, {name}! Добавьте меня в канал администратором, и я буду считать то, что есть на самом деле.\n\n"
        + _LINK["ru"],
        "uz": "Salom, {name}! Meni kanalingizga administrator qilib qo‘shing, men haqiqiy raqamlarni hisoblayman.\n\n"
        + _LINK["uz"],
    },
    "dashboard": _LINK,
    "add_channel": {
        "en": "Choose your channel and make me its administrator: {add_url}\nIts numbers begin within seconds.",
        "ru": "Выберите свой канал и сделайте меня администратором: {add_url}\nЦифры начнутся через несколько секунд.",
        "uz": "Kanalingizni tanlang va meni administrator qiling: {add_url}\nRaqamlar bir necha soniyada boshlanadi.",
    },
    "channel_connected": {
        "en": "“{title}” is connected. Its numbers start now.",
        "ru": "«{title}» подключён. Отсчёт начинается сейчас.",
        "uz": "“{title}” ulandi. Raqamlar hozirdan boshlab yig‘iladi.",
    },
    "channel_refused": {
        "en": "“{title}” was not connected: {reason}",
        "ru": "«{title}» не подключён: {reason}",
        "uz": "“{title}” ulanmadi: {reason}",
    },
    "bot_removed": {
        "en": "I was removed from “{title}”. I no longer see its posts, reactions and members.",
        "ru": "Меня удалили из «{title}». Я больше не вижу его постов, реакций и подписчиков.",
        "uz": "Meni “{title}” kanalidan olib tashlashdi. Endi uning postlari, reaksiyalari va a’zolarini ko‘rmayman.",
    },
    "rights_lost": {
        "en": "In “{title}” I no longer have the right to: {rights}.",
        "ru": "В «{title}» у меня больше нет права: {rights}.",
        "uz": "“{title}” kanalida endi menda bu huquq yo‘q: {rights}.",
    },
    "rights_back": {
        "en": "All rights in “{title}” are back. Thank you!",
        "ru": "Все права в «{title}» восстановлены. Спасибо!",
        "uz": "“{title}” kanalidagi barcha huquqlar tiklandi. Rahmat!",
    },
}
TEMPLATES = frozenset(_TEXTS)
WITH_LINK = frozenset({"welcome", "dashboard"})  # `link` signs its reader in: it is made when the message is sent


def render(template: str, params: Mapping[str, str], language: str) -> str:
    """The message in the person's language, English where we do not speak it. Raises KeyError on an unknown key."""
    by_language = _TEXTS[template]
    return by_language.get(language, by_language["en"]).format_map(params)
