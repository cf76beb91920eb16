"""What one message says, however it came: words, a file or a poll, buttons, and how it wants to be shown."""

from dataclasses import dataclass, field, fields
from typing import Any

Doc = dict[str, Any]


@dataclass(kw_only=True)
class Content:
    """`text` is the caption where there is media. `file` is what files.py keeps of an upload."""

    text: str = ""
    entities: list[Doc] = field(default_factory=list)
    media: str | None = None
    file: Doc | None = None
    poll: Doc | None = None
    reply_markup: Doc | None = None
    link_preview: Doc | None = None
    forward_origin: Doc | None = None
    has_spoiler: bool = False
    is_caption_above: bool = False
    is_silent: bool = False
    is_protected: bool = False

    def content(self) -> "Content":
        """The message without its place and time, as a copy of it starts."""
        return Content(**{item.name: getattr(self, item.name) for item in fields(Content)})
