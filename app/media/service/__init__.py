"""What may be done with files: keep one, want its copy at Telegram, make the copy, hand it to a post."""

from app.media.service.content import MOST_BYTES
from app.media.service.copies import Copy, due, lose, make, put_off, ready, want
from app.media.service.keeping import keep
from app.media.service.store import fetched, path_of, sweep_parts

__all__ = [
    "MOST_BYTES",
    "Copy",
    "due",
    "fetched",
    "keep",
    "lose",
    "make",
    "path_of",
    "put_off",
    "ready",
    "sweep_parts",
    "want",
]
