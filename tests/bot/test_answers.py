"""/stats, /views and the buttons: the pages' own figures, in the person's language."""

from __future__ import annotations

import pytest

from app.accounts.models import User, Workspace
from app.accounts.service import people, sessions
from app.billing.service.limits import put_on_plan
from app.boot import Runtime
from app.core import clock, db, i18n
from app.core.errors import Upstream
from app.core.policy import Role
from bot import answers
from bot.handlers import private_chat
from bot.intake import set_menu
from bot.sender import Sender
from tests.bot.conftest import Apply
from tests.bot.wire import OWNER_ID, FakeTelegram, pressed, said
from tests.world import Owner, owned_channel, owner, read_posts

USUAL = {"stats", "views", "add_channel", "dashboard"}


@pytest.fixture
def aziza(runtime: Runtime) -> Owner:
    """Known in English, with a workspace of her own."""
    now = clock.utcnow()
    person = people.ensure_person(OWNER_ID, name="Aziza", language="en", timezone="Asia/Tashkent", now=now)
    workspace = Workspace.get_by_id(people.workspaces_of(person.id)[0][0])
    put_on_plan(workspace.id, "network", now=now)
    return Owner(person, workspace)


def _channels(who: Owner, *titles: str) -> list[str]:
    now, ids = clock.utcnow(), []
    for n, title in enumerate(titles):
        channel = owned_channel(who, title, telegram_chat_id=-100 - n, now=now)
        read_posts(channel, posts=3 + n, now=now)
        ids.append(channel.public_id)
    return ids


def _answer(runtime: Runtime, telegram: FakeTelegram) -> tuple[str, set[str]]:
    """The next message and what its buttons send."""
    db.execute("DELETE FROM send_budget")
    assert Sender(runtime).turn() == 1
    return telegram.sent[-1][1], {data for row in telegram.keyboards[-1] for _, data in row}


def test_stats_tells_the_network_and_each_channel(
    apply: Apply, runtime: Runtime, telegram: FakeTelegram, aziza: Owner
) -> None:
    news, fun = _channels(aziza, "News", "Fun & <b>games")
    apply(said(1, "/stats"))
    text, buttons = _answer(runtime, telegram)
    assert "Aziza's channels, last 30 days" in text and "Fun & <b>games" in text
    assert "Subscribers: 2,080 (+80)" in text and "Subscribers: 1,040 (+40)" in text
    assert buttons == USUAL | {f"stats:{news}", f"stats:{fun}"}


def test_a_button_tells_all_numbers_of_a_channel_and_ends_its_waiting(
    apply: Apply, runtime: Runtime, telegram: FakeTelegram, aziza: Owner
) -> None:
    (news,) = _channels(aziza, "News")
    apply(pressed(1, f"stats:{news}"))
    text, _ = _answer(runtime, telegram)
    assert "News, last 30 days" in text and "ERR24: " in text and "Growth: 40" in text
    assert telegram.answered == [("press1", "")]


def test_views_asks_which_channel_and_then_tells_its_posts(
    apply: Apply, runtime: Runtime, telegram: FakeTelegram, aziza: Owner
) -> None:
    news, fun = _channels(aziza, "News", "Fun")
    apply(said(1, "/views"))
    text, buttons = _answer(runtime, telegram)
    assert text == "Which channel?" and {f"views:{news}", f"views:{fun}"} <= buttons
    apply(pressed(2, f"views:{news}"))
    text, _ = _answer(runtime, telegram)
    assert "News, last posts" in text and "Views: 450" in text and text.count("ER: ") == 3


def test_a_strangers_channel_is_not_told(apply: Apply, runtime: Runtime, telegram: FakeTelegram, aziza: Owner) -> None:
    (news,) = _channels(aziza, "News")
    apply(pressed(1, f"stats:{news}", by=999))
    text, _ = _answer(runtime, telegram)
    assert text == i18n.say("uz", answers._NO_CHANNEL)


@pytest.mark.parametrize(
    ("language", "head"), [("ru", "Подписчики: "), ("uz", "Obunachilar: "), ("en", "Subscribers: ")]
)
def test_the_bot_speaks_the_persons_language(
    apply: Apply, runtime: Runtime, telegram: FakeTelegram, aziza: Owner, language: str, head: str
) -> None:
    _channels(aziza, "News")
    User.update(language=language).where(User.id == aziza.user.id).execute()
    apply(said(1, "/stats"))
    assert head in _answer(runtime, telegram)[0]


def test_somebody_without_a_channel_hears_how_to_add_one(
    apply: Apply, runtime: Runtime, telegram: FakeTelegram, aziza: Owner
) -> None:
    for n, command in enumerate(("/stats", "/views"), 1):
        apply(said(n, command))
        text, buttons = _answer(runtime, telegram)
        assert "No channel is connected yet" in text and buttons == USUAL


@pytest.mark.parametrize("data", ["nonsense", "", "stats2:x", "paid:1"])
def test_an_unknown_button_says_that_it_is_old(
    apply: Apply, runtime: Runtime, telegram: FakeTelegram, data: str
) -> None:
    apply(pressed(1, data))
    assert telegram.answered == [("press1", "Bu tugma eskirgan.")] and Sender(runtime).turn() == 0


def test_a_press_that_telegram_forgot_is_answered_with_the_message_anyway(
    apply: Apply, runtime: Runtime, telegram: FakeTelegram, aziza: Owner
) -> None:
    telegram.failures["answer_callback"] = [Upstream("query is too old", permanent=True)]
    apply(pressed(1, "stats"))
    assert "No channel is connected yet" in _answer(runtime, telegram)[0]


def test_a_flood_is_answered_twenty_times_a_minute(
    apply: Apply, runtime: Runtime, aziza: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply(*(said(n, "/stats") for n in range(1, 31)))
    assert db.row("SELECT COUNT(*) FROM notice") == (20,)
    monkeypatch.setattr(private_chat, "_MOST_ANSWERS", 1000)
    apply(*(said(n, "/stats") for n in range(31, 61)))
    assert db.row("SELECT COUNT(*) FROM notice") == (50,), "without the bound each of them would be answered"


def test_fifty_channels_fit_into_one_message(
    apply: Apply, runtime: Runtime, telegram: FakeTelegram, aziza: Owner
) -> None:
    _channels(aziza, *(f"{n} " + "Очень длинное имя канала" * 4 for n in range(50)))
    apply(said(1, "/stats"))
    text, _ = _answer(runtime, telegram)
    assert "and 40 more channels" in text and len(text.encode("utf-16-le")) // 2 <= 4096


def test_the_menu_of_commands_speaks_each_language(telegram: FakeTelegram) -> None:
    set_menu(telegram)
    assert set(telegram.menus) == {"", "ru", "uz"}
    assert all(set(menu) == set(private_chat.COMMANDS) for menu in telegram.menus.values())
    assert len({menu["stats"] for menu in telegram.menus.values()}) == 3


def _client_of(aziza: Owner, name: str) -> Owner:
    """Somebody else's workspace, in which she is a client."""
    other = owner(name, now=clock.utcnow())
    people.add_member(other.workspace.id, aziza.user.id, Role.CLIENT, now=clock.utcnow())
    return other


def test_of_several_workspaces_the_bot_asks_which_and_keeps_the_choice(
    apply: Apply, runtime: Runtime, telegram: FakeTelegram, aziza: Owner
) -> None:
    _channels(aziza, "News")
    agency = _client_of(aziza, "Agency")
    owned_channel(agency, "Theirs", telegram_chat_id=-900, now=clock.utcnow())
    both = {f"workspace:{w.public_id}" for w in (aziza.workspace, agency.workspace)}
    for n, command in enumerate(("/stats", "/views"), 1):
        apply(said(n, command))
        text, buttons = _answer(runtime, telegram)
        assert text == "Which workspace?" and buttons == USUAL | both
    apply(pressed(3, f"workspace:{agency.workspace.public_id}"))
    text, _ = _answer(runtime, telegram)
    assert text.startswith(f"Workspace: {agency.workspace.name}") and "Theirs" in text and "News" not in text
    apply(said(4, "/views"))
    text, buttons = _answer(runtime, telegram)
    assert text.startswith(f"Workspace: {agency.workspace.name}") and "Theirs" in text and "workspace" in buttons
    apply(pressed(5, "workspace"))
    assert both <= _answer(runtime, telegram)[1]
    apply(pressed(6, f"workspace:{aziza.workspace.public_id}"), said(7, "/stats"))
    for _ in range(2):
        text, _ = _answer(runtime, telegram)
        assert text.startswith(f"Workspace: {aziza.workspace.name}") and "News" in text


def test_the_bot_answers_for_the_workspace_that_was_entered_on_the_pages(
    apply: Apply, runtime: Runtime, telegram: FakeTelegram, aziza: Owner
) -> None:
    agency = _client_of(aziza, "Agency")
    token, _ = sessions.start(aziza.user.id, aziza.workspace.id, kind="browser", now=clock.utcnow())
    who = sessions.signed_in(token, now=clock.utcnow())
    assert who is not None
    sessions.move(who, agency.workspace.id, now=clock.utcnow())
    apply(said(1, "/stats"))
    assert _answer(runtime, telegram)[0].startswith(f"Workspace: {agency.workspace.name}")


def test_a_channels_button_answers_for_its_own_workspace_whatever_is_chosen(
    apply: Apply, runtime: Runtime, telegram: FakeTelegram, aziza: Owner
) -> None:
    (news,) = _channels(aziza, "News")
    agency = _client_of(aziza, "Agency")
    people.choose(aziza.user.id, agency.workspace.id, now=clock.utcnow())
    apply(pressed(1, f"stats:{news}"))
    text, _ = _answer(runtime, telegram)
    assert text.startswith(f"Workspace: {aziza.workspace.name}") and "News, last 30 days" in text


def test_a_workspace_of_strangers_cannot_be_chosen(
    apply: Apply, runtime: Runtime, telegram: FakeTelegram, aziza: Owner
) -> None:
    stranger = owner("Stranger", now=clock.utcnow())
    apply(pressed(1, f"workspace:{stranger.workspace.public_id}"))
    text, buttons = _answer(runtime, telegram)
    assert text == "Which workspace?" and f"workspace:{stranger.workspace.public_id}" not in buttons


def test_somebody_without_a_workspace_hears_how_to_begin_and_begins(
    apply: Apply, runtime: Runtime, telegram: FakeTelegram, aziza: Owner
) -> None:
    db.execute("DELETE FROM membership WHERE user_id = ?", aziza.user.id)
    for n, command in enumerate(("/stats", "/views", "/dashboard", "/add_channel"), 1):
        apply(said(n, command))
        assert "Send /start" in _answer(runtime, telegram)[0], command
    apply(said(9, "/start"))
    assert "Hello Aziza" in _answer(runtime, telegram)[0]
    assert [w[3] for w in people.workspaces_of(aziza.user.id)] == [Role.OWNER]
    apply(said(10, "/stats"))
    assert "No channel is connected yet" in _answer(runtime, telegram)[0]
