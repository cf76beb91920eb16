"""Time zones as people name them: those of the IANA database that stand for a place, and UTC."""

from __future__ import annotations

from functools import cache
from zoneinfo import available_timezones

from app.core.errors import Invalid
from app.core.i18n import N_

_NO_PLACES = ("Etc/", "SystemV/", "posix/", "right/", "US/")


@cache
def names() -> tuple[str, ...]:
    """Every zone that a person may choose, by name."""
    return tuple(sorted(n for n in available_timezones() if n == "UTC" or ("/" in n and not n.startswith(_NO_PLACES))))


def known(name: str) -> str:
    """The name, when there is such a zone. Raises Invalid with the field `timezone`."""
    name = name.strip()
    if name not in names():
        sentence = N_("There is no such time zone. Choose one of the list, such as Asia/Tashkent.")
        raise Invalid(sentence, fields={"timezone": sentence})
    return name
