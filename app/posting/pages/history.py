"""A post's history in one row, the newest first: what people did, with before and after, and what became of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from app.analytics.edits import diff
from app.posting.content import markup, tree
from app.posting.pages.shapes import Happening
from app.posting.queries import history as queries_history
from app.posting.queries.history import Act, Revision
from app.posting.queries.posts import Post
from app.posting.states import PUBLISH

_WRITTEN = "post.written"


@dataclass(frozen=True, slots=True)
class _People:
    """Who acts, by the word of the record ("user:7")."""

    names: Mapping[int, str]

    def name(self, actor: str) -> str:
        kind, _, number = actor.partition(":")
        if kind == "client":
            return number
        return self.names.get(int(number), "") if kind == "user" and number.isdigit() else ""


def happenings(workspace_id: int, post: Post) -> tuple[Happening, ...]:
    """All of it. Each change of the words stands with the words that went and came."""
    acts = queries_history.acts(workspace_id, post.public_id)
    events = queries_history.events(workspace_id, post.id)
    actors = [act.actor for act in acts] + [e.detail.removeprefix("found by ") for e in events]
    people = _People(queries_history.names_of({int(n) for a in actors if (n := _number(a)).isdigit()}))
    titles = {target.channel: target.title for target in post.targets}
    found = [
        *(
            Happening(e.at, people.name(e.detail.rpartition(" ")[2]), e.what, _detail(e.detail), e.title)
            for e in events
        ),
    ]
    found += [_act(act, people, titles) for act in acts if act.action != _WRITTEN]
    found += _written(queries_history.revisions(workspace_id, post.id))
    return tuple(sorted(found, key=lambda one: one.at, reverse=True))


def _number(actor: str) -> str:
    kind, _, number = actor.rpartition(" ")[2].partition(":")
    return number if kind == "user" else ""


def _detail(detail: str) -> str:
    """Telegram's words, or ours; who it was stands elsewhere."""
    return "" if "user:" in detail or detail.startswith("revision ") else detail


def _written(revisions: list[Revision]) -> Iterable[Happening]:
    for after, before in pairwise(revisions):
        yield Happening(after.at, after.who, "edited", diff=_diff(before.content, after.content))
    if revisions:
        yield Happening(revisions[-1].at, revisions[-1].who, "written")


def _diff(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    old, new = (_words(doc) for doc in (before, after))
    return tuple((part.op, part.text) for part in diff(old, new)) if old != new else ()


def _words(doc: Mapping[str, Any]) -> str:
    """All texts of a revision, as they were typed."""
    trees = [doc["base"], *(doc["variants"][key] for key in sorted(doc["variants"]))]
    return "\n\n".join(markup.write(tree.from_json(one).blocks) for one in trees)


def _act(act: Act, people: _People, titles: Mapping[str, str]) -> Happening:
    moved = tuple(_moved(act.before or {}, act.after or {}, titles))
    said = act.after if isinstance(act.after, str) else ""
    return Happening(act.at, people.name(act.actor), act.action.removeprefix("post."), said, moved=moved)


def _moved(
    before: Mapping[str, Any], after: Mapping[str, Any], titles: Mapping[str, str]
) -> Iterable[tuple[str, datetime | None, datetime | None]]:
    """(channel, publication before, and after) where the two differ."""
    if not isinstance(before, dict) or not isinstance(after, dict):
        return
    for channel in {**before, **after}:
        old, new = (_time(facts.get(channel, ())) for facts in (before, after))
        if old != new:
            yield titles.get(channel, ""), old, new


def _time(actions: Iterable[list[Any]]) -> datetime | None:
    """When these actions (see scheduling.facts) publish the post, None where they no longer do."""
    for kind, state, at, _ in actions:
        if kind == PUBLISH and at and state != "cancelled":
            return datetime.fromisoformat(at)
    return None
