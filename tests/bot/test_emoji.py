"""Custom emoji by the bot: sets are read in turn, single ones come by a message, and what a bot may do is tried."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from app.accounts.service import people
from app.billing.service.limits import put_on_plan
from app.boot import Runtime
from app.channels.models import Channel
from app.core import clock, db
from app.core.errors import Upstream
from app.core.policy import Role
from app.posting.emoji import palette, queries, reading
from app.telegram.outgoing import Outgoing, Sent
from app.telegram.port import CustomEmojiFacts, EmojiSetFacts
from bot.emoji import EmojiReader
from tests.bot.test_publishing import Chat, aziza, chat, news
from tests.bot.wire import BOT_ID, FakeTelegram
from tests.posting.emoji.telegrams import CATS, FIRST, cats
from tests.world import Owner

__all__ = ["aziza", "chat", "news"]
STORAGE = -1009


class Emojis(FakeTelegram):
    """A Telegram that knows the cats and drops custom emoji where it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.sets = {CATS.lower(): cats()}
        self.trials: list[tuple[int, Outgoing]] = []
        self.deleted: list[int] = []

    def emoji_set(self, name: str) -> EmojiSetFacts:
        self._maybe_fail("emoji_set")
        if name.lower() not in self.sets:
            raise Upstream("Bad Request: STICKERSET_INVALID", permanent=True)
        return self.sets[name.lower()]

    def custom_emoji(self, emoji_ids: Sequence[str]) -> tuple[CustomEmojiFacts, ...]:
        self._maybe_fail("custom_emoji")
        known = {one.emoji_id: one for found in self.sets.values() for one in found.emoji}
        return tuple(known[emoji_id] for emoji_id in emoji_ids if emoji_id in known)

    def download(self, file_id: str, *, most_bytes: int) -> bytes:
        self._maybe_fail("download")
        return b"\x89PNG\r\n\x1a\n" + file_id.encode()

    def send(self, chat_id: int, what: Outgoing) -> tuple[Sent, ...]:
        self.trials.append((chat_id, what))
        return (Sent(5, clock.utcnow(), what.text, (), chat_kind="channel"),)

    def delete_messages(self, chat_id: int, message_ids: Sequence[int]) -> None:
        self.deleted += message_ids


@pytest.fixture
def telegram() -> Emojis:
    return Emojis()


def _with(*numbers: int) -> dict[str, Any]:
    """A message's entities: the cats of these numbers, one after the other."""
    entities = [
        {"type": "custom_emoji", "offset": 2 * at, "length": 2, "custom_emoji_id": str(FIRST + n)}
        for at, n in enumerate(numbers)
    ]
    return {"entities": entities}


def _mine(who: Owner) -> list[str]:
    return [one.emoji_id for one in queries.palette_of(who.workspace.id)]


def test_a_set_that_is_asked_for_is_read_in_a_turn(
    runtime: Runtime, aziza: Owner, news: Channel, telegram: Emojis
) -> None:
    now, reader = clock.utcnow(), EmojiReader(runtime)
    palette.ask_for(aziza.workspace.id, CATS, now=now)
    assert reader.turn() == 1 and reader.turn() == 0
    found = queries.set_of(aziza.workspace.id, CATS.lower())
    assert found is not None and (found.title, found.state, found.count) == ("Cats", "read", 7)


def test_the_pictures_of_a_set_come_a_few_at_a_time(
    runtime: Runtime, aziza: Owner, news: Channel, telegram: Emojis
) -> None:
    found = telegram.sets[CATS.lower()]
    emoji = tuple(replace(one, picture_id=f"f{one.emoji_id}") for one in found.emoji)
    telegram.sets[CATS.lower()] = replace(found, emoji=emoji)
    telegram.failures["download"] = [Upstream("Telegram did not answer.")]
    palette.ask_for(aziza.workspace.id, CATS, now=clock.utcnow())
    reader, counts = EmojiReader(runtime), []
    for _ in range(4):
        db.execute("DELETE FROM send_budget")
        db.execute("UPDATE emoji_picture SET not_before = NULL WHERE state = 'wanted'")
        reader.turn()
        counts.append(sum(one.has_picture for one in queries.emoji_of(aziza.workspace.id, CATS.lower())))
    assert counts[0] < counts[1] < counts[-1] <= 7 and counts[0] <= 4, counts


def test_a_set_that_is_none_is_told_in_telegrams_words(runtime: Runtime, aziza: Owner, news: Channel) -> None:
    palette.ask_for(aziza.workspace.id, "Dogs", now=clock.utcnow())
    assert EmojiReader(runtime).turn() == 0
    found = queries.set_of(aziza.workspace.id, "dogs")
    assert found is not None and (found.state, found.error) == ("refused", "Bad Request: STICKERSET_INVALID")
    assert reading.due(clock.utcnow() + timedelta(days=1)) == []


def test_a_bot_that_is_gone_ends_no_set_of_others(
    runtime: Runtime, aziza: Owner, news: Channel, telegram: Emojis
) -> None:
    now, reader = clock.utcnow(), EmojiReader(runtime)
    palette.ask_for(aziza.workspace.id, CATS, now=now)
    for gone in ("the bot is not there", "its token was revoked"):
        db.execute("UPDATE emoji_set SET read_at = ?, bot_id = ?", db.stamp(now - timedelta(days=8)), 4242)
        if "token" in gone:
            db.execute(
                "INSERT INTO bot (bot_id, username, token_sealed, webhook_secret_sealed, updates, created_at, workspace_id)"
                " SELECT 4242, 'OtherBot', ?, '', 'polling', created_at, ? FROM bot",
                *(runtime.sealer.seal("4242:x", bound_to="bot.token:4242"), aziza.workspace.id),
            )
            telegram.failures["emoji_set"] = [Upstream("Unauthorized", permanent=True)]
        db.execute("DELETE FROM send_budget")
        assert (reader.turn(), reader.turn()) == (0, 1), gone
        found = queries.set_of(aziza.workspace.id, CATS.lower())
        assert found is not None and (found.state, found.count, found.error) == ("read", 7, "")


def test_a_full_list_of_sets_takes_no_other_by_a_message(
    chat: Chat, aziza: Owner, news: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(palette, "MOST_SETS", 1)
    palette.ask_for(aziza.workspace.id, "Dogs", now=clock.utcnow())
    assert "Which of these" in chat.say("👍", **_with(0)) and chat.buttons == [f"emoji:{FIRST}"]
    assert [one.key for one in queries.sets_of(aziza.workspace.id)] == ["dogs"]
    assert db.rows("SELECT key FROM emoji_set") == [("dogs",)]
    palette.ask_for(aziza.workspace.id, "DOGS", now=clock.utcnow())  # that it chooses from already is no other


def test_a_silence_is_asked_again_and_a_wait_is_kept(
    runtime: Runtime, aziza: Owner, news: Channel, telegram: Emojis
) -> None:
    reader, now = EmojiReader(runtime), clock.utcnow()
    telegram.failures["emoji_set"] = [Upstream("Telegram asks us to wait.", retry_after_s=30.0)]
    palette.ask_for(aziza.workspace.id, CATS, now=now)
    assert reader.turn() == 0 and reading.due(now + timedelta(seconds=20)) == []
    assert [wish.name for wish in reading.due(clock.utcnow() + timedelta(seconds=31))] == [CATS]
    assert reader.turn() == 0, "nobody asks by this bot before"
    db.execute("DELETE FROM send_budget")
    db.execute("UPDATE emoji_set SET not_before = NULL")
    assert reader.turn() == 1


def test_a_message_with_custom_emoji_offers_them_and_a_press_takes_one(
    chat: Chat, aziza: Owner, news: Channel, runtime: Runtime
) -> None:
    answer = chat.say("👍🔥👍", **_with(0, 1, 0))
    assert "Which of these" in answer and "/emoji" in answer and "no limit" in answer
    assert chat.buttons == [f"emoji:{FIRST}", f"emoji:{FIRST + 1}"]
    assert _mine(aziza) == [], "an offer takes nothing"
    assert "👍 is at hand" in chat.press(f"emoji:{FIRST}") and _mine(aziza) == [str(FIRST)]
    chat.press(f"emoji:{FIRST}")
    assert queries.room_of(aziza.workspace.id, now=clock.utcnow()).used == 1
    chat.say("👍🔥", **_with(0, 1))
    assert chat.buttons == [f"emoji:{FIRST + 1}"]
    chat.press(f"emoji:{FIRST + 1}")
    assert "at hand already" in chat.say("👍🔥", **_with(0, 1)) and chat.buttons == []
    assert EmojiReader(runtime).turn() == 1, "their set is read too"
    found = queries.set_of(aziza.workspace.id, CATS.lower())
    assert found is not None and (found.count, found.mine) == (7, 2)


def test_the_plans_room_is_told_before_and_held_to(chat: Chat, aziza: Owner, news: Channel) -> None:
    put_on_plan(aziza.workspace.id, "free", now=clock.utcnow())
    db.execute("UPDATE plan_limit SET amount = 1 WHERE key = 'custom_emoji'")
    assert "1 new one is left this month" in chat.say("👍🔥", **_with(0, 1))
    assert "0 new ones are left" in chat.press(f"emoji:{FIRST}")
    assert "allows 1 new custom emoji a month" in chat.press(f"emoji:{FIRST + 1}")
    assert _mine(aziza) == [str(FIRST)]


def test_an_editor_puts_nothing_at_hand(chat: Chat, aziza: Owner, news: Channel) -> None:
    person = people.ensure_person(4711, name="Ed", language="en", timezone="UTC", now=clock.utcnow())
    with db.write():
        db.execute("DELETE FROM membership WHERE user_id = ?", person.id)
    people.add_member(aziza.workspace.id, person.id, Role.EDITOR, now=clock.utcnow())
    assert "Those who manage the channels" in chat.say("👍", by=4711, **_with(0)) and chat.buttons == []
    chat.say("👍", **_with(0))
    assert "does not allow" in chat.press(f"emoji:{FIRST}", by=4711) and _mine(aziza) == []


def test_what_telegram_does_not_tell_now_is_asked_for_once_more(
    chat: Chat, aziza: Owner, news: Channel, telegram: Emojis
) -> None:
    telegram.failures["custom_emoji"] = [Upstream("Telegram did not answer.")]
    assert "once more in a moment" in chat.say("👍", **_with(0))
    assert "Which of these" in chat.say("👍", **_with(0))


def test_what_telegram_does_not_have_is_said_to_be_gone(chat: Chat, aziza: Owner, news: Channel) -> None:
    gone = {"type": "custom_emoji", "offset": 0, "length": 2, "custom_emoji_id": "1"}
    answer = chat.say("👍", entities=[gone])
    assert "any more" in answer and "in a moment" not in answer and chat.buttons == []


def test_words_without_custom_emoji_are_acknowledged_only(chat: Chat, aziza: Owner, news: Channel) -> None:
    chat.say("/myposts")
    before = db.row("SELECT COUNT(*) FROM notice")
    chat.say("hello 👍")
    assert db.row("SELECT COUNT(*) FROM notice") == before


def test_schedule_tells_what_becomes_of_them(chat: Chat, aziza: Owner, news: Channel) -> None:
    cut = len("/schedule 18:30 ")
    entity = {"type": "custom_emoji", "offset": cut, "length": 2, "custom_emoji_id": str(FIRST)}
    answer = chat.say("/schedule 18:30 👍", entities=[{"type": "bot_command", "offset": 0, "length": 9}, entity])
    assert "not known yet whether Telegram keeps custom emoji in News: 👍" in answer
    with db.write():
        db.execute("INSERT INTO emoji_standing VALUES (?, '-1001', ?, ?)", BOT_ID, False, db.stamp(clock.utcnow()))
    answer = chat.say("/schedule 19:30 👍", entities=[{"type": "bot_command", "offset": 0, "length": 9}, entity])
    assert "In News these go out as plain emoji: 👍." in answer


def test_what_is_scheduled_counts_against_the_plan(chat: Chat, aziza: Owner, news: Channel) -> None:
    """Else /schedule, or an id that is typed, goes around the limit."""
    put_on_plan(aziza.workspace.id, "free", now=clock.utcnow())
    db.execute("UPDATE plan_limit SET amount = 2 WHERE key = 'custom_emoji'")

    def schedule(*numbers: int) -> str:
        words = "/schedule 18:30 "
        custom = _with(*numbers)["entities"]
        moved = [one | {"offset": one["offset"] + len(words)} for one in custom]
        command = {"type": "bot_command", "offset": 0, "length": 9}
        return chat.say(words + "👍" * len(numbers), entities=[command, *moved])

    assert "Scheduled" in schedule(0, 0, 1) and "Scheduled" in schedule(1)
    assert queries.room_of(aziza.workspace.id, now=clock.utcnow()).used == 2 and _mine(aziza) == []
    assert "allows 2 new custom emoji a month" in schedule(0, 2)
    assert db.rows("SELECT COUNT(*) FROM due_action WHERE kind = 'publish'") == [(2,)]
    chat.say("👍", **_with(0))
    assert "at hand in the composer" in chat.press(f"emoji:{FIRST}"), "it was counted already"
    assert queries.room_of(aziza.workspace.id, now=clock.utcnow()).used == 2 and _mine(aziza) == [str(FIRST)]


def test_what_the_bot_may_do_is_tried_in_its_storage_chat(
    runtime: Runtime, aziza: Owner, news: Channel, telegram: Emojis
) -> None:
    now, reader = clock.utcnow(), EmojiReader(runtime)
    palette.ask_for(aziza.workspace.id, CATS, now=now)
    reader.turn()
    palette.add(aziza.workspace.id, [str(FIRST)], user_id=aziza.user.id, now=now)
    assert reader.turn() == 0 and telegram.trials == []
    db.execute("UPDATE bot SET storage_chat_id = ?", STORAGE)
    assert reader.turn() == 1
    assert [(to, what.text, what.is_silent) for to, what in telegram.trials] == [(STORAGE, "👍", True)]
    assert telegram.deleted == [5] and db.rows("SELECT address, is_kept FROM emoji_standing") == [("-1009", 0)]
    assert reader.turn() == 0


def test_a_trial_takes_an_emoji_that_telegram_has(
    runtime: Runtime, aziza: Owner, news: Channel, telegram: Emojis
) -> None:
    """Else one workspace's dead emoji would make everybody's plain."""
    now, reader = clock.utcnow(), EmojiReader(runtime)
    palette.ask_for(aziza.workspace.id, CATS, now=now)
    reader.turn()
    palette.add(aziza.workspace.id, [str(FIRST), str(FIRST + 1)], user_id=aziza.user.id, now=now)
    db.execute("UPDATE bot SET storage_chat_id = ?", STORAGE)
    newest = telegram.sets[CATS.lower()]
    telegram.sets[CATS.lower()] = replace(newest, emoji=newest.emoji[:1])
    assert reader.turn() == 0 and telegram.trials == []
    for error in (Upstream("Telegram did not answer."), None):
        db.execute("DELETE FROM send_budget")
        db.execute("UPDATE emoji_trial SET not_before = 0")
        telegram.failures["custom_emoji"] = [error] if error else []
        assert reader.turn() == (0 if error else 1)
    assert [what.text for _, what in telegram.trials] == ["👍"]
    assert db.rows("SELECT address, is_kept FROM emoji_standing") == [("-1009", 0)]
