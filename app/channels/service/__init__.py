"""What may be done with channels, by topic."""

from app.channels.service import connect, members, rights

__all__ = ["connect", "members", "rights"]
