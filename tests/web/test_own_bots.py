"""A workspace's own bots: handed in, proven by Telegram, chosen for channels, taken out. Their tokens show nowhere."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from structlog.testing import capture_logs

from app.boot import Runtime
from app.channels.models import Channel
from app.core import clock, db
from app.core.errors import Upstream
from app.core.policy import Role
from app.posting.bots import service as bots
from app.posting.service import scheduling, sweeping
from app.telegram import own_bots
from app.telegram.models import Bot
from app.telegram.port import REFUSED, BotIdentity
from app.telegram.service import Bots
from tests.posting.approvals.proposals import SERVICE_BOT, member, service_bot
from tests.posting.authored import ScriptedLine, actions, may_post, run_lane, scheduled, text
from tests.world import Owner, owned_channel, owner

SignIn = Callable[[Owner], FlaskClient]
OWN = 5550000001
TOKEN, NEW_TOKEN = f"{OWN}:AAfirst-token-that-is-long-enough-1", f"{OWN}:AAsecond-token-that-is-long-enough2"


class BotFather:
    """Knows whose a token is; `is_away`: Telegram does not answer."""

    def __init__(self) -> None:
        self.known, self.is_away = {TOKEN: BotIdentity(OWN, "AzizaBot")}, False

    def line(self, token: str) -> _Line:
        return _Line(self, token)


class _Line(ScriptedLine):
    def __init__(self, father: BotFather, token: str) -> None:
        super().__init__()
        self._father, self._token = father, token

    def me(self) -> BotIdentity:
        if self._father.is_away:
            raise Upstream("Telegram did not answer.")
        if self._token not in self._father.known:
            raise Upstream("Unauthorized", code=REFUSED, permanent=True)
        return self._father.known[self._token]


@pytest.fixture
def who(runtime: Runtime) -> Owner:
    service_bot()
    return owner("Aziza", telegram_user_id=42, now=clock.utcnow())


@pytest.fixture
def news(who: Owner) -> Channel:
    channel = owned_channel(who, "News", telegram_chat_id=-1001, now=clock.utcnow(), bot_id=SERVICE_BOT)
    may_post(channel, bot_id=SERVICE_BOT)
    return channel


@pytest.fixture
def father() -> BotFather:
    return BotFather()


def _checked(runtime: Runtime, father: BotFather, *, after: timedelta = timedelta()) -> None:
    """What the bot process does with the tokens that wait."""
    lines = Bots(runtime.sealer, lambda _: pytest.fail("only who publishes is needed"), father.line)
    for wish in own_bots.waiting(clock.utcnow() + after):
        bots.check(lines, wish, updates="polling", now=clock.utcnow())


@pytest.fixture
def own(who: Owner, runtime: Runtime, father: BotFather) -> Bot:
    """Aziza's bot, kept."""
    bots.hand_in(runtime.sealer, who.workspace.id, TOKEN, user_id=who.user.id, now=clock.utcnow())
    _checked(runtime, father)
    return own_bots.bot_of(who.workspace.id, OWN)


def test_a_token_is_handed_in_checked_and_kept_sealed(
    who: Owner, runtime: Runtime, father: BotFather, sign_in: SignIn
) -> None:
    client = sign_in(who)
    assert client.post("/settings/bots", data={"token": f" {TOKEN}\n"}).status_code == 303
    page = client.get("/settings/bots").text
    assert "We ask Telegram whose token this is" in page and 'hx-trigger="every 2s"' in page
    _checked(runtime, father)
    page = client.get("/settings/bots").text
    assert "@AzizaBot" in page and "every 2s" not in page
    bot = own_bots.bot_of(who.workspace.id, OWN)
    assert Bots(runtime.sealer, father.line, father.line).token(bot) == TOKEN  # type: ignore[arg-type]


def test_a_token_is_in_no_page_record_row_or_log(
    who: Owner, runtime: Runtime, father: BotFather, sign_in: SignIn
) -> None:
    client = sign_in(who)
    with capture_logs() as logs:
        client.post("/settings/bots", data={"token": TOKEN})
        before = client.get("/settings/bots").text
        _checked(runtime, father)
        after = client.get("/settings/bots").text
        client.post("/settings/bots", data={"token": f"{TOKEN} and more"})
    secret = TOKEN.split(":")[1]
    kept = [str(row) for table in ("own_bot_wish", "bot", "audit_entry") for row in db.rows(f"SELECT * FROM {table}")]
    assert all(secret not in told for told in (before, after, str(logs), *kept)) and len(kept) > 3
    assert db.rows("SELECT token_sealed FROM own_bot_wish") == [(None,)]
    assert [row[0] for row in db.rows("SELECT action FROM audit_entry WHERE subject = ?", f"bot:{OWN}")] == [
        "bot.handed_in",
        "bot.kept",
    ]


@pytest.mark.parametrize("token", ["", "hello", "123:short", f"{TOKEN}/../x", f"{TOKEN} x", "0" + TOKEN, "bot" + TOKEN])
def test_what_is_no_token_is_refused_at_once(who: Owner, sign_in: SignIn, token: str) -> None:
    answer = sign_in(who).post("/settings/bots", data={"token": token})
    assert answer.status_code == 422 and "This is no bot token" in answer.text
    assert db.rows("SELECT 1 FROM own_bot_wish") == []


def test_a_token_that_telegram_does_not_know_is_refused_in_words(
    who: Owner, runtime: Runtime, father: BotFather, sign_in: SignIn
) -> None:
    client = sign_in(who)
    client.post("/settings/bots", data={"token": NEW_TOKEN})
    _checked(runtime, father)
    assert "Telegram does not know this token" in client.get("/settings/bots").text
    (wish,) = own_bots.wishes_of(who.workspace.id)
    client.post(f"/settings/bots/wishes/{wish.public_id}/dismiss")
    assert "does not know" not in client.get("/settings/bots").text and own_bots.bots_of(who.workspace.id) == []


def test_while_telegram_is_away_the_token_waits(
    who: Owner, runtime: Runtime, father: BotFather, sign_in: SignIn
) -> None:
    sign_in(who).post("/settings/bots", data={"token": TOKEN})
    father.is_away = True
    _checked(runtime, father)
    father.is_away = False
    _checked(runtime, father)
    assert own_bots.bots_of(who.workspace.id) == [], "not asked again at once"
    _checked(runtime, father, after=timedelta(seconds=20))
    assert [bot.username for bot in own_bots.bots_of(who.workspace.id)] == ["AzizaBot"]


def test_a_claimed_token_gets_nobody_at_anothers_bot(
    who: Owner, own: Bot, runtime: Runtime, father: BotFather, sign_in: SignIn
) -> None:
    """The id in front of a token is public: of our own bot, and of every other. Only Telegram's word changes a row."""
    thief = owner("Mallory", now=clock.utcnow())
    for victim in (SERVICE_BOT, OWN):
        sign_in(thief).post("/settings/bots", data={"token": f"{victim}:AAmade-up-by-somebody-who-has-none"})
    before = db.rows("SELECT bot_id, workspace_id, username, token_sealed FROM bot ORDER BY bot_id")
    _checked(runtime, father)
    assert db.rows("SELECT bot_id, workspace_id, username, token_sealed FROM bot ORDER BY bot_id") == before
    assert [wish.reason for wish in own_bots.wishes_of(thief.workspace.id)] == ["unknown_token"] * 2


def test_a_bot_belongs_to_one_workspace_and_the_services_to_none(
    who: Owner, own: Bot, runtime: Runtime, father: BotFather
) -> None:
    other, service_token = owner("Bek", now=clock.utcnow()), f"{SERVICE_BOT}:AAthe-services-own-token-known-1"
    father.known[service_token] = BotIdentity(SERVICE_BOT, "Bot")
    for token in (TOKEN, service_token):
        bots.hand_in(runtime.sealer, other.workspace.id, token, user_id=other.user.id, now=clock.utcnow())
    _checked(runtime, father)
    assert [wish.reason for wish in own_bots.wishes_of(other.workspace.id)] == ["taken"] * 2
    assert own_bots.bots_of(other.workspace.id) == [] and own_bots.bots_of(who.workspace.id) == [own]
    bots.revoke(who.workspace.id, OWN, user_id=who.user.id, now=clock.utcnow())
    bots.hand_in(runtime.sealer, other.workspace.id, TOKEN, user_id=other.user.id, now=clock.utcnow())
    _checked(runtime, father)
    assert [bot.bot_id for bot in own_bots.bots_of(other.workspace.id)] == [OWN], "set free by who had it"


def test_a_new_token_takes_the_place_of_the_old(who: Owner, own: Bot, runtime: Runtime, father: BotFather) -> None:
    father.known = {NEW_TOKEN: BotIdentity(OWN, "AzizaNewsBot")}
    bots.hand_in(runtime.sealer, who.workspace.id, NEW_TOKEN, user_id=who.user.id, now=clock.utcnow())
    _checked(runtime, father)
    (bot,) = own_bots.bots_of(who.workspace.id)
    kept = Bots(runtime.sealer, father.line, father.line)  # type: ignore[arg-type]
    assert (bot.username, kept.token(bot)) == ("AzizaNewsBot", NEW_TOKEN)


def test_the_chosen_bot_posts_also_what_waited_for_the_other(
    who: Owner, own: Bot, news: Channel, sign_in: SignIn
) -> None:
    post, client = scheduled(who, text("Hello"), news, is_pinned=True), sign_in(who)
    url, data = f"/settings/bots/channels/{news.public_id}", {"bot": str(OWN)}
    refused = client.post(url, data=data)
    assert refused.status_code == 409 and "not an administrator of the channel yet" in refused.text
    may_post(news, bot_id=OWN)
    assert client.post(url, data=data).status_code == 303
    services, owns = ScriptedLine(), ScriptedLine()
    run_lane(services, run_s=1, bot_id=SERVICE_BOT)
    run_lane(owns, run_s=2, bot_id=OWN)
    assert (services.texts, owns.texts) == ([], ["Hello"])
    assert actions(post) == [("publish", "done", None), ("pin", "done", None)]
    assert [call[0] for call in owns.calls] == ["pin"]


def test_what_is_out_stays_with_the_bot_that_sent_it(who: Owner, own: Bot, news: Channel) -> None:
    scheduled(who, text("Hello"), news, delete_after_s=0)
    services, owns = ScriptedLine(), ScriptedLine()
    run_lane(services, run_s=0.3, bot_id=SERVICE_BOT)
    db.execute("UPDATE due_action SET state = 'waiting' WHERE kind = 'delete'")
    may_post(news, bot_id=OWN)
    bots.choose(who.workspace.id, news.public_id, OWN, user_id=who.user.id, now=clock.utcnow())
    run_lane(owns, run_s=1, bot_id=OWN)
    run_lane(services, run_s=1, bot_id=SERVICE_BOT)
    assert owns.calls == [] and {call[0] for call in services.calls} == {"delete"}


def test_a_revoked_bots_posts_are_on_hold_until_another_bot_takes_them(
    who: Owner, own: Bot, news: Channel, sign_in: SignIn
) -> None:
    may_post(news, bot_id=OWN)
    bots.choose(who.workspace.id, news.public_id, OWN, user_id=who.user.id, now=clock.utcnow())
    post, client = scheduled(who, text("Hello"), news), sign_in(who)
    assert client.post(f"/settings/bots/{OWN}/revoke").status_code == 303
    assert actions(post) == [("publish", "blocked", "bot_revoked")]
    assert db.row("SELECT token_sealed FROM bot WHERE bot_id = ?", OWN) == ("",)
    scheduling.resume(who.workspace.id, news.id, user_id=who.user.id, now=clock.utcnow())
    sweeping.sweep(now=clock.utcnow())
    assert actions(post) == [("publish", "blocked", "bot_removed")], "no resuming into a lane that is gone"
    client.post(f"/settings/bots/channels/{news.public_id}", data={"bot": str(SERVICE_BOT)})
    scheduling.resume(who.workspace.id, news.id, user_id=who.user.id, now=clock.utcnow())
    line = ScriptedLine()
    run_lane(line, run_s=1, bot_id=SERVICE_BOT)
    assert line.texts == ["Hello"]


def test_what_a_revoked_bot_sent_is_deleted_by_the_bot_that_follows_it(who: Owner, own: Bot, news: Channel) -> None:
    may_post(news, bot_id=OWN)
    bots.choose(who.workspace.id, news.public_id, OWN, user_id=who.user.id, now=clock.utcnow())
    post = scheduled(who, text("An ad"), news, delete_after_s=3600)
    run_lane(ScriptedLine(), run_s=1, bot_id=OWN)
    bots.revoke(who.workspace.id, OWN, user_id=who.user.id, now=clock.utcnow())
    assert actions(post)[1] == ("delete", "blocked", "bot_revoked")
    bots.choose(who.workspace.id, news.public_id, SERVICE_BOT, user_id=who.user.id, now=clock.utcnow())
    scheduling.resume(who.workspace.id, news.id, user_id=who.user.id, now=clock.utcnow())
    db.execute("UPDATE due_action SET ready_at = ? WHERE kind = 'delete'", db.stamp(clock.utcnow()))
    line = ScriptedLine()
    run_lane(line, run_s=1, bot_id=SERVICE_BOT)
    assert line.calls == [("delete", -1001, 100)] and actions(post)[1] == ("delete", "done", None)


def test_copies_are_kept_in_a_private_channel_of_the_bots(who: Owner, own: Bot, news: Channel, sign_in: SignIn) -> None:
    hidden = owned_channel(who, "Store", telegram_chat_id=-1007, now=clock.utcnow(), bot_id=OWN)
    db.execute("UPDATE chat SET username = NULL WHERE id = ?", hidden.chat)
    for channel in (news, hidden):
        may_post(channel, bot_id=OWN)
    client, url = sign_in(who), f"/settings/bots/{OWN}/storage"
    page = client.get("/settings/bots").text
    assert '<option value="-1007">Store' in page and '<option value="-1001"' not in page
    assert client.post(url, data={"chat": "-1001"}).status_code == 422, "a public channel is read by people"
    assert client.post(url, data={"chat": "-1007"}).status_code == 303
    assert own_bots.bot_of(who.workspace.id, OWN).storage_chat_id == -1007
    assert client.post(url, data={"chat": ""}).status_code == 303
    assert own_bots.bot_of(who.workspace.id, OWN).storage_chat_id is None


@pytest.mark.parametrize("role", [Role.EDITOR, Role.ANALYST, Role.CLIENT])
def test_only_who_runs_the_workspace_sees_its_bots(who: Owner, own: Bot, sign_in: SignIn, role: Role) -> None:
    client = sign_in(member(who, role))
    assert client.get("/settings/bots").status_code == 403
    assert client.post("/settings/bots", data={"token": NEW_TOKEN}).status_code == 403
    assert client.post(f"/settings/bots/{OWN}/revoke").status_code == 403
    assert own_bots.bots_of(who.workspace.id) == [own]


def test_another_workspace_cannot_touch_a_bot(who: Owner, own: Bot, news: Channel, sign_in: SignIn) -> None:
    stranger = sign_in(owner("Bek", now=clock.utcnow()))
    assert "AzizaBot" not in stranger.get("/settings/bots").text
    assert stranger.post(f"/settings/bots/{OWN}/revoke").status_code == 404
    assert stranger.post(f"/settings/bots/{OWN}/storage", data={"chat": ""}).status_code == 404
    assert stranger.post(f"/settings/bots/channels/{news.public_id}", data={"bot": str(OWN)}).status_code == 404
    assert own_bots.bots_of(who.workspace.id) == [own]


def test_a_workspace_has_so_many_bots_and_no_more(
    who: Owner, runtime: Runtime, father: BotFather, sign_in: SignIn
) -> None:
    for n in range(own_bots.MOST_OWN):
        token = f"{OWN + n}:AAtoken-of-one-of-many-bots-12345"
        father.known[token] = BotIdentity(OWN + n, f"Bot{n}")
        bots.hand_in(runtime.sealer, who.workspace.id, token, user_id=who.user.id, now=clock.utcnow())
    _checked(runtime, father)
    answer = sign_in(who).post("/settings/bots", data={"token": "7770000001:AAone-too-many-token-123456789012"})
    assert answer.status_code == 409 and "at most 10 bots" in answer.text
    assert sign_in(who).post("/settings/bots", data={"token": TOKEN}).status_code == 303, "a rotation is no new bot"
