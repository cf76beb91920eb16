"""What the jobs process does with owners' accounts: one unit of work at a time, each at most a few calls."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

from app.audit import service as audit
from app.core import db
from app.core.crypto import Sealer
from app.core.errors import AppError, Upstream
from app.core.tenancy import unscoped
from app.readings.collectors.owner_session.base import NotAllowed, OwnerAccount, SessionRevoked
from app.readings.collectors.owner_session.models import OwnerSession
from app.readings.service.owner_session import channels, handshake, history, looking, native, states

_SHORT_REST = timedelta(seconds=30)
_LONG_REST = timedelta(hours=6)
_LISTEN_S = 2.0


class Lines(Protocol):
    """Open lines to accounts, kept from one unit of work to the next."""

    def to(self, row: OwnerSession) -> OwnerAccount:
        """The line of a session. Raises Upstream when Telegram does not answer."""
        ...

    def drop(self, row: OwnerSession) -> None:
        """Close the line of a session."""
        ...


def sessions_at_work(now: datetime) -> list[OwnerSession]:
    """Sessions that sign in, read, or wait to be signed out, and that Telegram did not ask to be quiet."""
    with unscoped("the jobs process works for every workspace"):
        return list(
            OwnerSession.select()
            .where(
                OwnerSession.revoked_at.is_null() | OwnerSession.session_sealed.is_null(False),
                OwnerSession.not_before.is_null() | (OwnerSession.not_before <= now),
            )
            .order_by(OwnerSession.id)
        )


def erase_ended(*, now: datetime) -> int:
    """Erase the strings of ended sessions without asking Telegram; for when the kill switch is thrown."""
    with db.write():
        return db.execute(
            "UPDATE owner_session SET session_sealed = NULL, telegram_user_id = NULL"
            " WHERE revoked_at IS NOT NULL AND session_sealed IS NOT NULL"
        )


def work_on(row: OwnerSession, lines: Lines, sealer: Sealer, *, clock: Callable[[], datetime]) -> bool:
    """Do a session's most urgent unit of work; False when it has none now. What Telegram refuses is kept on rows."""
    if handshake.is_over(row, now=clock()):
        lines.drop(row)
        with db.write():
            states.end(row, states.FAILED, error="gave_up", now=clock())
        return True
    try:
        return _unit(row, lines, sealer, clock)
    except SessionRevoked:
        lines.drop(row)
        _lost(row, now=clock())
    except Upstream as error:
        lines.drop(row)
        rest(row, error.code, error.retry_after_s, now=clock())
    return True


def _unit(row: OwnerSession, lines: Lines, sealer: Sealer, clock: Callable[[], datetime]) -> bool:
    if row.revoked_at is not None:
        _sign_out(row, lines, now=clock())
        return True
    if row.state in states.WAITING:
        if not handshake.has_a_step(row, sealer):
            return False
        handshake.step(row, lines.to(row), sealer, wait_s=_LISTEN_S, now=clock())
        if _state_of(row) not in states.WAITING:
            lines.drop(row)  # what signed in hears updates; what reads must not
        return True
    return _read(row, lines, clock)


def _state_of(row: OwnerSession) -> str:
    found = db.row("SELECT state FROM owner_session WHERE id = ?", row.id)
    return str(found[0]) if found else states.REVOKED


def _read(row: OwnerSession, lines: Lines, clock: Callable[[], datetime]) -> bool:
    """Channels first, then what is due by the clock, then history, then the day's statistics."""
    now, source_id = clock(), states.source_of(row.workspace, now=clock())
    if not _is_on(source_id):
        return False
    if channels.is_asking_due(row, now=now):
        channels.find_channels(row, lines.to(row), now=now)
        return True
    due = looking.due_channel(row.id, row.workspace, now=now)
    if due is not None:
        return _unless_refused(
            lambda: looking.look(due, lines.to(row), source_id=source_id, now=now),
            lambda _: looking.put_off(due, until=now + _LONG_REST),
        )
    asked = history.running(row.workspace)
    if asked is not None:
        wanted, channel = asked
        return _unless_refused(
            lambda: history.go_on(wanted, channel, lines.to(row), source_id=source_id, clock=clock),
            lambda error: history.stop(wanted, error.code, now=now),
        )
    counted = native.due_channel(row.id, row.workspace, now=now)
    if counted is not None:
        return _unless_refused(
            lambda: native.fetch(counted, lines.to(row), source_id=source_id, now=now),
            lambda _: native.put_off(counted, has_stats=False, now=now),
        )
    return False


def _unless_refused(work: Callable[[], int], refused: Callable[[AppError], None]) -> bool:
    """What Telegram refuses for one channel, or answers in an unknown form, holds up that channel alone."""
    try:
        work()
    except SessionRevoked:
        raise
    except Upstream as error:
        if not error.permanent:
            raise
        refused(error)
    return True


def _is_on(source_id: int) -> bool:
    found = db.row("SELECT is_on FROM source WHERE id = ?", source_id)
    return bool(found and found[0])


def _sign_out(row: OwnerSession, lines: Lines, *, now: datetime) -> None:
    """Tell Telegram once, then erase the session whatever it says."""
    try:
        lines.to(row).log_out()
    except (Upstream, NotAllowed):
        pass
    finally:
        lines.drop(row)
        _erase(row)


def _erase(row: OwnerSession) -> None:
    with db.write():
        OwnerSession.update(session_sealed=None, telegram_user_id=None).where(
            OwnerSession.workspace == row.workspace, OwnerSession.id == row.id
        ).execute()


def _lost(row: OwnerSession, *, now: datetime) -> None:
    """The account (or Telegram) ended the session: nothing is read by it, and nothing of it is kept."""
    was_waiting = row.state in states.WAITING
    with db.write():
        states.end(row, states.FAILED if was_waiting else states.REVOKED, error="session_revoked", now=now)
        audit.record(
            "owner_session.ended_by_telegram",
            actor="telegram",
            subject=f"owner_session:{row.public_id}",
            workspace_id=row.workspace,
            now=now,
        )


def rest(row: OwnerSession, code: str, seconds: float | None, *, now: datetime) -> None:
    """Ask nothing through this session for a while; the row says why."""
    until = now + (timedelta(seconds=seconds) if seconds else _SHORT_REST)
    with db.write():
        OwnerSession.update(not_before=until, last_error=code[:64]).where(
            OwnerSession.workspace == row.workspace, OwnerSession.id == row.id
        ).execute()
