"""The composer: one post's form with what is wrong with it and how Telegram will show it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from app.channels.queries import ChannelRef
from app.core.errors import Invalid
from app.core.htmx import explained
from app.core.i18n import N_
from app.media import queries as media
from app.media.models import MediaFile
from app.media.service import MOST_BYTES, marking
from app.posting.content import checks, utf16
from app.posting.content.blocks import Content
from app.posting.content.checks import CAPTION_LIMIT, TEXT_LIMIT, Problem
from app.posting.content.draft import Draft
from app.posting.content.parts import is_text_apart
from app.posting.content.telegram import render
from app.posting.emoji import telling
from app.posting.models import AuthoredPost
from app.posting.pages import forms
from app.posting.pages.preview import UrlOf, files_in, previews_of
from app.posting.pages.shapes import ChannelChoice, ComposerPage, MediaRow
from app.posting.planning import offers, settings
from app.posting.planning.cautions import Planned
from app.posting.service import planning
from app.posting.states import SCHEDULED

Problems = Mapping[str, list[str]]
_UNMARKABLE = N_(
    "“%(name)s” cannot carry the watermark of %(channels)s, where the post would be held. %(why)s Choose another file, or"
    " take the watermark off that channel."
)


@dataclass(frozen=True, slots=True)
class Editor:
    """Who composes, and how this person gets at the bytes of a file."""

    workspace_id: int
    timezones: tuple[str, ...]
    may_publish: bool
    url_of: UrlOf
    now: datetime
    most_bytes: int = MOST_BYTES


def composer_page(
    who: Editor,
    public_id: str,
    post: AuthoredPost | None,
    draft: Draft,
    *,
    error: Invalid | None = None,
    is_asked: bool = False,
) -> ComposerPage:
    """The form; `post` is None as long as nothing is kept. `error`: why it was refused just now.

    `is_asked`: show all that is wrong, also what may only be missing since the person is not done yet.
    """
    base, variants = draft.content(), draft.contents()
    refs = planning.own_channels(who.workspace_id)
    files = media.files_of(who.workspace_id, files_in(base))
    found = [("", base), *variants.items()]
    problems = _problems(found, is_asked=is_asked, is_error=True)
    length, limit = _room(base)
    return ComposerPage(
        url=f"/posts/{public_id}",
        version=post.version if post else 0,
        draft=draft,
        is_new=post is None,
        is_scheduled=post is not None and post.state == SCHEDULED,
        is_out=post is not None and planning.is_out(post),
        may_publish=who.may_publish,
        channels=tuple(_choices(refs, draft, now=who.now)),
        media=tuple(_rows(draft, files, who.url_of)),
        most_bytes=who.most_bytes,
        zones=tuple(dict.fromkeys((*who.timezones, *(ref.timezone for ref in refs)))),
        preview_name=forms.preview_name(draft.rest.options),
        previews=previews_of(
            base,
            _dressed(who.workspace_id, base, variants, draft),
            {ref.public_id: ref.title for ref in refs},
            files=files,
            url_of=who.url_of,
        ),
        length=length,
        limit=limit,
        goes_out_at=_moment(draft),
        problems=_with(problems, error) if error else problems,
        warnings=_warnings(who, post, draft, found, files),
        error=explained(error) if error else "",
        saved_at=post.updated_at if post else None,
    )


def _dressed(workspace_id: int, base: Content, variants: Mapping[str, Content], draft: Draft) -> dict[str, Content]:
    """What differs from the base: texts of a channel's own, and posts with a channel's signature or frame."""
    dresses = settings.dresses_of(workspace_id)
    own = {key: variants.get(key, base) for key in (*variants, *(c for c in draft.channels if c in dresses))}
    return {key: settings.in_dress(content, dresses.get(key, {})) for key, content in own.items()}


def _choices(refs: Sequence[ChannelRef], draft: Draft, *, now: datetime) -> Iterable[ChannelChoice]:
    reasons = planning.why_not(refs, now=now)
    for ref in refs:
        is_chosen, text = ref.public_id in draft.channels, draft.variants.get(ref.public_id, "")
        why = reasons.get(ref.id, "")
        yield ChannelChoice(ref.public_id, ref.title, ref.username, ref.timezone, is_chosen, why, text)


def _rows(draft: Draft, files: Mapping[str, MediaFile], url_of: UrlOf) -> Iterable[MediaRow]:
    for one in draft.rest.media:
        if one.file in files:
            yield MediaRow(one.file, one.kind, files[one.file].name, url_of(one.file), one.has_spoiler)


def _room(content: Content) -> tuple[int, int]:
    """UTF-16 units that the text takes, and may take."""
    is_caption = bool(content.media) and not is_text_apart(content)
    return utf16.length(render(content.blocks).text), CAPTION_LIMIT if is_caption else TEXT_LIMIT


def _moment(draft: Draft) -> datetime | None:
    try:
        return draft.due_at()
    except Invalid:
        return None


def _problems(found: Iterable[tuple[str, Content]], *, is_asked: bool, is_error: bool) -> Problems:
    """By the form's field. A text of one channel has a field of its own; the rest is the same everywhere."""
    told: dict[str, list[str]] = defaultdict(list)
    for channel, content in found:
        for problem in checks.check(content):
            is_own = not channel or problem.field == "text"
            if problem.is_error == is_error and is_own and (is_asked or _is_begun(problem, content)):
                told[_field(problem, channel)].append(_sentence(problem))
    return told


def _warnings(
    who: Editor,
    post: AuthoredPost | None,
    draft: Draft,
    found: Sequence[tuple[str, Content]],
    files: Mapping[str, MediaFile],
) -> Problems:
    """What does not hinder: of the words, the files, and the moment in each channel."""
    told, due_at = dict(_problems(found, is_asked=True, is_error=False)), _moment(draft)
    refs = planning.chosen(who.workspace_id, draft.channels)
    if refs:
        told |= _of_emoji(told, telling.said_in(who.workspace_id, refs, dict(found)), refs, now=who.now)
        told["media"] = [*told.get("media", ()), *_of_marks(who.workspace_id, files.values(), refs)]
    if due_at is not None and refs:
        planned = Planned(
            {ref.id: due_at for ref in refs}, found[0][1], dict(found[1:]), timedelta(minutes=draft.top_minutes)
        )
        but = post.id if post else 0
        said = [
            explained(Invalid(caution.sentence, **caution.params))
            for caution in offers.warnings(who.workspace_id, refs, planned, but=but, now=who.now)
        ]
        told["when"] = [*told.get("when", ()), *dict.fromkeys(said)]
    return {field: sentences for field, sentences in told.items() if sentences}


def _of_marks(workspace_id: int, files: Iterable[MediaFile], refs: Sequence[ChannelRef]) -> list[str]:
    """Which files cannot carry the watermark of a chosen channel, as far as is known: it would hold the post."""
    refused = [(row.name, refusal) for row in files if (refusal := marking.why_not(row))]
    if not refused:
        return []
    dresses = settings.dresses_of(workspace_id)
    titles = ", ".join(ref.title for ref in refs if dresses.get(ref.public_id, {}).get("mark"))
    told = [Invalid(_UNMARKABLE, name=name, channels=titles, why=explained(why)) for name, why in refused]
    return [explained(one) for one in told] if titles else []


def _of_emoji(told: Problems, said: Mapping[str, Content], refs: Sequence[ChannelRef], *, now: datetime) -> Problems:
    """What becomes of custom emoji in the chosen channels, in place of what is told while none is chosen."""
    general = explained(Invalid(checks.CUSTOM_EMOJI))
    left = {field: [text for text in texts if text != general] for field, texts in told.items()}
    known = [explained(one.sentence) for one in telling.told(said, refs, now=now)]
    return {**left, "text": [*left.get("text", ()), *known]}


def _field(problem: Problem, channel: str) -> str:
    return f"variant_{channel}" if channel else problem.field.replace(".", "_")


def _is_begun(problem: Problem, content: Content) -> bool:
    """Whether the person has written there: what is still empty is not wrong yet."""
    if problem.field.startswith("poll"):
        return content.poll is not None and bool(content.poll.question) and len(content.poll.options) > 1
    return bool(content.blocks or content.media or content.poll)


def _sentence(problem: Problem) -> str:
    return explained(Invalid(problem.sentence, **problem.params))


def _with(problems: Problems, error: Invalid) -> Problems:
    """What the check found, and what was refused in fields that it does not know."""
    more = {name.replace(".", "_"): [explained(error)] for name in error.fields}
    return {**more, **problems}


def as_fragment(shown: ComposerPage) -> ComposerPage:
    """The same for a block that comes alone: it brings the small parts around it along."""
    return replace(shown, is_fragment=True)
