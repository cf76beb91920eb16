"""What moves through more frames than a mark can stand on: told where the file is, tried and chosen, not when it is due."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.channels.models import Channel
from app.core import clock, db
from app.media import service as media
from app.media.marks.bounds import Bounds
from app.media.models import MediaFile
from app.media.service import content, marking, watermarks
from app.media.service.watermarks import Typed
from tests.media.files import picture
from tests.web.composer import Composer
from tests.world import Owner, owned_channel, owner

SignIn = Callable[..., FlaskClient]
MOST = Bounds().frames
SAYS = f"This picture moves through more than {MOST} frames."


@pytest.fixture
def who(app: Flask) -> Owner:
    return owner("Aziza", telegram_user_id=42, plan="pro", now=clock.utcnow())


def _kept(app: Flask, who: Owner, frames: int) -> MediaFile:
    folder, name = app.extensions["runtime"].settings.data_dir, f"moves-{frames}.gif"
    stream = io.BytesIO(moving("GIF", frames))
    return media.keep(who.workspace.id, stream, name, data_dir=folder, user_id=who.user.id, now=clock.utcnow())


def moving(kind: str, frames: int) -> bytes:
    """A tiny picture of so many frames, each another than the one before (equal ones are stored as one)."""
    from PIL import Image

    drawn = [Image.new("RGB", (16, 16), ((n * 37) % 256, (n * 91) % 256, n % 256)) for n in range(frames)]
    out = io.BytesIO()
    drawn[0].save(out, kind, save_all=True, append_images=drawn[1:], duration=40)
    return out.getvalue()


def _mark(who: Owner, *channels: str) -> str:
    typed = Typed(name="M", text="@mine", channels=list(channels))
    return watermarks.save(who.workspace.id, None, typed, user_id=who.user.id, now=clock.utcnow()).public_id


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_frames_are_counted_when_a_file_comes(kind: str, tmp_path: Path) -> None:
    for frames, counted in ((2, 2), (MOST, MOST), (MOST + 60, MOST + 1 if kind == "GIF" else MOST + 60)):
        path = tmp_path / f"{frames}"
        path.write_bytes(moving(kind, frames))
        assert content.look(path, path.stat().st_size).frames == counted
    still = tmp_path / "still"
    still.write_bytes(picture("JPEG"))
    assert content.look(still, still.stat().st_size).frames is None


def test_its_page_says_that_no_mark_can_be_put_on_it(app: Flask, sign_in: SignIn, who: Owner) -> None:
    client = sign_in(who)
    assert SAYS in client.get(f"/media/{_kept(app, who, MOST + 1).public_id}/about").text
    page = client.get(f"/media/{_kept(app, who, MOST).public_id}/about").text
    assert SAYS not in page and "no watermark can be put on it" not in page


def test_a_trial_is_refused_before_it_counts(app: Flask, sign_in: SignIn, who: Owner) -> None:
    row, client = _kept(app, who, MOST + 1), sign_in(who)
    answer = client.post(f"/watermarks/{_mark(who)}/try", data={"file": row.public_id})
    assert answer.status_code == 422 and SAYS in answer.text
    assert db.rows("SELECT 1 FROM media_job WHERE kind = 'mark'") == []
    assert db.rows("SELECT used FROM usage_counter WHERE key = 'watermarks'") == []


def test_the_composer_says_it_where_a_chosen_channel_has_a_mark(app: Flask, sign_in: SignIn, who: Owner) -> None:
    now = clock.utcnow()
    marked, plain = (
        owned_channel(who, title, telegram_chat_id=chat, now=now) for title, chat in (("News", -1001), ("Other", -1002))
    )
    _mark(who, marked.public_id)
    long, short = _kept(app, who, MOST + 1), _kept(app, who, 3)
    client = sign_in(who)

    def picked(row: MediaFile, *channels: Channel) -> str:
        return (
            Composer(client)
            .press("media/pick", *channels, fragment="composer_media", text="Hello", pick=row.public_id)
            .text
        )

    told = picked(long, marked, plain)
    assert f"“{long.name}” cannot carry the watermark of News, where" in told and SAYS in told
    for row, channel in ((long, plain), (short, marked)):
        assert row.name in picked(row, channel) and "cannot carry" not in picked(row, channel)


def test_too_many_pixels_of_all_frames_are_told_too(app: Flask, who: Owner) -> None:
    """As the child counts them: the size times the frames."""
    row = _kept(app, who, 10)
    assert marking.why_not(row) is None
    row.width, row.height = 4000, 4000
    refusal = marking.why_not(row)
    assert refusal is not None and "120 million pixels" in refusal.message
    row.frames = None
    assert marking.why_not(row) is None, "one that came before frames were counted is not known"
