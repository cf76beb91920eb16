"""The rules of a channel's posting: read for the planner, kept from the form."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from typing import Any

from app.audit import service as audit
from app.channels.queries import ChannelRef
from app.core import db
from app.core.errors import Conflict, Invalid
from app.core.i18n import N_
from app.media.service import watermarks
from app.posting.content import checks, markup, utf16
from app.posting.content.blocks import Content
from app.posting.content.telegram import render
from app.posting.content.templates import framed, with_signature
from app.posting.emoji import palette
from app.posting.planning.hours import Blackout, Hours, Slot
from app.posting.planning.local_time import clock_time
from app.posting.planning.models import PostingSettings

MOST_SLOTS_A_DAY, MOST_BLACKOUTS, MOST_GAP = 24, 3, 24 * 60
_MOST_ADDED = 1_000
_STALE = N_(
    "Somebody changed these rules meanwhile, so nothing was saved. What you filled in is still here, and what is kept now"
    " stands beside it. To put yours in its place, save once more."
)
_FACTS = ("slots", "blackout", "quiet_days", "min_gap_minutes", "signature", "template", "is_protected", "is_traced")


@dataclass(frozen=True, slots=True)
class Rules:
    """How a channel posts; `signature` and `template` as they are typed. `version`: 0 where it never said."""

    hours: Hours
    signature: str = ""
    template: str = ""
    is_protected: bool = False
    is_traced: bool = False
    mark: Mapping[str, Any] | None = None
    version: int = 0

    def dressed(self, content: Content) -> Content:
        """The content in the channel's frame, with its signature, protected where the channel's posts are."""
        if self.template:
            content = framed(content, markup.parse(self.template))
        if self.is_protected:
            content = replace(content, options=replace(content.options, is_protected=True))
        return with_signature(content, markup.parse(self.signature))

    def dress(self) -> dict[str, Any]:
        """What a revision keeps of it, so that a post says what it said whatever the channel's rules become."""
        kept = {
            "signature": self.signature,
            "template": self.template,
            "is_protected": self.is_protected,
            "is_traced": self.is_traced,
            "mark": self.mark,
        }
        return {name: value for name, value in kept.items() if value}


@dataclass(frozen=True, slots=True)
class Typed:
    """The form's fields. `slots`: by weekday, times with commas between; `blackout`: pairs of times."""

    slots: Sequence[str]
    blackout: Sequence[tuple[str, str]]
    quiet_days: Sequence[int]
    min_gap: str
    signature: str
    template: str
    is_protected: bool
    is_traced: bool = False


def in_dress(content: Content, dress: Mapping[str, Any]) -> Content:
    """The content as a revision's dress of a channel has it."""
    return Rules(Hours("UTC"), **dress).dressed(content) if dress else content


def dresses_of(workspace_id: int) -> dict[str, dict[str, Any]]:
    """By channel (public id), what stands around its posts; channels around whose posts nothing stands are missing."""
    keys = dict(db.rows("SELECT id, public_id FROM channel WHERE workspace_id = ?", workspace_id))
    found = PostingSettings.select().where(PostingSettings.workspace == workspace_id)
    dressed = {keys[row.channel]: _rules(row, "UTC").dress() for row in found if row.channel in keys}
    for channel, mark in watermarks.marks_of(workspace_id).items():
        dressed[channel] = dressed.get(channel, {}) | {"mark": mark}
    return {key: dress for key, dress in sorted(dressed.items()) if dress}


def rules_of(workspace_id: int, refs: Iterable[ChannelRef]) -> dict[int, Rules]:
    """By channel (id), its rules; without any, those of a channel that never said."""
    refs = list(refs)
    found = PostingSettings.select().where(
        PostingSettings.workspace == workspace_id, PostingSettings.channel << [ref.id for ref in refs]
    )
    rows = {row.channel: row for row in found}
    return {ref.id: _rules(rows.get(ref.id), ref.timezone) for ref in refs}


def _rules(row: PostingSettings | None, zone: str) -> Rules:
    if row is None:
        return Rules(Hours(zone))
    hours = Hours(
        zone,
        tuple(sorted(Slot(slot["weekday"], clock_time(slot["time"])) for slot in row.slots)),
        tuple(Blackout(clock_time(one["from"]), clock_time(one["to"])) for one in row.blackout),
        frozenset(row.quiet_days),
        timedelta(minutes=row.min_gap_minutes),
    )
    is_protected, is_traced = bool(row.is_protected), bool(row.is_traced)
    return Rules(hours, row.signature, row.template, is_protected, is_traced, version=db.to_ms(row.updated_at))


def held(workspace_id: int, ref: ChannelRef) -> PostingSettings | None:
    """A channel's rules, None where it has none, inside the running transaction: nobody else changes them, or writes
    the first ones, before its end."""
    db.serialise("channel", ref.id)
    known: PostingSettings | None = PostingSettings.get_or_none(
        PostingSettings.workspace == workspace_id, PostingSettings.channel == ref.id
    )
    return known


def save(
    workspace_id: int, ref: ChannelRef, typed: Typed, *, version: int | None = None, user_id: int, now: datetime
) -> None:
    """Keep a channel's rules. Raises Invalid by field: slots_0 … slots_6, blackout, min_gap, signature, template;
    Conflict when they are no longer at the version that the person saw; LimitReached when the plan has no room for the
    custom emoji of signature and template that are new."""
    values: dict[str, Any] = {
        "slots": [slot for weekday in range(7) for slot in _slots(weekday, typed.slots[weekday])],
        "blackout": _blackouts(typed.blackout),
        "quiet_days": sorted(set(typed.quiet_days) & set(range(7))),
        "min_gap_minutes": _minutes(typed.min_gap),
        "signature": _added("signature", typed.signature),
        "template": _added("template", typed.template),
        "is_protected": typed.is_protected,
        "is_traced": typed.is_traced,
    }
    with db.write():
        known = held(workspace_id, ref)
        if version is not None and version != (db.to_ms(known.updated_at) if known else 0):
            raise Conflict(_STALE, code="stale")
        added = (Content(markup.parse(values[name])) for name in ("signature", "template"))
        palette.use(workspace_id, added, now=now)
        row = known or PostingSettings(workspace=workspace_id, channel=ref.id)
        before = {name: getattr(row, name) for name in _FACTS} if known else None
        for name, value in values.items():
            setattr(row, name, value)
        row.updated_at = now
        row.save()
        audit.record(
            "channel.posting_changed",
            actor=f"user:{user_id}",
            subject=f"channel:{ref.public_id}",
            workspace_id=workspace_id,
            before=before,
            after=values,
            now=now,
        )


def _slots(weekday: int, text: str) -> list[dict[str, Any]]:
    field = f"slots_{weekday}"
    times = sorted({_time(word, field) for word in _words(text)})
    if len(times) > MOST_SLOTS_A_DAY:
        raise _wrong(field, N_("A day can have %(most)s queue slots."), most=MOST_SLOTS_A_DAY)
    return [{"weekday": weekday, "time": at.strftime("%H:%M")} for at in times]


def _words(text: str) -> list[str]:
    return text.replace(";", ",").replace(",", " ").split()


def _time(text: str, field: str) -> time:
    try:
        return clock_time(text)
    except ValueError as error:
        raise _wrong(field, N_("“%(text)s” is no time. Write it as 09:30."), text=text[:20]) from error


def _blackouts(pairs: Sequence[tuple[str, str]]) -> list[dict[str, str]]:
    found = []
    for since, until in pairs[:MOST_BLACKOUTS]:
        if not since and not until:
            continue
        if not since or not until or since == until:
            raise _wrong("blackout", N_("Write when the quiet hours begin and when they end."))
        times = [_time(text, "blackout").strftime("%H:%M") for text in (since, until)]
        found.append({"from": times[0], "to": times[1]})
    return found


def _minutes(text: str) -> int:
    text = text.strip() or "0"
    if not (text.isascii() and text.isdigit() and len(text) < 6 and int(text) <= MOST_GAP):
        raise _wrong("min_gap", N_("The least distance is 0 to %(most)s minutes."), most=MOST_GAP)
    return int(text)


def _added(field: str, text: str) -> str:
    """What is put around every post must leave room for the post."""
    text = text.replace("\r\n", "\n").strip()
    length = utf16.length(render(markup.parse(text)).text)
    if length > _MOST_ADDED:
        sentence = N_("This may have %(most)s characters, so that a post has room beside it; it has %(length)s.")
        raise _wrong(field, sentence, most=_MOST_ADDED, length=length)
    if len(render(markup.parse(text)).entities) > checks.ENTITY_LIMIT:
        raise _wrong(field, N_("This has too many formatted places."))
    return text


def _wrong(field: str, sentence: str, **params: Any) -> Invalid:
    return Invalid(sentence, fields={field: sentence % params if params else sentence}, **params)


def typed_of(rules: Rules) -> Typed:
    """The form as it stands for these rules."""
    hours = rules.hours
    pairs = [(one.since.strftime("%H:%M"), one.until.strftime("%H:%M")) for one in hours.blackout]
    by_day: Mapping[int, list[str]] = {
        weekday: [slot.at.strftime("%H:%M") for slot in hours.slots if slot.weekday == weekday] for weekday in range(7)
    }
    return Typed(
        [", ".join(by_day[weekday]) for weekday in range(7)],
        [*pairs, *[("", "")] * (MOST_BLACKOUTS - len(pairs))],
        sorted(hours.quiet_days),
        str(int(hours.min_gap.total_seconds()) // 60),
        rules.signature,
        rules.template,
        rules.is_protected,
        rules.is_traced,
    )


def kept_beside(typed: Typed, rules: Rules) -> dict[str, Any]:
    """By field of the form, what is kept where that is something else than what was typed."""
    mine, kept = _by_field(typed), _by_field(typed_of(rules))
    return {name: value for name, value in kept.items() if value != mine[name]}


def _by_field(typed: Typed) -> dict[str, Any]:
    return {
        **{f"slots_{n}": ", ".join(_words(text)) for n, text in enumerate(typed.slots)},
        "blackout": ", ".join(f"{since}–{until}" for since, until in typed.blackout if since or until),
        "quiet": sorted(set(typed.quiet_days)),
        "min_gap": typed.min_gap.strip() or "0",
        "signature": typed.signature.replace("\r\n", "\n").strip(),
        "template": typed.template.replace("\r\n", "\n").strip(),
        "protected": typed.is_protected,
        "traced": typed.is_traced,
    }
