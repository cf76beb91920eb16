"""Where a page finds the bytes of a file."""

from __future__ import annotations

from datetime import timedelta

from flask import current_app, g
from flask_login import current_user

from app.accounts import door
from app.accounts.service import files as tickets


def file_url(public_id: str) -> str:
    """A file's address, which a page can show."""
    return ticketed(f"/media/{public_id}")


def ticketed(path: str) -> str:
    """A path as it is; in the Mini App's frame, which sends no cookie for a picture, with a ticket.

    The ticket stays the same for a minute, so that a preview that comes anew does not load its pictures anew.
    """
    if not door.is_by_header():
        return path
    secret = current_app.config["SECRET_KEY"]
    minute = g.now.replace(second=0, microsecond=0) + timedelta(minutes=1)
    return f"{path}?{tickets.PARAMETER}={tickets.ticket(secret, current_user.session_id, path, now=minute)}"
