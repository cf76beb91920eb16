"""An owner's own Telegram account: connected by its owner, read only, private to the workspace, ended at any time."""

from app.readings.service.owner_session.accounts import answer, disconnect, live_session, shown_code, start
from app.readings.service.owner_session.queries import OwnChannelState, own_channels
from app.readings.service.owner_session.states import OWNER_SESSION, is_configured
from app.readings.service.owner_session.wishes import has_looked, want_history, want_look

__all__ = [
    "OWNER_SESSION",
    "OwnChannelState",
    "answer",
    "disconnect",
    "has_looked",
    "is_configured",
    "live_session",
    "own_channels",
    "shown_code",
    "start",
    "want_history",
    "want_look",
]
