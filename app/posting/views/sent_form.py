"""What every form of a post brings along, read off the running request."""

from __future__ import annotations

from flask import request
from flask_login import current_user

from app.media import queries as media
from app.posting.content.draft import Draft
from app.posting.pages import forms


def sent_version() -> int:
    """The version that the page was made of; 0 (no version at all) for what is none."""
    given = request.values.get("version", "")
    return int(given) if given.isascii() and given.isdigit() and len(given) < 10 else 0


def sent_draft() -> Draft:
    """The composer's form, with those of its files that the workspace has."""
    asked = forms.asked_files(request.form)
    return forms.read(request.form, media.files_of(current_user.workspace_id, asked))
