"""Custom emoji through the real line to the simulated Telegram: composed is delivered, and what was told arrives."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.boot import Runtime
from app.channels.models import Channel
from app.channels.queries import channels_of
from app.core import clock, db
from app.core.errors import Upstream
from app.posting.content import checks
from app.posting.content.blocks import Block, Code, Content, Media, Options, Paragraph, Quote, Span
from app.posting.content.parts import parts
from app.posting.content.telegram import Entity, read, render
from app.posting.content.tidy import tidy
from app.posting.emoji import reading, standing, telling
from app.posting.emoji.pictures import mime_of
from app.posting.emoji.standing import KEPT, PLAIN, UNKNOWN
from app.posting.lane import delivering
from app.telegram.outgoing import Outgoing, OutgoingMedia, Sent
from app.telegram.publisher import HttpPublisher
from tests.posting.authored import may_post, run_lane, scheduled, text
from tests.posting.content.trees import FAMILY
from tests.posting.emoji.telegrams import FIRST, cats
from tests.simulator.process import OWNER_ID, TOKEN, SimulatorProcess
from tests.world import Owner, owned_channel, owner

EXAMPLES = 120
PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(32)
# emoji of one unit and of many: joined, with a tone, a flag, with a variation sign, a keycap
_PLAIN = [
    "☺",
    "👍",
    FAMILY,
    "👍🏽",
    "🇺🇿",
    "❤️",
    "1️⃣",
    "*️⃣",
    "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
]
_marks = st.frozensets(st.sampled_from(["bold", "italic", "underline", "strike", "spoiler"]), max_size=3)
_custom = st.builds(Span, st.sampled_from(_PLAIN), _marks, emoji=st.integers(FIRST, FIRST + 9).map(str))
_words = st.sampled_from(["a", "é", "n\u0303", "שלום ", "👨\u200d👩\u200d👧", " ", "  ", "\n", "👍", "\u200f", "x\t"])
_plain = st.builds(Span, _words, _marks, st.sampled_from([None, None, "https://a.uz/"]))
_spans = st.lists(_custom | _plain, min_size=1, max_size=8).map(tuple)
_blocks = st.lists(st.builds(Paragraph, _spans) | st.builds(Quote, _spans, st.booleans()), min_size=1, max_size=3)

Place = tuple[SimulatorProcess, HttpPublisher, int]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with SimulatorProcess(tmp_path_factory.mktemp("sim")) as sim:
        sim.http.timeout = httpx.Timeout(120)
        sim.api("getMe")
        sim.control("users", id=OWNER_ID, first_name="Owner")
        sim.control("limits", on=False)
        made = sim.control("channels", count=1, owner_id=OWNER_ID)
        yield sim, HttpPublisher(TOKEN, sim.url), made["chat_ids"][0]


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("files") / "p.png"
    path.write_bytes(PICTURE)
    return str(path)


@pytest.mark.parametrize("is_kept", [True, False], ids=["kept", "dropped"])
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(blocks=_blocks, is_caption=st.booleans())
def test_composed_equals_delivered(
    place: Place, picture: str, is_kept: bool, blocks: Sequence[Block], is_caption: bool
) -> None:
    """Where they are kept all entities come back as composed; elsewhere the same words with the same other entities."""
    sim, line, chat = place
    sim.control("bot", has_fragment_username=is_kept)
    content = Content(tuple(blocks), media=(Media("photo", "x"),) if is_caption else (), options=Options())
    if any(problem.is_error for problem in checks.check(content)):
        return  # the composer refuses it beforehand
    (part,) = parts(content)
    files = (OutgoingMedia("photo", path=picture, name="p.png"),) if is_caption else ()
    (sent,) = line.send(chat, Outgoing(part.kind, part.text, tuple(e.to_api() for e in part.entities), files))
    back = tuple(Entity.from_api(dict(entity)) for entity in sent.entities)
    expected = part.entities if is_kept else tuple(e for e in part.entities if e.type != "custom_emoji")
    assert sent.text == part.text and back == _seen(part.text, expected)
    assert _over(sent.text, back) == (_over(part.text, part.entities) if is_kept else [])
    assert _customs(read(sent.text, back)) == (_customs(tidy(blocks)) if is_kept else [])


def _customs(blocks: Sequence[Block]) -> list[Span]:
    """The custom emoji with the looks that they stand in."""
    return [span for block in blocks if not isinstance(block, Code) for span in block.spans if span.emoji]


def _seen(text: str, entities: Sequence[Entity]) -> tuple[Entity, ...]:
    """Without the looks of blanks alone, which Telegram drops (remove_invalid_entities of TDLib)."""
    units = text.encode("utf-16-le")
    return tuple(e for e in entities if units[2 * e.offset : 2 * e.end].decode("utf-16-le").strip(" \n"))


@settings(max_examples=300, deadline=None)
@given(blocks=_blocks)
def test_what_goes_out_plain_is_the_post_composed_with_plain_emoji(blocks: Sequence[Block]) -> None:
    """To the last entity: nothing is left of the cuts that a custom emoji makes in the looks around it."""
    made = render(blocks)
    plain = render([replace(b, spans=tuple(replace(s, emoji=None) for s in b.spans)) for b in tidy(blocks)])  # type: ignore[union-attr,type-var]
    left = standing.without_custom(made.text, [entity.to_api() for entity in made.entities])
    assert (made.text, left) == (plain.text, tuple(entity.to_api() for entity in plain.entities))


def _over(text: str, entities: Sequence[Entity]) -> list[str]:
    """What the custom emoji stand over: by the units of the wire, not by ours."""
    units = text.encode("utf-16-le")
    return [units[2 * e.offset : 2 * e.end].decode("utf-16-le") for e in entities if e.type == "custom_emoji"]


def test_every_custom_emoji_stands_over_its_plain_one() -> None:
    words = tuple(Span(plain, emoji=str(FIRST + n)) for n, plain in enumerate(_PLAIN))
    made = render((Paragraph((Span("n\u0303 👍 "), *words)),))
    assert _over(made.text, made.entities) == _PLAIN


# ---- what is told is what arrives

OTHER, THIRD = 5550000001, 5550000002
TOKENS = {int(TOKEN.split(":")[0]): TOKEN} | {n: f"{n}:SIMULATED-own-bot-token-not-real" for n in (OTHER, THIRD)}
WORDS = f"Yes **[👍](emoji:{FIRST})** [{FAMILY}](emoji:{FIRST + 1}) [❤️](emoji:{FIRST + 2})"


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatorProcess]:
    """Three bots: one with a bought username, one whose owner has Premium, one with neither; four channels each."""
    arguments = [word for token in TOKENS.values() for word in ("--bot-token", token)]
    with SimulatorProcess(tmp_path_factory.mktemp("many"), *arguments) as sim:
        sim.http.timeout = httpx.Timeout(120)
        sim.api("getMe")
        sim.control("users", id=OWNER_ID, first_name="Owner")
        sim.control("limits", on=False)
        sim.control("bot", bot_id=OTHER, has_premium_owner=True)
        sim.control("bot", bot_id=THIRD, has_fragment_username=True)
        yield sim


class Lines:
    """The lane's line of each bot, which writes down what came back by chat."""

    def __init__(self, sim: SimulatorProcess, bot_id: int) -> None:
        self._line, self.back = HttpPublisher(TOKENS[bot_id], sim.url), dict[int, Sent]()

    def send(self, chat_id: int, what: Outgoing) -> tuple[Sent, ...]:
        messages = self._line.send(chat_id, what)
        self.back[chat_id] = messages[0]
        return messages


def _targets(sim: SimulatorProcess, who: Owner, now: datetime) -> dict[int, list[Channel]]:
    with db.write():
        reading.note(cats().emoji, now=now)
    found: dict[int, list[Channel]] = {}
    for bot_id in TOKENS:
        chats = sim.control("channels", count=4, owner_id=OWNER_ID, bot_id=bot_id)["chat_ids"]
        found[bot_id] = [
            owned_channel(who, f"Channel {chat}", telegram_chat_id=chat, now=now, bot_id=bot_id) for chat in chats
        ]
        may_post(*found[bot_id], bot_id=bot_id)
    return found


def _told(who: Owner) -> dict[str, str]:
    """The word by channel's title, as the composer tells it."""
    refs = channels_of(who.workspace.id)
    said = telling.said_in(who.workspace.id, refs, {"": text(WORDS)})
    return {title: one.word for one in telling.told(said, refs, now=clock.utcnow()) for title in one.channels}


def _publish(sim: SimulatorProcess, who: Owner, targets: dict[int, list[Channel]], words: str) -> dict[str, str]:
    """One post to all targets; by channel's title what arrived in each."""
    scheduled(who, text(words), *(channel for channels in targets.values() for channel in channels))
    db.execute("DELETE FROM send_budget")
    arrived = {}
    for bot_id in targets:
        line = Lines(sim, bot_id)
        run_lane(line, bot_id=bot_id, run_s=8.0)
        for chat, message in line.back.items():
            customs = sum(entity["type"] == "custom_emoji" for entity in message.entities)
            arrived[f"Channel {chat}"] = KEPT if customs == 3 else PLAIN
    return arrived


def test_what_is_told_arrives_in_every_one_of_a_mixed_set_of_targets(runtime: Runtime, many: SimulatorProcess) -> None:
    who, now = owner("Aziza", telegram_user_id=42, now=clock.utcnow()), clock.utcnow()
    targets = _targets(many, who, now)
    assert set(_told(who).values()) == {UNKNOWN} and len(_told(who)) == 12
    first = {bot_id: channels[:1] for bot_id, channels in targets.items()}
    _publish(many, who, first, WORDS)  # a bot's first post tells of its other channels
    told = _told(who)
    assert sorted(told.values()) == [KEPT] * 4 + [PLAIN] * 8
    assert _publish(many, who, targets, f"{WORDS} again") == told
    notes = [row[0] for row in db.rows("SELECT note FROM delivery ORDER BY id")]
    assert notes.count("custom_emoji_dropped") == 2 and notes.count("custom_emoji_plain") == 8
    assert _told(who) == told


def test_without_the_fallback_something_else_arrives_than_was_told(
    runtime: Runtime, many: SimulatorProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The harm: one buys a username between the telling and the sending, and half of a campaign looks otherwise."""
    who, now = owner("Aziza", telegram_user_id=42, now=clock.utcnow()), clock.utcnow()
    *first, third, _ = _targets(many, who, now)[OTHER]
    targets, seen = {OTHER: first}, db.row("SELECT telegram_chat_id FROM chat WHERE id = ?", third.chat)
    assert seen is not None
    titles = {f"Channel {db.row('SELECT telegram_chat_id FROM chat WHERE id = ?', c.chat)[0]}" for c in targets[OTHER]}  # type: ignore[index]
    with db.write():
        standing.see(OTHER, str(seen[0]), is_kept=False, now=now)
    many.control("bot", bot_id=OTHER, has_fragment_username=True)
    try:
        told = {title: word for title, word in _told(who).items() if title in titles}
        assert _publish(many, who, targets, WORDS) == told == dict.fromkeys(titles, PLAIN)
        monkeypatch.setattr(delivering.standing, "as_it_goes", lambda what, *_args, **_more: what)
        assert _publish(many, who, targets, f"{WORDS} again") == dict.fromkeys(titles, KEPT)
    finally:
        many.control("bot", bot_id=OTHER, has_fragment_username=False)


def test_one_channel_may_differ_and_is_told_once_it_was_seen(runtime: Runtime, many: SimulatorProcess) -> None:
    who, now = owner("Aziza", telegram_user_id=42, now=clock.utcnow()), clock.utcnow()
    targets = {OTHER: _targets(many, who, now)[OTHER][:2]}
    odd = db.row("SELECT telegram_chat_id FROM chat WHERE id = ?", targets[OTHER][0].chat)
    assert odd is not None
    many.control("bot", bot_id=OTHER, chat=odd[0], keeps_emoji=True)
    assert set(_publish(many, who, targets, WORDS).values()) == {KEPT, PLAIN}
    told = _told(who)
    again = _publish(many, who, targets, f"{WORDS} again")
    assert again == {title: told[title] for title in again} and set(again.values()) == {KEPT, PLAIN}


def test_a_set_and_single_ones_come_from_telegram(many: SimulatorProcess) -> None:
    from app.telegram.adapter import AiogramTelegram

    line = AiogramTelegram(TOKEN, many.url)
    listed = [{"id": str(FIRST + n), "emoji": plain} for n, plain in enumerate(_PLAIN)]
    many.control("emoji_set", name="Cats", title="Cats!", emoji=listed)
    many.control("emoji_set", name="Stickers", title="No emoji", emoji=listed[:1], sticker_type="regular")
    found = line.emoji_set("cats")
    assert (found.name, found.title, [one.plain for one in found.emoji]) == ("Cats", "Cats!", _PLAIN)
    pictures = {line.download(one.picture_id, most_bytes=65_536) for one in found.emoji}
    assert len(pictures) == len(_PLAIN) and all(mime_of(data) == "image/png" for data in pictures)
    with pytest.raises(Upstream) as large:
        line.download(found.emoji[0].picture_id, most_bytes=10)
    assert large.value.permanent
    single = line.custom_emoji([str(FIRST + 3), "404"])
    assert [(one.emoji_id, one.plain, one.set_name) for one in single] == [(str(FIRST + 3), _PLAIN[3], "Cats")]
    for wrong in ("none", "Stickers"):
        with pytest.raises(Upstream) as refused:
            line.emoji_set(wrong)
        assert refused.value.permanent


def test_in_a_private_chat_the_owners_premium_is_enough(many: SimulatorProcess) -> None:
    entity = {"type": "custom_emoji", "offset": 0, "length": 2, "custom_emoji_id": str(FIRST)}
    for bot_id, kept in zip(TOKENS, (0, 1, 1), strict=True):
        many.control("message", user_id=OWNER_ID, bot_id=bot_id, text="hi")
        line = HttpPublisher(TOKENS[bot_id], many.url)
        (sent,) = line.send(OWNER_ID, Outgoing("message", "👍", (entity,)))
        assert len(sent.entities) == kept and sent.chat_kind == "private"
        assert replace(sent, entities=()).text == "👍"
