"""A channel whose pictures are traced: each copy that goes out says, to us alone, where it went."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import IO

import numpy as np
import pytest
from PIL import Image

from app.boot import Runtime
from app.channels.models import Channel
from app.channels.queries import channel_of
from app.core import clock, db
from app.core.errors import LimitReached
from app.media import service as media
from app.media.jobs import Workshop
from app.media.making import Maker
from app.media.models import MediaFile
from app.media.service import watermarks
from app.media.service.watermarks import Typed as TypedMark
from app.posting.content.blocks import Media
from app.posting.models import AuthoredPost
from app.posting.planning import settings
from app.posting.planning.settings import Typed
from app.protection.service import reading_marks
from tests.posting.authored import ScriptedLine, may_post, run_lane, scheduled, text
from tests.world import Owner, owned_channel

Work = Callable[[], int]


@pytest.fixture
def work(runtime: Runtime) -> Work:
    return Workshop(Maker(runtime.settings.data_dir, runtime.settings.secret_keys).make).work_off


@pytest.fixture
def other(who: Owner) -> Channel:
    channel = owned_channel(who, "Other", telegram_chat_id=-1002, now=clock.utcnow())
    may_post(channel)
    return channel


def _trace(who: Owner, *channels: Channel) -> None:
    for channel in channels:
        ref = channel_of(who.workspace.id, channel.public_id)
        assert ref is not None
        typed = Typed([""] * 7, [], [], "0", "", "", is_protected=False, is_traced=True)
        settings.save(who.workspace.id, ref, typed, user_id=who.user.id, now=clock.utcnow())


def _scene(width: int = 900, height: int = 700, *, mode: str = "RGB") -> Image.Image:
    """Something like a photo: soft areas, edges and grain."""
    chance = np.random.default_rng(5)
    soft = Image.fromarray(chance.integers(0, 255, (9, 12, 3), dtype=np.uint8)).resize((width, height))
    grain = chance.normal(0, 6, (height, width, 1))
    return Image.fromarray(np.clip(np.asarray(soft) + grain, 0, 255).astype(np.uint8)).convert(mode)


def _kept(runtime: Runtime, who: Owner, image: Image.Image, kind: str = "JPEG") -> MediaFile:
    out = io.BytesIO()
    image.save(out, kind)
    now = clock.utcnow()
    return media.keep(
        *(who.workspace.id, io.BytesIO(out.getvalue()), "a"),
        data_dir=runtime.settings.data_dir,
        user_id=who.user.id,
        now=now,
    )


def _as_telegram_sends_it(path: str) -> IO[bytes]:
    out = io.BytesIO()
    with Image.open(path) as image:
        half = image.convert("RGB").resize((image.width // 2, image.height // 2))
    half.save(out, "JPEG", quality=70)
    out.seek(0)
    return out


def _sent_files(line: ScriptedLine) -> dict[int, str]:
    return {chat: what.media[0].path for _, chat, what in line.sent}


def _place(runtime: Runtime, who: Owner, path: str) -> tuple[int | None, int | None]:
    ours = runtime.settings
    found = reading_marks.mark_of(
        who.workspace.id, _as_telegram_sends_it(path), ours.secret_keys, data_dir=ours.data_dir
    )
    assert found is not None and found.copy is not None
    return found.copy.channel_id, found.copy.post_id


def _with(row: MediaFile) -> Media:
    return Media("photo", row.public_id)


@pytest.mark.parametrize(("kind", "mode"), [("JPEG", "RGB"), ("PNG", "RGBA"), ("JPEG", "L"), ("WEBP", "RGB")])
def test_each_channels_copy_tells_its_channel_and_its_post(
    runtime: Runtime, who: Owner, news: Channel, other: Channel, line: ScriptedLine, work: Work, kind: str, mode: str
) -> None:
    _trace(who, news, other)
    row = _kept(runtime, who, _scene(mode=mode), kind)
    post = scheduled(who, replace(text("Hello"), media=(_with(row),)), news, other)
    assert work() >= 2
    run_lane(line, folder=runtime.settings.data_dir, run_s=4.0)
    sent = _sent_files(line)
    assert _place(runtime, who, sent[-1001]) == (news.id, _number_of(post))
    assert _place(runtime, who, sent[-1002]) == (other.id, _number_of(post))
    with Image.open(sent[-1001]) as copy:
        assert copy.mode == mode and copy.size == (900, 700)


def _number_of(post: AuthoredPost) -> int:
    return int(post.id)


def test_a_watermark_is_seen_and_the_invisible_one_is_there_too(
    runtime: Runtime, who: Owner, news: Channel, line: ScriptedLine, work: Work
) -> None:
    _trace(who, news)
    mark = TypedMark(text="@mine", opacity="100", channels=[news.public_id])
    watermarks.save(who.workspace.id, None, mark, user_id=who.user.id, now=clock.utcnow())
    scene = _scene()
    post = scheduled(who, replace(text("Hello"), media=(_with(_kept(runtime, who, scene, "PNG")),)), news)
    assert work() >= 1
    run_lane(line, folder=runtime.settings.data_dir, run_s=4.0)
    path = _sent_files(line)[-1001]
    assert _place(runtime, who, path) == (news.id, post.id)
    with Image.open(path) as copy:
        change = np.abs(np.asarray(copy.convert("RGB")).astype(int) - np.asarray(scene)).max(axis=2)
    assert change[500:, 600:].max() > 60, "the watermark"
    assert 0 < change[:400, :400].max() < 20, "nobody sees this"


def test_without_the_switch_a_picture_goes_as_it_is(
    runtime: Runtime, who: Owner, news: Channel, other: Channel, line: ScriptedLine, work: Work
) -> None:
    _trace(who, other)
    row = _kept(runtime, who, _scene())
    scheduled(who, replace(text("Hello"), media=(_with(row),)), news)
    assert work() == 0
    run_lane(line, folder=runtime.settings.data_dir, run_s=1.0)
    assert Path(_sent_files(line)[-1001]).name == row.sha256


def test_what_can_carry_no_trace_goes_as_it_is_and_uses_nothing_up(
    runtime: Runtime, who: Owner, news: Channel, line: ScriptedLine, work: Work
) -> None:
    _trace(who, news)
    small = _kept(runtime, who, _scene(640, 300))
    scheduled(who, replace(text("Hello"), media=(_with(small),)), news)
    assert work() == 0 and db.rows("SELECT key FROM usage_counter WHERE key = 'watermarks'") == []
    run_lane(line, folder=runtime.settings.data_dir, run_s=1.0)
    assert Path(_sent_files(line)[-1001]).name == small.sha256


def test_each_copy_is_one_of_the_months_watermarks(runtime: Runtime, who: Owner, news: Channel, other: Channel) -> None:
    _trace(who, news, other)
    with db.write():
        db.execute("UPDATE plan_limit SET amount = 1 WHERE key = 'watermarks'")
    said = replace(text("Hello"), media=(_with(_kept(runtime, who, _scene())),))
    with pytest.raises(LimitReached):
        scheduled(who, said, news, other)
    assert db.rows("SELECT COUNT(*) FROM media_job") == [(0,)] and db.rows("SELECT COUNT(*) FROM marked_copy") == [(0,)]
    scheduled(who, said, news)
