"""Taking back what a series has made and nobody has frozen yet."""

from __future__ import annotations

from datetime import datetime

from app.core import db
from app.posting.planning.models import MADE, PostSeries, SeriesOccurrence
from app.posting.service import scheduling, writing
from app.posting.states import BLOCKED, PUBLISH, WAITING


def withdraw(series: PostSeries, *, only_untouched: bool, user_id: int, now: datetime) -> None:
    """Call off the posts to come that are not frozen; with `only_untouched` those that nobody changed by hand."""
    made = SeriesOccurrence.select().where(
        SeriesOccurrence.workspace == series.workspace,
        SeriesOccurrence.series == series.id,
        SeriesOccurrence.state == MADE,
        SeriesOccurrence.due_at > now,
    )
    for one in list(made):
        if not _is_waiting(one, only_untouched=only_untouched):
            continue
        (public_id,) = db.row("SELECT public_id FROM authored_post WHERE id = ?", one.post) or ("",)
        post = scheduling.cancel(series.workspace, public_id, user_id=user_id, now=now)
        post.deleted_at = now
        post.save()
        one.delete_instance()


def _is_waiting(one: SeriesOccurrence, *, only_untouched: bool) -> bool:
    actions = db.rows("SELECT state, due_at FROM due_action WHERE post_id = ? AND kind = ?", one.post, PUBLISH)
    if not actions or not all(state in (WAITING, BLOCKED) for state, _ in actions):
        return False
    if not only_untouched:
        return True
    revision = writing.newest(one.post)
    is_same = revision is not None and revision.content_hash == one.content_hash
    return is_same and all(db.moment(due_at) == one.due_at for _, due_at in actions)
