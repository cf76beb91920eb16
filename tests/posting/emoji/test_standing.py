"""Where Telegram keeps custom emoji: learnt from each message, told before the next, and held to when it is sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from app.channels.models import Channel
from app.channels.queries import channels_of
from app.core import clock, db
from app.core.errors import Upstream
from app.posting.content import markup
from app.posting.content.blocks import Content
from app.posting.emoji import palette, reading, standing, telling, trials
from app.posting.emoji.standing import HOLDS, KEPT, PLAIN, UNKNOWN, standing_of
from app.posting.models import AuthoredPost
from app.posting.service import scheduling, writing
from app.telegram.outgoing import Outgoing, Sent
from tests.posting.authored import BOT_ID, ScriptedLine, deliveries, may_post, refusal, run_lane, scheduled, text
from tests.posting.emoji.telegrams import FIRST, cats, known
from tests.world import Owner, owned_channel, owner

WORDS = f"**Yes [👍](emoji:{FIRST})** and [👨\u200d👩\u200d👧](emoji:{FIRST + 2})"
STORAGE = -1009
DEAD = "1"  # an emoji that Telegram has no more, or never had


@dataclass
class DroppingLine(ScriptedLine):
    """Telegram: by bot and chat it keeps custom emoji, or drops them in silence."""

    keeps: Mapping[int, bool] = field(default_factory=dict)
    kind: str = "channel"

    def send(self, chat_id: int, what: Outgoing) -> tuple[Sent, ...]:
        messages = super().send(chat_id, what)
        lost = (DEAD,) if self.keeps.get(chat_id) else {e.get("custom_emoji_id") for e in what.entities} - {None}
        left = tuple(e for e in what.entities if e.get("custom_emoji_id") not in lost)
        return tuple(replace(message, entities=left, chat_kind=self.kind) for message in messages)


@pytest.fixture(autouse=True)
def alive(who: Owner) -> None:
    """Telegram told of the cats a moment ago."""
    with db.write():
        reading.note(cats().emoji, now=clock.utcnow())


def _customs(what: Outgoing) -> int:
    return sum(entity["type"] == "custom_emoji" for entity in what.entities)


def _note(post: AuthoredPost) -> str | None:
    (found,) = db.rows("SELECT note FROM delivery WHERE post_id = ?", post.id)
    return found[0]  # type: ignore[no-any-return]


def _sent(line: ScriptedLine) -> Outgoing:
    return line.sent[-1][2]


def _word(channel: int = -1001, *, now: datetime | None = None) -> str:
    return standing_of(BOT_ID, str(channel), now=now or clock.utcnow()).word


def test_it_is_not_known_until_the_first_message_shows_it(who: Owner, news: Channel) -> None:
    line = DroppingLine()
    assert _word() == UNKNOWN
    first = scheduled(who, text(WORDS), news)
    run_lane(line, run_s=1.0)
    assert _customs(_sent(line)) == 2 and _note(first) == "custom_emoji_dropped" and _word() == PLAIN
    second = scheduled(who, text(f"{WORDS}!"), news)
    run_lane(line, run_s=2.0)
    what = _sent(line)
    assert _customs(what) == 0 and what.text == "Yes 👍 and 👨\u200d👩\u200d👧!"
    assert [(e["type"], e["offset"], e["length"]) for e in what.entities] == [("bold", 0, 6)]
    assert _note(second) == "custom_emoji_plain" and deliveries(second) == [(0, "sent", None)]


def test_where_they_are_kept_they_stay_custom(who: Owner, news: Channel) -> None:
    line = DroppingLine(keeps={-1001: True})
    for words in (WORDS, f"{WORDS}!"):
        post = scheduled(who, text(words), news)
        run_lane(line, run_s=2.0)
        assert _customs(_sent(line)) == 2 and _note(post) is None and _word() == KEPT


def test_a_post_without_custom_emoji_teaches_nothing(who: Owner, news: Channel) -> None:
    scheduled(who, text("plain 👍"), news)
    run_lane(DroppingLine(), run_s=1.0)
    assert _word() == UNKNOWN and db.rows("SELECT 1 FROM emoji_standing") == []


def test_what_was_seen_holds_for_a_week_and_is_learnt_anew(who: Owner, news: Channel) -> None:
    old = clock.utcnow() - HOLDS + timedelta(minutes=1)
    with db.write():
        standing.see(BOT_ID, "-1001", is_kept=False, now=old)
    assert _word() == PLAIN and _word(now=old + HOLDS + timedelta(seconds=1)) == UNKNOWN
    with db.write():
        standing.see(BOT_ID, "-1001", is_kept=False, now=old - timedelta(minutes=2))
    line = DroppingLine(keeps={-1001: True})  # a username was bought meanwhile
    scheduled(who, text(WORDS), news)
    run_lane(line, run_s=1.0)
    assert _customs(_sent(line)) == 2 and _word() == KEPT


def test_the_bots_other_channels_tell_too_and_its_own_first(who: Owner, news: Channel) -> None:
    now = clock.utcnow()
    owned_channel(who, "Other", telegram_chat_id=-1002, now=now, bot_id=BOT_ID)
    with db.write():
        standing.see(BOT_ID, "-1002", is_kept=False, now=now - timedelta(days=1))
    found = standing_of(BOT_ID, "-1001", now=now)
    assert (found.word, found.is_here) == (PLAIN, False)
    with db.write():
        standing.see(BOT_ID, "-1001", is_kept=True, now=now - timedelta(days=2))
    found = standing_of(BOT_ID, "-1001", now=now)
    assert (found.word, found.is_here, found.seen_at) == (
        KEPT,
        True,
        now.replace(microsecond=now.microsecond // 1000 * 1000) - timedelta(days=2),
    )
    assert standing_of(8, "-1001", now=now).word == UNKNOWN, "another bot is another matter"


def test_an_edit_says_what_the_message_says_there(who: Owner, news: Channel) -> None:
    """Else each correction would ask Telegram for what it drops."""
    edited: list[Outgoing] = []

    class Line(DroppingLine):
        def edit(self, chat_id: int, message_id: int, what: Outgoing) -> None:
            edited.append(what)

    line = Line()
    with db.write():
        standing.see(BOT_ID, "-1001", is_kept=False, now=clock.utcnow())
    post = scheduled(who, text(WORDS), news)
    run_lane(line, run_s=1.0)
    now = clock.utcnow()
    with db.write():
        held = writing.held(who.workspace.id, post.public_id)
        writing.freeze(held, text(f"{WORDS} more"), {}, user_id=who.user.id, now=now)
        scheduling.correct(held, now=now)
    run_lane(line, run_s=3.0)
    assert [(what.text[-4:], _customs(what)) for what in edited] == [("more", 0)]


def test_the_composer_tells_by_channel_what_arrives(who: Owner, news: Channel) -> None:
    now = clock.utcnow()
    others = [
        owned_channel(who, title, telegram_chat_id=-1000 - n, now=now, bot_id=BOT_ID + n)
        for n, title in ((2, "B"), (3, "C"))
    ]
    with db.write():
        standing.see(BOT_ID, "-1001", is_kept=False, now=now)
        standing.see(BOT_ID + 2, "-1002", is_kept=True, now=now)
    refs = channels_of(who.workspace.id)
    said = telling.said_in(who.workspace.id, refs, {"": text(WORDS)})
    found = telling.told(said, refs, now=now)
    assert [(one.word, one.channels, one.emoji) for one in found] == [
        (PLAIN, ("News",), "👍 👨\u200d👩\u200d👧"),
        (UNKNOWN, ("C",), "👍 👨\u200d👩\u200d👧"),
        (KEPT, ("B",), "👍 👨\u200d👩\u200d👧"),
    ]
    assert (
        found[0].sentence.message.startswith("In News these go out as plain emoji: 👍 👨\u200d👩\u200d👧.") and others
    )
    assert telling.told({ref.public_id: text("none 👍") for ref in refs}, refs, now=now) == []


def test_emoji_of_a_signature_are_told_as_well(who: Owner, news: Channel) -> None:
    from app.posting.planning.models import PostingSettings

    now = clock.utcnow()
    PostingSettings.create(
        workspace=who.workspace.id, channel=news.id, signature=f"[🔥](emoji:{FIRST})", updated_at=now
    )
    refs = channels_of(who.workspace.id)
    (one,) = telling.told(telling.said_in(who.workspace.id, refs, {"": text("Hello")}), refs, now=now)
    assert (one.word, one.emoji) == (UNKNOWN, "🔥")


def _poison(line: DroppingLine, words: str = f"[👍](emoji:{DEAD})") -> Channel:
    """Another workspace posts through the same bot."""
    other = owner("Mallory", telegram_user_id=99, now=clock.utcnow())
    theirs = owned_channel(other, "Theirs", telegram_chat_id=-6666, now=clock.utcnow(), bot_id=BOT_ID)
    may_post(theirs)
    scheduled(other, text(words), theirs)
    run_lane(line, run_s=1.0)
    return theirs


def test_a_dead_emoji_makes_nobodys_plain(who: Owner, news: Channel) -> None:
    line = DroppingLine(keeps={-1001: True, -6666: True})
    _poison(line)
    assert (_word(), _word(-6666)) == (UNKNOWN, UNKNOWN) and db.rows("SELECT 1 FROM emoji_standing") == []
    post = scheduled(who, text(WORDS), news)
    run_lane(line, run_s=1.0)
    assert _customs(_sent(line)) == 2 and _note(post) is None and _word() == KEPT
    dead = scheduled(who, text(f"[👍](emoji:{DEAD})"), news)
    run_lane(line, run_s=2.0)
    assert _note(dead) == "custom_emoji_dropped" and _word() == KEPT, "what was kept before stays so"


def test_a_dead_one_beside_one_that_is_kept_proves_kept(who: Owner, news: Channel) -> None:
    line = DroppingLine(keeps={-1001: True})
    post = scheduled(who, text(f"[👍](emoji:{DEAD}) {WORDS}"), news)
    run_lane(line, run_s=1.0)
    assert _note(post) == "custom_emoji_dropped" and _word() == KEPT


def test_what_telegram_told_of_long_ago_or_has_no_more_proves_nothing(who: Owner, news: Channel) -> None:
    for column, at in (("known_at", clock.utcnow() - standing.ALIVE), ("gone_at", clock.utcnow())):
        with db.write():
            reading.note(cats().emoji, now=clock.utcnow())
            db.execute(f"UPDATE custom_emoji SET {column} = ?", db.stamp(at))
        scheduled(who, text(f"{WORDS} {column}"), news)
        run_lane(DroppingLine(), run_s=2.0)
        assert _word() == UNKNOWN, column


def test_what_one_workspace_saw_is_no_matter_of_another(who: Owner, news: Channel) -> None:
    """A living emoji may be dropped in a channel for its own reasons, or be taken out of its set in between."""
    _poison(DroppingLine(), WORDS)
    assert (_word(-6666), _word()) == (PLAIN, UNKNOWN)
    mine = owned_channel(who, "Mine", telegram_chat_id=-1002, now=clock.utcnow(), bot_id=BOT_ID)
    with db.write():
        standing.see(BOT_ID, "-1002", is_kept=True, now=clock.utcnow())
    assert (_word(), _word(-6666)) == (KEPT, PLAIN)
    db.execute("UPDATE channel SET relation = 'watched' WHERE id = ?", mine.id)
    assert _word() == UNKNOWN, "of a channel that is only watched nothing is claimed"


@pytest.fixture
def ready(who: Owner, news: Channel) -> None:
    """A palette, and a bot with a storage chat."""
    now = clock.utcnow()
    ids = known(who, cats(), now=now)
    palette.add(who.workspace.id, ids[:2], user_id=who.user.id, now=now)
    db.execute("UPDATE bot SET storage_chat_id = ?", STORAGE)


@pytest.mark.parametrize(
    ("kind", "is_kept", "outcome", "word", "days"),
    [
        ("channel", True, "kept", KEPT, 6),
        ("channel", False, "plain", PLAIN, 1),  # a username may be bought meanwhile
        ("supergroup", True, "no_answer", UNKNOWN, 6),  # the Premium of the owner is enough there
        ("supergroup", False, "plain", PLAIN, 1),
    ],
)
def test_a_trial_in_the_storage_chat_leaves_nothing_behind(
    who: Owner, ready: None, kind: str, is_kept: bool, outcome: str, word: str, days: int
) -> None:
    line, now = DroppingLine(keeps={STORAGE: is_kept}, kind=kind), clock.utcnow()
    (trial,) = trials.due(now)
    assert trials.make(trial, line, now=now) == outcome
    assert _word(now=now) == word
    ((_, chat, what),) = line.sent
    assert (chat, what.is_silent, _customs(what)) == (STORAGE, True, 1)
    assert line.calls == [("delete", STORAGE, 100)]
    assert trials.due(now + timedelta(days=days, minutes=-1)) == []
    assert len(trials.due(now + timedelta(days=days, minutes=1))) == 1, "before what is known grows old"


def test_what_goes_out_plain_is_tried_again_after_a_day_and_learnt_anew(who: Owner, ready: None, news: Channel) -> None:
    line, now = DroppingLine(), clock.utcnow()
    with db.write():
        standing.see(BOT_ID, "-1001", is_kept=False, now=now - timedelta(days=2))
    trials.make(trials.due(now)[0], line, now=now - timedelta(days=1, minutes=1))
    assert _word() == PLAIN
    line.keeps = {STORAGE: True, -1001: True}  # a username was bought meanwhile
    (trial,) = trials.due(now)
    assert trials.make(trial, line, now=now) == "kept"
    assert _word() == UNKNOWN, "it may be otherwise now, and the next message tells"
    scheduled(who, text(WORDS), news)
    run_lane(line, run_s=2.0)
    assert _customs(_sent(line)) == 2 and _word() == KEPT


def test_a_channel_that_differs_from_the_trial_is_asked_about_again(who: Owner, ready: None) -> None:
    now = clock.utcnow()
    trials.make(trials.due(now)[0], DroppingLine(keeps={STORAGE: True}), now=now - timedelta(days=2))
    assert trials.due(now) == []
    with db.write():
        standing.see(BOT_ID, "-1001", is_kept=False, now=now - timedelta(hours=25))
    assert len(trials.due(now)) == 1


def test_a_trial_with_an_emoji_that_is_gone_tells_nothing(who: Owner, ready: None) -> None:
    now = clock.utcnow()
    (trial,) = trials.due(now)
    trials.without_its_emoji(trial, now=now)
    assert _word() == UNKNOWN and trials.due(now) == []
    (other,) = trials.due(now + timedelta(minutes=61))
    assert other.emoji_id != trial.emoji_id
    assert trials.make(trial, DroppingLine(), now=now) == "no_answer" and _word() == UNKNOWN


def test_a_trial_that_telegram_refuses_is_made_again_later(who: Owner, ready: None) -> None:
    def refuse(_chat: int, _what: Outgoing) -> None:
        raise refusal("Forbidden: bot is not a member of the channel chat")

    now = clock.utcnow()
    (trial,) = trials.due(now)
    assert trials.make(trial, DroppingLine(before=refuse), now=now) == "failed"
    assert _word(now=now) == UNKNOWN and trials.due(now + timedelta(minutes=59)) == []
    assert len(trials.due(now + timedelta(minutes=61))) == 1


def test_what_cannot_be_deleted_stays_and_the_answer_counts(who: Owner, ready: None) -> None:
    class Line(DroppingLine):
        def delete_messages(self, chat_id: int, message_ids: Any) -> None:
            raise Upstream("message can't be deleted", permanent=True)

    (trial,) = trials.due(clock.utcnow())
    assert trials.make(trial, Line(), now=clock.utcnow()) == "plain"


def test_nobody_tries_without_a_palette_or_a_storage_chat(who: Owner, news: Channel, now: datetime) -> None:
    known(who, cats(), now=now)
    db.execute("UPDATE bot SET storage_chat_id = ?", STORAGE)
    assert trials.due(clock.utcnow()) == []
    palette.add(who.workspace.id, [str(FIRST)], user_id=who.user.id, now=now)
    assert len(trials.due(clock.utcnow())) == 1
    db.execute("UPDATE bot SET storage_chat_id = NULL")
    assert trials.due(clock.utcnow()) == []


def test_a_long_list_of_emoji_is_told_short() -> None:
    words = " ".join(f"[{chr(0x1F600 + n)}](emoji:{FIRST + n})" for n in range(14))
    shown = telling.shown_of(Content(markup.parse(words)))
    assert shown.endswith(" …") and len(shown.split()) == 11
