"""What may be done with accounts, by topic."""

from app.accounts.service import keys, people, sessions

__all__ = ["keys", "people", "sessions"]
