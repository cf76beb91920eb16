"""Posts by messages and buttons: /schedule, /myposts, /cancel, approvals, unconfirmed posts, posts on hold."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from app.accounts.models import Workspace
from app.accounts.service import people
from app.billing.service.limits import put_on_plan
from app.boot import Runtime
from app.channels.models import Channel
from app.channels.queries import channels_of
from app.core import clock, db
from app.core.policy import Role
from app.posting.models import AuthoredPost
from app.posting.planning import settings
from app.posting.planning.settings import Typed
from app.posting.service import resolving, sweeping
from app.posting.states import PUBLISH
from bot.sender import Sender
from tests.bot.conftest import Apply
from tests.bot.wire import BOT_ID, OWNER_ID, FakeTelegram, Raw, pressed, said
from tests.posting.approvals.proposals import linked, member, submitted
from tests.posting.authored import ScriptedLine, deliveries, may_post, run_lane, scheduled, silence, text
from tests.world import Owner, owned_channel, owner

USUAL = {"stats", "views", "add_channel", "dashboard"}
ZONE = ZoneInfo("Asia/Tashkent")


@pytest.fixture
def aziza(runtime: Runtime) -> Owner:
    now = clock.utcnow()
    person = people.ensure_person(OWNER_ID, name="Aziza", language="en", timezone="Asia/Tashkent", now=now)
    workspace = Workspace.get_by_id(people.workspaces_of(person.id)[0][0])
    put_on_plan(workspace.id, "network", now=now)
    return Owner(person, workspace)


@pytest.fixture
def news(aziza: Owner) -> Channel:
    return _channel(aziza, "News", -1001)


class Chat:
    """What a person says to the bot, and what it answers."""

    def __init__(self, apply: Apply, runtime: Runtime, telegram: FakeTelegram) -> None:
        self._apply, self._runtime, self._telegram, self._n = apply, runtime, telegram, 0

    def say(self, words: str, *, by: int = OWNER_ID, **more: Any) -> str:
        self._n += 1
        update = said(self._n, words, by=by)
        update["message"] |= more
        return self._answer(update, by)

    def press(self, data: str, *, by: int = OWNER_ID) -> str:
        self._n += 1
        return self._answer(pressed(self._n, data, by=by), by)

    def _answer(self, update: Raw, by: int) -> str:
        self._apply(update)
        return self.hear(by)

    def hear(self, chat: int = OWNER_ID) -> str:
        """The last message to a chat, after everything that waits was sent."""
        while True:
            db.execute("DELETE FROM send_budget")
            if not Sender(self._runtime).turn():
                break
        return next(words for to, words in reversed(self._telegram.sent) if to == chat)

    @property
    def buttons(self) -> list[str]:
        """What the buttons of the last message send, without the usual ones."""
        return [data for row in self._telegram.keyboards[-1] for _, data in row if data not in USUAL]


@pytest.fixture
def chat(apply: Apply, runtime: Runtime, telegram: FakeTelegram) -> Chat:
    return Chat(apply, runtime, telegram)


def _channel(who: Owner, title: str, chat_id: int) -> Channel:
    channel = owned_channel(who, title, telegram_chat_id=chat_id, now=clock.utcnow(), bot_id=BOT_ID)
    may_post(channel, bot_id=BOT_ID)
    return channel


def _states() -> list[str]:
    return [row[0] for row in db.rows("SELECT state FROM authored_post ORDER BY id")]


def _due() -> list[str]:
    rows = db.rows("SELECT due_at FROM due_action WHERE kind = ? ORDER BY due_at", PUBLISH)
    return [db.moment(row[0]).astimezone(ZONE).strftime("%Y-%m-%d %H:%M") for row in rows]


def _tomorrow() -> str:
    return (clock.utcnow().astimezone(ZONE) + timedelta(days=1)).date().isoformat()


def test_a_post_is_scheduled_by_one_message(chat: Chat, news: Channel) -> None:
    day = _tomorrow()
    answer = chat.say(f"/schedule {day} 18:30 Good evening!")
    assert answer.startswith("Scheduled: ") and "18:30 in News" in answer and "/posts/" in answer
    assert _due() == [f"{day} 18:30"] and _states() == ["scheduled"]


def test_a_time_alone_is_the_next_such_time(chat: Chat, news: Channel) -> None:
    local = clock.utcnow().astimezone(ZONE)
    for ahead in (timedelta(minutes=10), timedelta(minutes=-10)):
        chat.say(f"/schedule {(local + ahead).strftime('%H:%M')} Soon")
    expected = [local + timedelta(minutes=10), local + timedelta(days=1, minutes=-10)]
    assert _due() == [at.strftime("%Y-%m-%d %H:%M") for at in expected]


@pytest.mark.parametrize("command", ["/schedule", "/schedule@TrueNumbersBot"])
def test_what_is_typed_is_what_is_sent(chat: Chat, news: Channel, command: str) -> None:
    """Entities behind an emoji and after the time: their offsets are those of the whole message."""
    head = f"{command} {_tomorrow()} 18:30 "
    body = "🔥 bold, a *star* and https://a.uz/x_y_z"
    looks = [
        {"type": "bot_command", "offset": 0, "length": len(command)},
        {"type": "bold", "offset": len(head) + 3, "length": 4},
        {"type": "url", "offset": len(head) + 21, "length": 18},
    ]
    chat.say(head + body, entities=looks)
    db.execute("UPDATE due_action SET due_at = 0, ready_at = 0")
    line = ScriptedLine()
    run_lane(line, run_s=1, bot_id=BOT_ID)
    ((_, _, what),) = line.sent
    assert what.text == body and what.entities == ({"type": "bold", "offset": 3, "length": 4},)


def test_the_message_that_is_answered_becomes_the_post(chat: Chat, news: Channel) -> None:
    replied = said(900, "Written before")["message"] | {"entities": [{"type": "italic", "offset": 0, "length": 7}]}
    chat.say(f"/schedule {_tomorrow()} 09:05", reply_to_message=replied)
    (content,) = db.rows("SELECT content FROM post_revision")[0]
    (block,) = json.loads(content)["base"]["blocks"]
    assert [(span["text"], span.get("marks")) for span in block["spans"]] == [
        ("Written", ["italic"]),
        (" before", None),
    ]


def test_files_are_not_taken_and_it_says_where(chat: Chat, news: Channel) -> None:
    replied = {**said(900, "")["message"], "caption": "A picture"}
    del replied["text"]
    assert "Files are added in the app" in chat.say(f"/schedule {_tomorrow()} 09:05", reply_to_message=replied)
    assert _states() == []


@pytest.mark.parametrize("words", ["", "18:30", "tomorrow Hello", "2026-12-01 Hello", "18:30pm Hello"])
def test_what_cannot_be_read_is_explained(chat: Chat, news: Channel, words: str) -> None:
    answer = chat.say(f"/schedule {words}".strip())
    assert "Write the time and the text" in answer and "Asia/Tashkent" in answer
    assert _states() == []


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("31.02.2030 18:30 Hello", "no time that we can read"),
        ("2020-01-01 18:30 Hello", "has passed"),
        ("2099-01-01 18:30 Hello", "at most a year ahead"),
        ("25:99 Hello", "no time that we can read"),
    ],
)
def test_a_time_that_cannot_be_is_refused_and_leaves_nothing(chat: Chat, news: Channel, words: str, why: str) -> None:
    assert why in chat.say(f"/schedule {words}")
    assert _states() == [] and _due() == []


def test_with_several_channels_it_asks_in_which(chat: Chat, aziza: Owner, news: Channel) -> None:
    fun = _channel(aziza, "Fun", -1002)
    assert "In which channel" in chat.say(f"/schedule {_tomorrow()} 18:30 Hello")
    (public_id,) = db.row("SELECT public_id FROM authored_post") or ("",)
    into = f"into:{public_id}"
    assert chat.buttons == [f"{into}:{fun.public_id}", f"{into}:{news.public_id}", f"{into}:all"]
    assert all(len(data.encode()) <= 64 for data in chat.buttons)
    assert "18:30 in Fun" in chat.press(f"{into}:{fun.public_id}")
    assert "has its channel already" in chat.press(f"{into}:all")
    assert db.rows("SELECT channel_id FROM post_target") == [(fun.id,)]


def test_all_channels_at_once(chat: Chat, aziza: Owner, news: Channel) -> None:
    _channel(aziza, "Fun", -1002)
    chat.say(f"/schedule {_tomorrow()} 18:30 Hello")
    assert "in Fun, News" in chat.press(chat.buttons[-1])
    assert len(_due()) == 2


def test_quiet_hours_are_asked_about_before_anything_stands_on_the_clock(
    chat: Chat, aziza: Owner, news: Channel
) -> None:
    ref = next(ref for ref in channels_of(aziza.workspace.id) if ref.id == news.id)
    typed = Typed([""] * 7, [("22:00", "07:00")], [], "0", "", "", False)
    settings.save(aziza.workspace.id, ref, typed, user_id=aziza.user.id, now=clock.utcnow())
    day = _tomorrow()
    assert "quiet hours" in chat.say(f"/schedule {day} 23:30 Good night") and _due() == []
    (button,) = chat.buttons
    assert chat.press(button).startswith("Scheduled: ") and _due() == [f"{day} 23:30"]
    assert "already" in chat.press(button) and _due() == [f"{day} 23:30"]


def test_without_a_channel_to_post_in_it_says_so(chat: Chat, aziza: Owner) -> None:
    silent = owned_channel(aziza, "Silent", telegram_chat_id=-1003, now=clock.utcnow(), bot_id=BOT_ID)
    may_post(silent, bot_id=BOT_ID, can=False)
    assert "no channel in which I may post" in chat.say(f"/schedule {_tomorrow()} 18:30 Hello")
    assert _states() == []


def test_an_editor_proposes_and_an_analyst_is_refused(chat: Chat, aziza: Owner, news: Channel) -> None:
    for role, user_id in ((Role.EDITOR, 601), (Role.ANALYST, 602)):
        member(aziza, role, telegram_user_id=user_id)
    words = f"/schedule {_tomorrow()} 18:30 Hello"
    assert "waits for approval" in chat.say(words, by=601)
    assert "Your role in this workspace does not allow this" in chat.say(words, by=602)
    assert _states() == ["proposed"] and _due() == []
    assert "asks to publish in News" in chat.hear(OWNER_ID)


def test_a_client_that_must_agree_is_asked_first(chat: Chat, aziza: Owner, news: Channel) -> None:
    linked(aziza, news, is_required=True)
    assert "waits for approval" in chat.say(f"/schedule {_tomorrow()} 18:30 Hello")
    assert _states() == ["proposed"]


def test_my_posts_lists_what_goes_out_next(chat: Chat, aziza: Owner, news: Channel) -> None:
    later, sooner = (_scheduled(aziza, news, words, hours=h) for words, h in (("Later", 5), ("Sooner", 1)))
    answer = chat.say("/myposts")
    assert answer.index("Sooner") < answer.index("Later") and "1. " in answer and "News · scheduled" in answer
    ids = (sooner.public_id, later.public_id)
    assert chat.buttons == [data for post in ids for data in (f"cancel:{post}", f"now:{post}")]
    for role, user_id in ((Role.ANALYST, 602),):
        member(aziza, role, telegram_user_id=user_id)
        assert "Sooner" in chat.say("/myposts", by=user_id) and chat.buttons == []


def test_at_most_ten_are_listed(chat: Chat, aziza: Owner, news: Channel) -> None:
    for n in range(12):
        _scheduled(aziza, news, f"Post {n:02}", hours=n + 1)
    answer = chat.say("/myposts")
    assert "Post 09" in answer and "Post 10" not in answer and len(chat.buttons) == 20


def test_nothing_scheduled_says_how_to_begin(chat: Chat, aziza: Owner, news: Channel) -> None:
    assert "Nothing is scheduled" in chat.say("/myposts")


def _scheduled(who: Owner, channel: Channel, words: str, *, hours: float) -> AuthoredPost:
    return scheduled(who, text(words), channel, at=clock.utcnow() + timedelta(hours=hours))


def test_cancel_by_number_shows_the_post_and_asks_once_more(chat: Chat, aziza: Owner, news: Channel) -> None:
    _scheduled(aziza, news, "First", hours=1)
    second = _scheduled(aziza, news, "Second", hours=2)
    answer = chat.say("/cancel 2")
    assert "Call this post off?" in answer and "Second" in answer and _states() == ["scheduled"] * 2
    assert chat.buttons == [f"cancel:{second.public_id}"]
    assert "Called off" in chat.press(chat.buttons[0])
    assert _states() == ["scheduled", "cancelled"]
    assert "Nothing of this post waits any more" in chat.press(f"cancel:{second.public_id}")


@pytest.mark.parametrize("number", ["0", "3", "99"])
def test_a_number_that_is_not_in_the_list_cancels_nothing(chat: Chat, aziza: Owner, news: Channel, number: str) -> None:
    _scheduled(aziza, news, "First", hours=1)
    assert "no post of this number" in chat.say(f"/cancel {number}")
    assert _states() == ["scheduled"]


def test_cancel_without_a_number_lists(chat: Chat, aziza: Owner, news: Channel) -> None:
    _scheduled(aziza, news, "First", hours=1)
    assert "First" in chat.say("/cancel")


def test_publish_now_sends_at_once_and_only_once(chat: Chat, aziza: Owner, news: Channel) -> None:
    post = _scheduled(aziza, news, "First", hours=1)
    assert "It goes out now: First" in chat.press(f"now:{post.public_id}")
    line = ScriptedLine()
    run_lane(line, run_s=1, bot_id=BOT_ID)
    assert line.texts == ["First"]
    assert "Nothing of this post waits any more" in chat.press(f"now:{post.public_id}")
    run_lane(line, run_s=1, bot_id=BOT_ID)
    assert line.texts == ["First"]


@pytest.mark.parametrize("verb", ["cancel", "now", "approve", "return", "back"])
def test_a_stranger_learns_nothing_of_a_post_and_changes_nothing(
    chat: Chat, aziza: Owner, news: Channel, verb: str
) -> None:
    owner("Bek", telegram_user_id=777, now=clock.utcnow())
    post = _scheduled(aziza, news, "First", hours=1)
    assert chat.press(f"{verb}:{post.public_id}:{post.version}", by=777) == "There is no such post."
    assert _states() == ["scheduled"]


@pytest.mark.parametrize("verb", ["cancel", "now"])
def test_an_editor_may_not_call_off_or_publish(chat: Chat, aziza: Owner, news: Channel, verb: str) -> None:
    member(aziza, Role.EDITOR, telegram_user_id=601)
    post = _scheduled(aziza, news, "First", hours=1)
    assert "Your role" in chat.press(f"{verb}:{post.public_id}", by=601)
    assert _states() == ["scheduled"]


def test_an_owner_approves_by_the_button_and_a_second_press_says_so(chat: Chat, aziza: Owner, news: Channel) -> None:
    post = submitted(member(aziza, Role.EDITOR, telegram_user_id=601), news, text="By Bek")
    question = chat.hear()
    assert "asks to publish in News" in question and "By Bek" in question
    approve, give_back = chat.buttons
    assert approve == f"approve:{post.public_id}:{post.version}" and len(approve.encode()) <= 64
    assert "Approved" in chat.press(approve)
    assert _states() == ["scheduled"]
    assert "approved your post" in chat.hear(601)
    assert "no longer waits for approval" in chat.press(approve)
    assert "no longer waits for approval" in chat.press(give_back.replace("return", "back"))
    assert len(db.rows("SELECT 1 FROM due_action")) == 1


def test_the_author_cannot_approve_it(chat: Chat, aziza: Owner, news: Channel) -> None:
    post = submitted(member(aziza, Role.EDITOR, telegram_user_id=601), news)
    assert "Your role" in chat.press(f"approve:{post.public_id}:{post.version}", by=601)
    assert _states() == ["proposed"]


def test_a_button_of_an_older_version_is_refused(chat: Chat, aziza: Owner, news: Channel) -> None:
    editor = member(aziza, Role.EDITOR, telegram_user_id=601)
    post = submitted(editor, news, text="One")
    submitted(editor, news, text="Two", public_id=post.public_id)
    assert "changed this post after you were asked" in chat.press(f"approve:{post.public_id}:{post.version}")
    assert _states() == ["proposed"]


def test_return_offers_a_comment_in_the_app_or_none(chat: Chat, aziza: Owner, news: Channel) -> None:
    post = submitted(member(aziza, Role.EDITOR, telegram_user_id=601), news)
    chat.hear()
    answer = chat.press(chat.buttons[1])
    assert f"/posts/{post.public_id}/approval" in answer and _states() == ["proposed"]
    assert "Returned" in chat.press(chat.buttons[0])
    assert _states() == ["draft"] and "returned your post" in chat.hear(601)


def _unconfirmed(who: Owner, channel: Channel, chat: Chat) -> AuthoredPost:
    """A post of which Telegram did not say whether it took it, and whose owner was asked."""

    def be_silent(_chat: int, _what: object) -> None:
        raise silence()

    post = scheduled(who, text("Hello"), channel)
    run_lane(ScriptedLine(before=be_silent), run_s=1, bot_id=BOT_ID)
    (delivery_id,) = db.row("SELECT id FROM delivery") or (0,)
    resolving.conclude(delivery_id, now=clock.utcnow())
    chat.hear()
    return post


def test_it_is_there_is_kept_and_answered_once(chat: Chat, aziza: Owner, news: Channel) -> None:
    post = _unconfirmed(aziza, news, chat)
    there, again = chat.buttons
    assert "kept as sent" in chat.press(there)
    assert deliveries(post) == [(0, "sent", None)]
    assert "no longer waiting for an answer" in chat.press(again)
    assert deliveries(post) == [(0, "sent", None)]


def test_send_again_sends_once_more(chat: Chat, aziza: Owner, news: Channel) -> None:
    post = _unconfirmed(aziza, news, chat)
    assert "sent again" in chat.press(chat.buttons[1])
    line = ScriptedLine()
    run_lane(line, run_s=2, bot_id=BOT_ID)
    assert line.texts == ["Hello"] and deliveries(post) == [(0, "sent", None)]


def test_others_cannot_answer_for_the_owner(chat: Chat, aziza: Owner, news: Channel) -> None:
    _unconfirmed(aziza, news, chat)
    there, again = chat.buttons
    owner("Bek", telegram_user_id=777, now=clock.utcnow())
    member(aziza, Role.EDITOR, telegram_user_id=601)
    assert "no longer waiting" in chat.press(there, by=777)
    assert "Your role" in chat.press(again, by=601)
    assert db.rows("SELECT state FROM delivery") == [("unknown",)]


def test_resume_waits_for_the_right_and_then_lets_them_go(chat: Chat, aziza: Owner, news: Channel) -> None:
    _scheduled(aziza, news, "Held", hours=1)
    may_post(news, bot_id=BOT_ID, can=False)
    sweeping.block_what_may_not_go(now=clock.utcnow())
    assert "on hold" in chat.hear()
    (resume,) = chat.buttons
    assert "lacks the right" in chat.press(resume)
    assert db.rows("SELECT state FROM due_action") == [("blocked",)]
    may_post(news, bot_id=BOT_ID)
    assert "1 post for “News” goes on" in chat.press(resume)
    assert db.rows("SELECT state FROM due_action") == [("waiting",)]
    assert "on hold any more" in chat.press(resume)
    assert "Bunday kanal yoʻq" in chat.press(resume, by=999), "a stranger, whose app speaks Uzbek"


@pytest.mark.parametrize("data", ["approve:", "approve:x:y:z", "into:", "there:x", "resume:9" + "9" * 30, "now:💥"])
def test_buttons_of_any_shape_are_answered(chat: Chat, aziza: Owner, data: str) -> None:
    assert chat.press(data)


def test_the_language_is_the_persons(chat: Chat, aziza: Owner, news: Channel) -> None:
    db.execute("UPDATE \"user\" SET language = 'ru' WHERE telegram_user_id = ?", OWNER_ID)
    assert chat.press("stats")  # what is translated already is said in Russian, and nothing breaks on the way
    assert chat.say(f"/schedule {_tomorrow()} 18:30 Hello")
