"""The web client of tests/web, and an owner whose picture with words is out in a simulated channel."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from PIL import Image

from app.boot import Runtime, boot
from app.channels.models import Channel
from app.core import clock, db
from app.core.settings import Settings
from app.media.models import MediaFile
from app.media.service import keep
from app.posting.content import markup
from app.posting.content.blocks import Content, Media
from app.posting.service import collecting
from app.protection.service.scanning import Desk
from app.protection.sources.preview_page import PreviewPosts
from app.telegram.outgoing import Outgoing, OutgoingMedia
from app.telegram.publisher import HttpPublisher
from tests.media.invisible.pictures import Pixels, drawn
from tests.posting.authored import may_post, run_lane, scheduled
from tests.simulator.process import OWNER_ID, TOKEN, SimulatorProcess
from tests.web.conftest import app, sign_in
from tests.world import Owner, owned_channel, owner, watched

__all__ = ["app", "sign_in"]

WORDS = (
    "Yangi uylar narxi bu oyda yana oshdi: poytaxtda kvadrat metr uchun o'rtacha to'qqiz million so'm so'ralmoqda, "
    "viloyatlarda esa narxlar deyarli o'zgarmadi va sotuvchilar xaridorlarni kutmoqda"
)
COPIED = WORDS.replace("oshdi", "ko'tarildi").replace("deyarli", "umuman").upper() + " @thief"
PICTURE = drawn(0, seed=7, sides=(640, 800))


def jpeg(pixels: Pixels, quality: int = 90) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality)
    return file.getvalue()


@dataclass
class Scene:
    """An owner with a channel that is simulated; others' channels stand beside it."""

    sim: SimulatorProcess
    runtime: Runtime
    who: Owner
    own: Channel
    line: HttpPublisher
    folder: Path

    def chat(self, name: str) -> int:
        return int(self.sim.channel(name)["chat_id"])

    def publish_own(self) -> MediaFile:
        """The owner's post goes out through the product, a second before anybody can copy it."""
        now, data = clock.utcnow(), io.BytesIO(jpeg(PICTURE))
        kept = keep(self.who.workspace.id, data, "a.jpg", data_dir=self.folder, user_id=self.who.user.id, now=now)
        scheduled(self.who, Content(markup.parse(WORDS), media=(Media("photo", kept.public_id),)), self.own)
        run_lane(self.line, folder=self.folder)
        assert collecting.collect_sent(now=clock.utcnow()) == 1
        time.sleep(1.1)
        return kept

    def others_post(self, name: str, words: str, pixels: Pixels | None = None) -> int:
        if pixels is None:
            (sent,) = self.line.send(self.chat(name), Outgoing("message", words))
            return sent.message_id
        path = self.folder / "sent.jpg"
        path.write_bytes(jpeg(pixels, 70))
        medium = OutgoingMedia("photo", path=str(path), name="x.jpg")
        (sent,) = self.line.send(self.chat(name), Outgoing("photo", words, media=(medium,)))
        return sent.message_id

    def watch(self, *names: str) -> None:
        for name in names:
            watched(self.who, name, now=clock.utcnow())

    def desk(self, client: httpx.Client) -> Desk:
        source = PreviewPosts(client, self.sim.url, pause=lambda _: None)
        return Desk(source, self.folder, lambda: False)


@pytest.fixture
def scene(database_url: str, tmp_path: Path) -> Iterator[Scene]:
    with SimulatorProcess(tmp_path / "sim") as sim:
        sim.api("getMe")
        sim.control("users", id=OWNER_ID, first_name="Owner")
        for name in ("mine", "thief", "honest"):
            sim.control("channels", username=name, title=name.title(), owner_id=OWNER_ID)
            sim.control("promote_bot", chat=name, user_id=OWNER_ID)
        settings = Settings(  # type: ignore[call-arg]
            _env_file=None,
            database_url=database_url,
            data_dir=tmp_path,
            demo=True,
            telegram_api_url=sim.url,
            telegram_preview_url=sim.url,
        )
        runtime, now = boot("web", settings), clock.utcnow()
        who = owner("Aziza", telegram_user_id=42, now=now)
        own = owned_channel(who, "Mine", telegram_chat_id=sim.channel("mine")["chat_id"], now=now)
        may_post(own)
        yield Scene(sim, runtime, who, own, HttpPublisher(TOKEN, sim.url), tmp_path)
    db.database.close()
