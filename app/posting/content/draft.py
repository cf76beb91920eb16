"""The composer's form as it stands: nothing of it need be right. Content is made of it when somebody asks for that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from app.core import zones
from app.core.clock import iso
from app.core.errors import Invalid
from app.core.i18n import N_
from app.posting.content import markup, tree
from app.posting.content.blocks import Content


@dataclass(frozen=True, slots=True)
class Proposal:
    """Somebody who may not publish asks for it: at a time, or at once (None)."""

    due_at: datetime | None
    user_id: int


@dataclass(frozen=True, slots=True)
class Draft:
    """What stands in the form. `rest` is the post without its text; `variants`: by channel (public id), another text.

    `day` and `time` are as typed, in `zone`; `after` holds seconds after publishing by "unpin" and "delete";
    for `top_minutes` nothing else shall go out there.
    """

    text: str = ""
    variants: Mapping[str, str] = field(default_factory=dict)
    rest: Content = field(default_factory=Content)
    channels: tuple[str, ...] = ()
    day: str = ""
    time: str = ""
    zone: str = ""
    is_pinned: bool = False
    after: Mapping[str, int] = field(default_factory=dict)
    top_minutes: int = 0
    proposal: Proposal | None = None

    def content(self) -> Content:
        """The post in all channels without a variant."""
        return self._saying(self.text)

    def contents(self) -> dict[str, Content]:
        """What the chosen channels with a text of their own say, by public id."""
        chosen = {key: text for key, text in self.variants.items() if key in self.channels and text.strip()}
        return {key: self._saying(text) for key, text in chosen.items()}

    def _saying(self, text: str) -> Content:
        return replace(self.rest, blocks=markup.parse(text))

    def due_at(self) -> datetime:
        """The moment that the form names. Raises Invalid (field `when`) for none, or one that the zone does not have."""
        if not self.day or not self.time:
            raise _invalid(N_("Choose a day and a time."))
        try:
            typed = datetime.fromisoformat(f"{self.day}T{self.time}")
            zone = ZoneInfo(zones.known(self.zone))
        except (ValueError, Invalid) as error:
            raise _invalid(N_("This is no time that we can read.")) from error
        if typed.tzinfo is not None or not 2000 < typed.year < 3000:
            raise _invalid(N_("This is no time that we can read."))
        moment = typed.replace(tzinfo=zone).astimezone(UTC)
        if moment.astimezone(zone).replace(tzinfo=None) != typed:
            raise _invalid(N_("That hour does not exist on this day: the clocks are put forward. Choose another time."))
        return moment

    def to_doc(self) -> dict[str, Any]:
        """As JSON for the database; what is at its default is left out."""
        doc: dict[str, Any] = {
            "text": self.text,
            "variants": dict(self.variants),
            "rest": tree.to_json(self.rest),
            "channels": list(self.channels),
            **{name: getattr(self, name) for name in ("day", "time", "zone", "is_pinned", "top_minutes")},
            "after": dict(self.after),
        }
        if self.proposal:
            at = self.proposal.due_at
            doc["proposal"] = {"due_at": iso(at) if at else None, "user_id": self.proposal.user_id}
        return {name: value for name, value in doc.items() if value}


def read(doc: Mapping[str, Any] | None) -> Draft:
    """The draft of a document of `to_doc`; an empty form for {} and None."""
    given = dict(doc or {})
    if "rest" in given:
        given["rest"] = tree.from_json(given["rest"])
    if told := given.pop("proposal", None):
        at = told["due_at"]
        given["proposal"] = Proposal(datetime.fromisoformat(at) if at else None, told["user_id"])
    given["channels"] = tuple(given.get("channels", ()))
    return Draft(**given)


def _invalid(sentence: str) -> Invalid:
    return Invalid(sentence, fields={"when": sentence})
