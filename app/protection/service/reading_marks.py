"""Which copy is this? A picture's invisible mark, and the copy of the workspace that it stands for."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.core import db
from app.core.errors import Invalid
from app.core.i18n import N_
from app.media.service import invisible
from app.media.service.invisible import Copy

if TYPE_CHECKING:
    from app.media.invisible import Pixels

MOST_BYTES = 10_000_000
MOST_PIXELS = 25_000_000
_ENOUGH = 1280  # pixels on the longer side


@dataclass(frozen=True, slots=True)
class Found:
    """A mark. `copy` None: it stands for no copy of this workspace."""

    payload: int
    copy: Copy | None


def mark_of(workspace_id: int, data: bytes, secret_keys: Sequence[str]) -> Found | None:
    """What the picture carries; None for no mark. Raises Invalid for what is no picture or too large a one."""
    pixels = _pixels(data)
    from app.media.invisible import read  # numpy: only where marks are

    for key in invisible.mark_keys(secret_keys):
        found = read(pixels, key=key)
        if found is not None:
            return Found(found.payload, invisible.copy_of(workspace_id, found.payload))
    return None


def _pixels(data: bytes) -> Pixels:
    """The picture, made smaller: a mark needs less, and a large picture would be much of the web process's memory."""
    import numpy as np
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data), formats=("JPEG", "PNG", "WEBP")) as image:
            if image.width * image.height > MOST_PIXELS:
                raise Invalid(
                    N_("This picture has more than %(most)s million pixels."),
                    most=MOST_PIXELS // 1_000_000,
                    fields={"file": "pixels"},
                )
            image.draft("RGB", (_ENOUGH, _ENOUGH))
            image.thumbnail((_ENOUGH, _ENOUGH), reducing_gap=3.0)
            return np.asarray(image.convert("RGB"))
    except (OSError, ValueError, EOFError, Image.DecompressionBombError) as error:
        raise Invalid(
            N_("This is no picture that we can read: send a JPEG, PNG or WebP."), fields={"file": "picture"}
        ) from error


def told_of(workspace_id: int, copy: Copy) -> tuple[str, str, str]:
    """Name of the file, title of the channel, public id of the post, as far as they are still there."""
    found = db.row(
        "SELECT (SELECT name FROM media_file WHERE workspace_id = ? AND public_id = ?),"
        " (SELECT t.title FROM channel c JOIN chat t ON t.id = c.chat_id WHERE c.workspace_id = ? AND c.id = ?),"
        " (SELECT public_id FROM authored_post WHERE workspace_id = ? AND id = ? AND deleted_at IS NULL)",
        *(workspace_id, copy.media, workspace_id, copy.channel_id, workspace_id, copy.post_id),
    )
    name, title, post = found or (None, None, None)
    return name or "", title or "", post or ""
