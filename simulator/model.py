"""What the simulated Telegram knows. Dataclasses whose fields are JSON, so that a row is asdict(self)."""

from bisect import bisect_right
from dataclasses import asdict, dataclass, field
from typing import Any

from simulator.content import Content

Doc = dict[str, Any]

RIGHTS = (
    "can_manage_chat",
    "can_change_info",
    "can_post_messages",
    "can_edit_messages",
    "can_delete_messages",
    "can_invite_users",
    "can_restrict_members",
    "can_promote_members",
    "can_manage_video_chats",
    "can_post_stories",
    "can_edit_stories",
    "can_delete_stories",
    "can_manage_direct_messages",
    "can_send_welcome_messages",
)
# What the apps offer a bot by default when somebody makes it an administrator of a channel.
DEFAULT_BOT_RIGHTS = {right: right != "can_promote_members" for right in RIGHTS}


@dataclass
class User:
    id: int
    first_name: str
    username: str | None = None
    language_code: str | None = None
    is_bot: bool = False
    has_blocked: list[int] = field(default_factory=list)


@dataclass
class Bot:
    """A bot account and how it wants its updates."""

    id: int
    token: str
    username: str
    first_name: str
    next_update_id: int = 100_000_001
    allowed_updates: list[str] | None = None
    webhook_url: str = ""
    webhook_secret: str | None = None
    max_connections: int = 40
    last_error_at: int | None = None
    last_error: str | None = None
    commands: list[Doc] = field(default_factory=list)
    menu_buttons: dict[str, Doc] = field(default_factory=dict)
    # Bought on Fragment: only such a bot keeps custom emoji in a channel.
    has_fragment_username: bool = False
    # Since Bot API 9.4 its owner's Premium keeps them in private chats and groups (api-changelog of 2026-02-09).
    has_premium_owner: bool = False
    # Channels in which they are kept otherwise than the bot's standing says, by chat id: for what is not documented.
    emoji_in: dict[str, bool] = field(default_factory=dict)


@dataclass
class Channel:
    chat_id: int
    username: str | None
    title: str
    owner_id: int
    created_at: int
    has_preview: bool = True
    about: str = ""
    next_message_id: int = 1
    # user id as text (a JSON key) -> {"status": ..., "rights": {...}}
    members: dict[str, Doc] = field(default_factory=dict)
    links: dict[str, Doc] = field(default_factory=dict)
    boosts: dict[str, Doc] = field(default_factory=dict)
    pinned: list[int] = field(default_factory=list)  # message ids, the newest pin last

    def member(self, user_id: int) -> Doc:
        return self.members.get(str(user_id), {"status": "left", "rights": {}})

    def is_admin(self, user_id: int) -> bool:
        return self.member(user_id)["status"] in ("creator", "administrator")


@dataclass
class Move:
    """Somebody came ("join", perhaps by a link) or went ("leave")."""

    chat_id: int
    number: int
    at: int
    user_id: int
    kind: str
    link: str | None


@dataclass
class Recorded:
    """Recorded readings that a replayed post follows; never stored, read again at every start."""

    at: list[int]
    views: list[int]
    reactions: list[int]

    def last(self, moment: float) -> tuple[int, int]:
        index = bisect_right(self.at, moment) - 1
        return (0, 0) if index < 0 else (self.views[index], self.reactions[index])


@dataclass
class Post(Content):
    """One message of a channel. Views and reactions are functions of time: see views.py."""

    chat_id: int
    message_id: int
    date: int
    media_group_id: str | None = None
    service: str | None = None
    bot_id: int | None = None
    edited_at: int | None = None
    deleted_at: int | None = None
    curve: list[list[float]] = field(default_factory=list)  # [start age in s, views after 30 days, shape]
    adjustments: list[list[int]] = field(default_factory=list)  # [at, difference]
    reaction_mix: list[list[Any]] = field(default_factory=list)  # [key, share of views]
    reaction_sets: list[Doc] = field(default_factory=list)  # {"at", "items": [[key, count]]}
    recorded: Recorded | None = None

    def to_doc(self) -> Doc:
        doc = {name: value for name, value in self.__dict__.items() if name != "recorded"}
        return {name: value for name, value in doc.items() if value not in (None, [], "", False)}


@dataclass
class PrivateMessage(Content):
    bot_id: int
    user_id: int
    message_id: int
    date: int
    is_from_bot: bool
    media_group_id: str | None = None
    edited_at: int | None = None
    deleted_at: int | None = None

    def to_doc(self) -> Doc:
        return asdict(self)
