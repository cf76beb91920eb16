"""What may be done with accounts, by topic."""

from app.accounts.service import keys, logins, people, sessions

__all__ = ["keys", "logins", "people", "sessions"]
