"""What people decide of a rebuild: start it, let it pause and go on, stop it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from app.audit import service as audit
from app.channels.queries import ChannelRef, channel_of
from app.core import db, i18n, ids
from app.core.errors import Conflict, Invalid, NotFound
from app.core.i18n import N_
from app.posting.service import planning, scheduling
from app.protection.archive import places, queries
from app.protection.archive.models import Archive, Rebuild
from app.protection.archive.service import storing
from app.protection.archive.service.switching import archive_of
from app.protection.archive.states import PAUSED, RUNNING, STOPPED, STUCK, UNENDED


@dataclass(frozen=True, slots=True)
class Wish:
    """Into which channel (public id), in which language the dates are noted, and whether deleted posts come along."""

    channel: str
    language: str
    has_deleted: bool = False


def start(workspace_id: int, archive_id: str, wish: Wish, *, user_id: int, now: datetime) -> Rebuild:
    """Begin to publish an archive (public id) anew. The jobs process does it (advancing).

    Raises NotFound, Invalid by the form's fields (`channel`, `language`), Conflict while another one fills the channel.
    """
    with db.write():
        archive = archive_of(workspace_id, archive_id)
        db.serialise("archive", archive.id)
        ref = _target(archive, wish, now=now)
        storing.note_losses(workspace_id, archive.id)
        contents = queries.contents_of(archive, has_deleted=wish.has_deleted)
        if not contents.sendable:
            raise _wrong("channel", N_("There is no post in this archive that could be published again."))
        rebuild: Rebuild = Rebuild.create(
            public_id=ids.public_id(),
            workspace=workspace_id,
            archive=archive.id,
            channel=ref.id,
            state=RUNNING,
            language=wish.language,
            timezone=ref.timezone,
            has_deleted=wish.has_deleted,
            until_id=contents.newest_id,
            total=contents.sendable,
            asked_by=user_id,
            created_at=now,
        )
        _record("rebuild.started", rebuild, user_id, after={"channel": wish.channel, "posts": rebuild.total}, now=now)
    return rebuild


def _target(archive: Archive, wish: Wish, *, now: datetime) -> ChannelRef:
    ref = channel_of(archive.workspace, wish.channel)
    if ref is None or ref.relation != "owned":
        raise _wrong("channel", N_("Choose one of your channels."))
    if ref.chat_id == places.chat_of(archive.channel):
        raise _wrong("channel", N_("This is the channel that the archive is of. Choose another one."))
    if wish.language not in i18n.LANGUAGES:
        raise _wrong("language", N_("Choose a language."))
    if ref.id in planning.why_not([ref], now=now):
        raise _wrong("channel", N_("The bot may not post there. Give it the right first."))
    db.serialise("channel", ref.id)
    busy = (
        "SELECT 1 FROM rebuild r JOIN channel c ON c.id = r.channel_id WHERE r.workspace_id = ? AND c.chat_id = ?"
        f" AND r.state IN ({db.marks(UNENDED)})"
    )
    if db.row(busy, archive.workspace, ref.chat_id, *UNENDED):
        raise Conflict(N_("Another archive is being published in this channel. Let it end, or stop it, first."))
    return ref


def _wrong(field: str, sentence: str) -> Invalid:
    return Invalid(sentence, fields={field: sentence})


def held(workspace_id: int, public_id: str) -> Rebuild:
    """A rebuild, for a change inside the running transaction. Raises NotFound."""
    found = Rebuild.get_or_none(Rebuild.workspace == workspace_id, Rebuild.public_id == public_id)
    if found is None:
        raise NotFound(N_("There is no such rebuilding."))
    db.serialise("rebuild", found.id)
    return Rebuild.get(Rebuild.workspace == workspace_id, Rebuild.id == found.id)  # type: ignore[no-any-return]


def pause(workspace_id: int, public_id: str, *, user_id: int, now: datetime) -> None:
    """Give nothing more to the lanes; the post that they have already may still come out. Raises NotFound, Conflict."""
    _change(workspace_id, public_id, "rebuild.paused", (RUNNING, STUCK), PAUSED, user_id=user_id, now=now)


def go_on(workspace_id: int, public_id: str, *, user_id: int, now: datetime) -> None:
    """Go on from where it is, also after refusals; posts that are on hold in the channel are resumed. As `pause`."""
    rebuild = _change(workspace_id, public_id, "rebuild.resumed", (PAUSED, STUCK), RUNNING, user_id=user_id, now=now)
    ref = places.channel_now(workspace_id, rebuild.channel)
    if ref is not None:
        scheduling.resume(workspace_id, ref.id, user_id=user_id, now=now)


def stop(workspace_id: int, public_id: str, *, user_id: int, now: datetime) -> None:
    """End it where it is; what is out stays. Raises as `pause`."""
    _change(workspace_id, public_id, "rebuild.stopped", UNENDED, STOPPED, user_id=user_id, now=now)


def _change(
    workspace_id: int, public_id: str, action: str, of: tuple[str, ...], to: str, *, user_id: int, now: datetime
) -> Rebuild:
    with db.write():
        rebuild = held(workspace_id, public_id)
        if rebuild.state not in of:
            raise Conflict(N_("This rebuilding is not in a state in which that could be done. Load the page again."))
        rebuild.state, rebuild.reason, rebuild.failures = to, None, 0
        rebuild.ended_at = now if to == STOPPED else None
        rebuild.save()
        _record(action, rebuild, user_id, now=now)
    return rebuild


def _record(action: str, rebuild: Rebuild, user_id: int, *, after: object = None, now: datetime) -> None:
    audit.record(
        action,
        actor=f"user:{user_id}",
        subject=f"rebuild:{rebuild.public_id}",
        workspace_id=rebuild.workspace,
        after=after,
        now=now,
    )
