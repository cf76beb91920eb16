"""/protect: how the channels stand, and one button for each that switches it; for those who manage them."""

from __future__ import annotations

from typing import Any

import pytest

from app.accounts.service import people
from app.boot import Runtime
from app.channels.models import Channel
from app.core import clock, db
from app.core.policy import Role
from app.posting.planning import settings
from app.posting.planning.models import PostingSettings
from bot import keyboards
from tests.bot.test_publishing import Chat, aziza, chat, news
from tests.bot.wire import FakeTelegram
from tests.posting.authored import ScriptedLine, run_lane
from tests.world import Owner, owned_channel

__all__ = ["aziza", "chat", "news"]


def _is_protected(channel: Channel) -> bool:
    row = PostingSettings.get_or_none(
        PostingSettings.workspace == channel.workspace, PostingSettings.channel == channel.id
    )
    return bool(row and row.is_protected)


def test_it_is_listed_switched_and_told(chat: Chat, news: Channel) -> None:
    answer = chat.say("/protect")
    assert "“News” is not protected" in answer and "a screenshot is still possible" in answer
    assert "/watermarks" in answer and "/protection" in answer
    assert chat.buttons == [f"protect:{news.public_id}:on"]
    assert "cannot be forwarded or saved" in chat.press(f"protect:{news.public_id}:on") and _is_protected(news)
    assert chat.say("/protect").startswith("“News” is protected")
    assert chat.buttons == [f"protect:{news.public_id}:off"]
    assert "can be forwarded and saved" in chat.press(f"protect:{news.public_id}:off") and not _is_protected(news)


def test_a_second_press_says_how_it_stands(chat: Chat, news: Channel) -> None:
    first = chat.press(f"protect:{news.public_id}:on")
    second = chat.press(f"protect:{news.public_id}:on")
    assert first.startswith("From now on") and second.startswith("“News” is protected") and _is_protected(news)
    count = db.row("SELECT COUNT(*) FROM audit_entry WHERE action = 'channel.posting_changed'")
    assert count == (1,), "what changed nothing is no act"


def test_what_is_scheduled_from_then_on_is_protected(chat: Chat, aziza: Owner, news: Channel) -> None:
    from tests.bot.wire import BOT_ID

    chat.press(f"protect:{news.public_id}:on")
    chat.say("/schedule 18:30 Hello")
    db.execute("UPDATE due_action SET due_at = 0, ready_at = 0")
    line = ScriptedLine()
    run_lane(line, run_s=1, bot_id=BOT_ID)
    assert [(what.text, what.is_protected) for _, _, what in line.sent] == [("Hello", True)]


def test_the_rest_of_the_rules_stays(chat: Chat, aziza: Owner, news: Channel) -> None:
    PostingSettings.create(
        workspace=aziza.workspace.id, channel=news.id, signature="@news", min_gap_minutes=30, updated_at=clock.utcnow()
    )
    chat.press(f"protect:{news.public_id}:on")
    row = PostingSettings.get(PostingSettings.workspace == aziza.workspace.id, PostingSettings.channel == news.id)
    assert (row.signature, row.min_gap_minutes, row.is_protected) == ("@news", 30, True)
    assert settings.dresses_of(aziza.workspace.id)[news.public_id]["is_protected"] is True


@pytest.mark.parametrize(("role", "may"), [(Role.ADMIN, True), (Role.EDITOR, False), (Role.ANALYST, False)])
def test_only_those_who_manage_channels_switch(chat: Chat, aziza: Owner, news: Channel, role: Role, may: bool) -> None:
    person = people.ensure_person(4711, name="Ed", language="en", timezone="UTC", now=clock.utcnow())
    with db.write():
        db.execute("DELETE FROM membership WHERE user_id = ?", person.id)
    people.add_member(aziza.workspace.id, person.id, role, now=clock.utcnow())
    answer = chat.say("/protect", by=4711)
    assert ("decide what can be forwarded" in answer) is not may
    assert chat.buttons == ([f"protect:{news.public_id}:on"] if may else [])
    pressed = chat.press(f"protect:{news.public_id}:on", by=4711)
    assert _is_protected(news) is may and ("does not allow" in pressed) is not may


def test_a_stranger_learns_nothing_of_the_channel(chat: Chat, news: Channel) -> None:
    people.ensure_person(4712, name="Stranger", language="en", timezone="UTC", now=clock.utcnow())
    for data in (f"protect:{news.public_id}:on", "protect::on", f"protect:{news.public_id}:perhaps", "protect:x"):
        assert "There is no such channel" in chat.press(data, by=4712)
    assert not _is_protected(news) and "News" not in chat.say("/protect", by=4712)


def test_without_a_channel_it_says_how_to_begin(chat: Chat, aziza: Owner) -> None:
    assert "No channel of yours is connected" in chat.say("/protect") and chat.buttons == []


def test_the_pages_open_inside_telegram_where_the_mini_app_can(
    chat: Chat, news: Channel, telegram: FakeTelegram, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []
    real = keyboards.keyboard

    def inside(notice: Any, *, mini_app_url: str = "") -> Any:
        seen.append(real(notice, mini_app_url="https://our.example/twa"))
        return real(notice, mini_app_url=mini_app_url)

    monkeypatch.setattr("bot.sender.keyboards.keyboard", inside)
    chat.say("/protect")
    addresses = [button.web_app for row in seen[-1] for button in row if button.web_app]
    assert addresses == [f"https://our.example/twa{end}" for end in ("?open=/watermarks", "?open=/protection", "")]
    assert all("/twa" not in data for row in telegram.keyboards[-1] for _, data in row), "without https there is none"


def test_a_second_channel_has_a_button_of_its_own(chat: Chat, aziza: Owner, news: Channel) -> None:
    other = owned_channel(aziza, "Other", telegram_chat_id=-1002, now=clock.utcnow())
    chat.press(f"protect:{other.public_id}:on")
    answer = chat.say("/protect")
    assert "“News” is not protected" in answer and "“Other” is protected" in answer
    assert chat.buttons == [f"protect:{news.public_id}:on", f"protect:{other.public_id}:off"]


def test_a_long_list_comes_in_pages(chat: Chat, aziza: Owner, news: Channel) -> None:
    others = [
        owned_channel(aziza, f"Channel {n:02}", telegram_chat_id=-2000 - n, now=clock.utcnow()) for n in range(21)
    ]
    seen = []
    for number, left in enumerate((12, 2, 0)):
        answer = chat.press(f"protect:more:{10 * number}") if number else chat.say("/protect")
        more = f"protect:more:{10 * number + 10}"
        assert (more in chat.buttons, f"and {left} more channels" in answer) == (left > 0, left > 0)
        seen += [data for data in chat.buttons if data != more]
    assert sorted(seen) == sorted(f"protect:{one.public_id}:on" for one in (news, *others))
    assert "There is no such channel" in chat.press("protect:more:x")
    assert chat.press("protect:more:999999999").startswith("New posts of a protected channel")


def test_it_stands_in_the_menu(runtime: Runtime) -> None:
    from bot.handlers.private_chat import COMMANDS

    assert "protect" in COMMANDS
