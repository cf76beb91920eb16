"""What the pages of posts show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from markupsafe import Markup

from app.posting.content.blocks import Button, Poll
from app.posting.content.draft import Draft
from app.posting.queries.waiting import Backlog

if TYPE_CHECKING:
    from app.posting.approvals.pages import WaitingPage  # its pages are made of ours


@dataclass(frozen=True, slots=True)
class PostRow:
    """A post in a list. `standing` is a word of `pages_lists.standing`; `at` is when it goes out, went out or changed.

    `reason`: why it was refused or is on hold, a word of ours or Telegram's words.
    """

    url: str
    words: str
    signs: tuple[str, ...]
    channels: tuple[str, ...]
    at: datetime
    standing: str
    eta_at: datetime | None = None
    reason: str = ""
    is_changed: bool = False


@dataclass(frozen=True, slots=True)
class UnconfirmedCard:
    """A publication of which Telegram did not say whether it took it."""

    url: str
    words: str
    title: str
    at: datetime | None
    there_url: str
    again_url: str


@dataclass(frozen=True, slots=True)
class HeldCard:
    """A channel whose posts are on hold. `why` is why the bot still may not post there, "" once it may."""

    title: str
    reason: str
    why: str
    count: int
    overdue: int
    resume_url: str
    channel_url: str


@dataclass(frozen=True, slots=True)
class ListPage:
    """One of the lists of posts."""

    show: str
    rows: tuple[PostRow, ...]
    attention: int
    timezone: str
    unconfirmed: tuple[UnconfirmedCard, ...] = ()
    held: tuple[HeldCard, ...] = ()
    backlog: Backlog | None = None
    first_url: str | None = None
    next_url: str | None = None
    may_compose: bool = False
    may_publish: bool = False
    has_channels: bool = True
    is_moving: bool = False
    proposed: WaitingPage | None = None


@dataclass(frozen=True, slots=True)
class PreviewMedium:
    """A file as it is shown: `kind` photo, video, animation or document."""

    kind: str
    url: str
    name: str
    has_spoiler: bool


@dataclass(frozen=True, slots=True)
class PreviewPart:
    """One message of Telegram's."""

    kind: str
    html: Markup
    media: tuple[PreviewMedium, ...]
    poll: Poll | None
    buttons: tuple[tuple[Button, ...], ...]
    preview: str
    is_silent: bool
    is_protected: bool
    preview_above: bool
    caption_above: bool


@dataclass(frozen=True, slots=True)
class Preview:
    """The messages of a post, in the channel of that title, or ("") wherever no other text is written for."""

    title: str
    parts: tuple[PreviewPart, ...]


@dataclass(frozen=True, slots=True)
class ChannelChoice:
    """An own channel in the composer; `why` says why nothing can be published there, "" when it can."""

    public_id: str
    title: str
    username: str | None
    timezone: str
    is_chosen: bool
    why: str
    variant: str


@dataclass(frozen=True, slots=True)
class MediaRow:
    """A file of the post in the composer."""

    public_id: str
    kind: str
    name: str
    url: str
    has_spoiler: bool


@dataclass(frozen=True, slots=True)
class ComposerPage:
    """The form of one post. `problems`: by field, sentences; `warnings`: the same, of what does not hinder.

    `anyway`: which button ("schedule", "publish") a person may press once more although the moment is a doubtful one.
    """

    url: str
    version: int
    draft: Draft
    is_new: bool
    is_scheduled: bool
    is_out: bool
    may_publish: bool
    channels: tuple[ChannelChoice, ...]
    media: tuple[MediaRow, ...]
    most_bytes: int
    zones: tuple[str, ...]
    preview_name: str
    previews: tuple[Preview, ...]
    length: int
    limit: int
    goes_out_at: datetime | None
    problems: Mapping[str, Sequence[str]] = field(default_factory=dict)
    warnings: Mapping[str, Sequence[str]] = field(default_factory=dict)
    error: str = ""
    saved_at: datetime | None = None
    is_stale: bool = False
    is_fragment: bool = False
    anyway: str = ""


@dataclass(frozen=True, slots=True)
class Follower:
    """What follows a publication: pin, unpin, delete, edit."""

    kind: str
    state: str
    due_at: datetime | None
    after_s: int | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class TargetRow:
    """A post in one channel, as its page shows it. `reason` is our word or Telegram's.

    `emoji_word`: what becomes of its custom emoji there, as long as it is not out: kept, plain, unknown, "" for none.
    """

    title: str
    channel_url: str
    standing: str
    due_at: datetime | None
    eta_at: datetime | None
    sent_at: datetime | None
    reason: str
    note: str | None
    telegram_urls: tuple[str, ...]
    numbers_url: str | None
    followers: tuple[Follower, ...]
    top_until: datetime | None
    top_minutes: int
    unconfirmed: UnconfirmedCard | None
    temporal_url: str | None
    emoji_word: str = ""
    emoji: str = ""


@dataclass(frozen=True, slots=True)
class Happening:
    """Something in the post's history: when, who (a name, "" for the service), what (a word), and details."""

    at: datetime
    who: str
    what: str
    detail: str = ""
    title: str = ""
    diff: tuple[tuple[str, str], ...] = ()
    moved: tuple[tuple[str, datetime | None, datetime | None], ...] = ()


@dataclass(frozen=True, slots=True)
class PostPage:
    """One post."""

    url: str
    words: str
    version: int
    standing: str
    timezone: str
    previews: tuple[Preview, ...]
    targets: tuple[TargetRow, ...]
    history: tuple[Happening, ...]
    held: tuple[HeldCard, ...]
    day: str
    time: str
    clicks: int | None
    proposed_at: datetime | None
    proposed_by: str
    is_proposed: bool
    is_changed: bool
    is_moving: bool
    may_compose: bool
    may_publish: bool
    can_move: bool
    can_cancel: bool
    can_take_down: bool
    can_edit: bool
    can_try_again: bool
