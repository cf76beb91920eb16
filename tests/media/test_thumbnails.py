"""The library's pictures: a small still of each file that is too large to be drawn itself."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image

from app.boot import Runtime
from app.core import clock, db
from app.media import library_jobs, queries
from app.media import service as media
from app.media.jobs import Workshop
from app.media.making import Maker
from app.media.models import MediaFile
from app.media.service import library, store, thumbnails
from tests.media.hostile.pieces import clip
from tests.world import Owner, owner

SignIn = Callable[[Owner], FlaskClient]


class Nobody:
    """No post has any file."""

    def of_file(self, workspace_id: int, public_id: str, *, limit: int) -> tuple[()]:
        return ()


@pytest.fixture
def who(runtime: Runtime) -> Owner:
    return owner("Aziza", plan="pro", now=clock.utcnow())


def _grain(size: tuple[int, int] = (1200, 800), quality: int = 95) -> bytes:
    out = io.BytesIO()
    Image.effect_noise(size, 80).convert("RGB").save(out, "JPEG", quality=quality)
    return out.getvalue()


def _kept(runtime: Runtime, who: Owner, content: bytes, name: str = "a") -> MediaFile:
    return media.keep(
        *(who.workspace.id, io.BytesIO(content), name),
        data_dir=runtime.settings.data_dir,
        user_id=who.user.id,
        now=clock.utcnow(),
    )


def _work(runtime: Runtime) -> int:
    return Workshop(Maker(runtime.settings.data_dir, runtime.settings.secret_keys).make).work_off()


def _still(runtime: Runtime, row: MediaFile) -> Path:
    made = queries.file_of(row.workspace, thumbnails.of_files([row.id])[row.id])
    assert made is not None
    return store.path_of(runtime.settings.data_dir, made.sha256)


@pytest.mark.parametrize("what", ["picture", "film"])
def test_what_comes_gets_a_still_that_the_grid_draws(app: Flask, sign_in: SignIn, who: Owner, what: str) -> None:
    runtime, client = app.extensions["runtime"], sign_in(who)
    row = _kept(runtime, who, _grain() if what == "picture" else clip(seconds="2", size="640x360"))
    assert _work(runtime) == 1
    with Image.open(_still(runtime, row)) as still:
        assert still.format == "WEBP" and max(still.size) == thumbnails.LONGEST
    made = thumbnails.of_files([row.id])[row.id]
    page = client.get("/media").text
    assert f'src="/media/{made}"' in page and f'href="/media/{row.public_id}/about"' in page
    assert page.count("tile-file") == 1, "the still is no file of the library"
    assert client.get(f"/media/{made}").content_type == "image/webp"


def test_a_still_takes_none_of_the_plans_room_and_is_sent_nowhere(runtime: Runtime, who: Owner) -> None:
    from app.media.service import room

    row = _kept(runtime, who, _grain())
    _work(runtime)
    assert room.used_bytes(who.workspace.id) == row.size
    assert db.row("SELECT COUNT(*) FROM media_copy WHERE media_id <> ?", row.id) == (0,)


def test_what_is_small_is_drawn_itself(app: Flask, sign_in: SignIn, who: Owner) -> None:
    runtime = app.extensions["runtime"]
    row = _kept(runtime, who, _grain((100, 80)))
    assert _work(runtime) == 0 and f'src="/media/{row.public_id}"' in sign_in(who).get("/media").text


def test_a_film_that_nobody_can_read_stands_as_its_kind_and_is_not_tried_for_ever(
    app: Flask, sign_in: SignIn, who: Owner
) -> None:
    runtime = app.extensions["runtime"]
    row = _kept(runtime, who, clip(seconds="2", size="640x360")[:3000])
    assert row.kind == "video" and _work(runtime) == 1 and thumbnails.of_files([row.id]) == {}
    assert "tile-sign" in sign_in(who).get("/media").text
    assert thumbnails.want_missing(now=clock.utcnow()) == 0


def test_files_of_before_get_theirs_by_and_by(runtime: Runtime, who: Owner) -> None:
    row = _kept(runtime, who, _grain())
    with db.write():
        db.execute("DELETE FROM media_job")
    assert library_jobs.clean(Nobody(), runtime.settings.data_dir, cache_bytes=0)["media_thumbnails_wanted"] == 1
    assert _work(runtime) == 1 and row.id in thumbnails.of_files([row.id])


def test_with_its_file_a_still_goes_for_good(runtime: Runtime, who: Owner) -> None:
    row = _kept(runtime, who, _grain())
    _work(runtime)
    path = _still(runtime, row)
    library.put_in_trash(who.workspace.id, row.public_id, Nobody(), user_id=who.user.id, now=clock.utcnow())
    later = clock.utcnow() + 2 * library.STAYS
    assert library.empty_trash(Nobody(), data_dir=runtime.settings.data_dir, now=later) == 1
    assert not path.exists() and thumbnails.of_files([row.id]) == {}
