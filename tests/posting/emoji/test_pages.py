"""The pages of custom emoji, the composer's picker, and what the composer and a post's page tell before sending."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from flask.testing import FlaskClient
from selectolax.lexbor import LexborHTMLParser

from app.accounts.service import people, sessions
from app.channels.models import Channel
from app.core import clock, db
from app.core.errors import Upstream
from app.core.policy import Role
from app.posting.content.markup import parse
from app.posting.content.telegram import render
from app.posting.emoji import palette, pictures, queries, reading, standing
from tests.posting.approvals.proposals import submitted
from tests.posting.authored import BOT_ID, ScriptedLine, run_lane, scheduled, text
from tests.posting.emoji.telegrams import CATS, FIRST, PLAIN, cats, known
from tests.posting.emoji.test_standing import DroppingLine
from tests.web.composer import Composer, fragment_of, moment_in, words_in
from tests.world import Owner, owned_channel

SignIn = Callable[[Owner], FlaskClient]
SET = f"/emoji/sets/{CATS.lower()}"


def _member(who: Owner, role: Role) -> Owner:
    user = people.create_user(name=role.title(), timezone="Asia/Tashkent", now=clock.utcnow())
    people.add_member(who.workspace.id, user.id, role, now=clock.utcnow())
    return Owner(user, who.workspace)


def _mine(who: Owner) -> list[str]:
    return [one.emoji_id for one in queries.palette_of(who.workspace.id)]


def test_a_set_is_asked_for_waits_comes_and_is_chosen_from(who: Owner, news: Channel, sign_in: SignIn) -> None:
    client = sign_in(who)
    assert "Nothing is at hand yet" in client.get("/emoji").text
    answer = client.post("/emoji/sets", data={"name": f"t.me/addemoji/{CATS}"})
    assert (answer.status_code, answer.location) == (303, SET)
    waiting = client.get(SET).text
    assert "The bot is asking Telegram" in waiting and 'hx-trigger="every 1s"' in waiting
    (wish,) = reading.due(clock.utcnow())
    reading.keep(wish, cats(), now=clock.utcnow())
    fragment = client.get(SET, headers=fragment_of("emoji_set")).text
    boxes = LexborHTMLParser(fragment).css("input[name=emoji]")
    assert [box.attributes["value"] for box in boxes] == [str(FIRST + n) for n in range(7)]
    assert "hx-trigger" not in fragment
    assert client.post(f"{SET}/add", data={"emoji": [str(FIRST), str(FIRST + 2)]}).location == SET
    assert _mine(who) == [str(FIRST), str(FIRST + 2)]
    client.post(f"{SET}/add", data={"all": "1"})
    assert len(_mine(who)) == 7 and "All of this set is at hand" in client.get(SET).text
    assert client.post(f"/emoji/{FIRST}/remove").status_code == 303
    assert client.post(f"{SET}/forget").location == "/emoji" and client.get(SET).status_code == 404
    assert len(_mine(who)) == 6, "what was chosen of it stays"


def test_wrong_names_and_refusals_are_told_where_they_are_typed(who: Owner, news: Channel, sign_in: SignIn) -> None:
    client = sign_in(who)
    answer = client.post("/emoji/sets", data={"name": "no such name"})
    assert (
        answer.status_code == 422 and "Write the name of a set" in answer.text and 'value="no such name"' in answer.text
    )
    client.post("/emoji/sets", data={"name": "Dogs"})
    (wish,) = reading.due(clock.utcnow())
    reading.failed(wish, Upstream("Bad Request: STICKERSET_INVALID", permanent=True), now=clock.utcnow())
    assert "Telegram did not give this set: Bad Request: STICKERSET_INVALID" in words_in(
        client.get("/emoji/sets/dogs").text
    )
    assert client.post(f"{SET}/add", data={}).status_code in (404, 422)


def test_the_months_room_is_told_before_and_the_page_of_plans_tells_the_same(
    who: Owner, news: Channel, sign_in: SignIn, now: datetime
) -> None:
    known(who, cats(), now=now)
    with db.write():
        db.execute("UPDATE plan_limit SET amount = 3 WHERE key = 'custom_emoji'")
    client = sign_in(who)
    shown = words_in(client.get(SET).text)
    assert "New custom emoji of this month: 0 of 3" in shown and "All of this set" not in shown
    answer = client.post(f"{SET}/add", data={"emoji": [str(FIRST + n) for n in range(4)]})
    assert answer.status_code == 429 and "allows 3 new custom emoji a month" in words_in(answer.text)
    assert _mine(who) == []
    client.post(f"{SET}/add", data={"emoji": [str(FIRST + n) for n in range(3)]})
    assert "New custom emoji of this month: 3 of 3" in words_in(client.get("/emoji").text)
    assert "New custom emoji a month 3 of 3" in words_in(client.get("/billing").text)


@pytest.mark.parametrize("role", [Role.EDITOR, Role.ANALYST, Role.CLIENT])
def test_who_may_not_change_them_is_offered_no_form(
    who: Owner, news: Channel, sign_in: SignIn, now: datetime, role: Role
) -> None:
    ids = known(who, cats(), now=now)
    palette.add(who.workspace.id, ids[:1], user_id=who.user.id, now=now)
    client = sign_in(_member(who, role))
    may_see = role == Role.EDITOR
    for path in ("/emoji", SET, "/emoji/pick"):
        answer = client.get(path)
        assert answer.status_code == (200 if may_see else 403), path
        if may_see:
            forms = LexborHTMLParser(answer.text).css("main form")
            assert [
                form.attributes.get("action") for form in forms if "emoji" in (form.attributes.get("action") or "")
            ] == []
    for path in ("/emoji/sets", f"{SET}/add", f"{SET}/forget", f"/emoji/{ids[0]}/remove"):
        assert client.post(path, data={"name": "x", "all": "1"}).status_code == 403
    assert _mine(who) == ids[:1]


def test_the_picker_writes_what_becomes_that_emoji(who: Owner, news: Channel, sign_in: SignIn, now: datetime) -> None:
    ids = known(who, cats(), now=now)
    palette.add(who.workspace.id, ids, user_id=who.user.id, now=now)
    tree = LexborHTMLParser(sign_in(who).get("/emoji/pick", headers=fragment_of("emoji_body")).text)
    keys = tree.css("button[data-emoji-markup]")
    assert len(keys) == len(PLAIN)
    for key, plain, emoji_id in zip(keys, PLAIN, ids, strict=True):
        made = render(parse(f"**a {key.attributes['data-emoji-markup']}** b"))
        (entity,) = [one for one in made.entities if one.type == "custom_emoji"]
        units = made.text.encode("utf-16-le")
        assert (entity.custom_emoji_id, units[2 * entity.offset : 2 * entity.end].decode("utf-16-le")) == (
            emoji_id,
            plain,
        )
        assert (key.attributes["aria-label"] or "").startswith(f"{plain}, Cats, number ")
    assert [key.attributes.get("tabindex") for key in keys] == [None] + ["-1"] * 6, "one stop, then the arrow keys"


class _Pictures:
    """Telegram's files by their ids; whatever else is asked of it is an error."""

    def __init__(self, **files: bytes | Upstream) -> None:
        self._files = files

    def download(self, file_id: str, *, most_bytes: int) -> bytes:
        found = self._files[file_id]
        if isinstance(found, Upstream):
            raise found
        return found


PNG = b"\x89PNG\r\n\x1a\n" + b"picture"


def _fetch(line: object, now: datetime) -> list[bool]:
    return [pictures.fetch(wanted, line, now=now) for wanted in pictures.due(now)]  # type: ignore[arg-type]


def test_pictures_tell_those_with_the_same_plain_one_apart(
    who: Owner, news: Channel, sign_in: SignIn, now: datetime
) -> None:
    found = cats(3)
    shown = tuple(replace(one, picture_id=f"f{n}") for n, one in enumerate(found.emoji))
    ids = known(who, replace(found, emoji=shown), now=now)
    palette.add(who.workspace.id, ids, user_id=who.user.id, now=now)
    line = _Pictures(f0=PNG, f1=b"<svg onload=alert(1)>", f2=Upstream("Telegram did not answer."))
    assert _fetch(line, now) == [True, False, False]
    client = sign_in(who)
    answer = client.get(f"/emoji/{ids[0]}/picture")
    assert (answer.data, answer.mimetype) == (PNG, "image/png") and answer.headers[
        "X-Content-Type-Options"
    ] == "nosniff"
    assert client.get(f"/emoji/{ids[1]}/picture").status_code == 404, "what is no picture is not kept"
    for path in ("/emoji", SET, "/emoji/pick"):
        faces = [node.attributes["src"] for node in LexborHTMLParser(client.get(path).text).css("img.emoji-face")]
        assert faces == [f"/emoji/{ids[0]}/picture"], path
    assert pictures.due(now) == [] and [one.emoji_id for one in pictures.due(now + timedelta(seconds=6))] == [ids[2]]
    assert _fetch(_Pictures(f2=Upstream("gone", permanent=True)), now + timedelta(seconds=6)) == [False]
    assert pictures.due(now + timedelta(days=1)) == []


def test_a_picture_is_shown_in_the_mini_apps_frame_by_a_ticket(
    who: Owner, news: Channel, sign_in: SignIn, now: datetime
) -> None:
    ids = known(who, replace(cats(1), emoji=(replace(cats(1).emoji[0], picture_id="f0"),)), now=now)
    palette.add(who.workspace.id, ids, user_id=who.user.id, now=now)
    _fetch(_Pictures(f0=PNG), now)
    token = sessions.start_from_launch(
        who.user.id, launch_hash="l", launched_at=clock.utcnow(), device="d" * 32, now=clock.utcnow()
    )
    client = sign_in(who).application.test_client(use_cookies=False)
    html = client.get("/emoji/pick", headers={"X-Session": token, **fragment_of("emoji_body")}).text
    (face,) = LexborHTMLParser(html).css("img.emoji-face")
    address = face.attributes["src"] or ""
    assert client.get(address).data == PNG and client.get(address.partition("?")[0]).status_code == 303


def test_in_the_mini_app_too(who: Owner, news: Channel, app: object, sign_in: SignIn, now: datetime) -> None:
    ids = known(who, cats(), now=now)
    palette.add(who.workspace.id, ids, user_id=who.user.id, now=now)
    token = sessions.start_from_launch(
        who.user.id, launch_hash="l", launched_at=clock.utcnow(), device="d" * 32, now=clock.utcnow()
    )
    client = sign_in(who).application.test_client(use_cookies=False)
    for path, block in (("/emoji", "page_body"), ("/emoji/pick", "emoji_body"), (SET, "page_body")):
        answer = client.get(path, headers={"X-Session": token, **fragment_of(block)})
        assert answer.status_code == 200 and f'id="{block}"' in answer.text, path


WORDS = f"Yes [👍](emoji:{FIRST}) [🔥](emoji:{FIRST + 1})"


def _tells(html: str, selector: str = "#problem_text") -> str:
    return words_in(html, selector)


def test_the_composer_tells_it_by_channel_while_it_is_written(who: Owner, news: Channel, sign_in: SignIn) -> None:
    other = owned_channel(who, "Other", telegram_chat_id=-1002, now=clock.utcnow(), bot_id=8)
    composer = Composer(sign_in(who))
    none_chosen = composer.press("preview", fragment="composer_preview", text=WORDS).text
    assert "only when the bot has a username bought on Fragment" in _tells(none_chosen)
    unknown = _tells(composer.press("preview", news, fragment="composer_preview", text=WORDS).text)
    assert "It is not known yet whether Telegram keeps custom emoji in News: 👍 🔥" in unknown
    assert "only when the bot" not in unknown
    with db.write():
        standing.see(BOT_ID, "-1001", is_kept=False, now=clock.utcnow())
        standing.see(8, "-1002", is_kept=True, now=clock.utcnow())
    both = _tells(composer.press("preview", news, other, fragment="composer_preview", text=WORDS).text)
    assert (
        "In News these go out as plain emoji: 👍 🔥." in both
        and "In Other these go out as custom emoji: 👍 🔥." in both
    )
    own = {f"variant-{other.public_id}": "no emoji", "text": WORDS}
    assert "Other" not in _tells(composer.press("preview", news, other, fragment="composer_preview", **own).text)
    assert _tells(composer.press("preview", news, fragment="composer_preview", text="plain 👍").text) == ""


@pytest.mark.parametrize(
    ("word", "before", "after"),
    [
        (True, "Custom emoji stay custom here: 👍 🔥", ""),
        (False, "These go out as plain emoji here: 👍 🔥", "with plain emoji instead of custom ones, as was told"),
        (None, "Whether custom emoji stay custom here is not known yet: 👍 🔥", "Telegram showed plain emoji"),
    ],
)
def test_the_posts_page_tells_it_before_and_what_came_of_it(
    who: Owner, news: Channel, sign_in: SignIn, word: bool | None, before: str, after: str
) -> None:
    if word is not None:
        with db.write():
            standing.see(BOT_ID, "-1001", is_kept=word, now=clock.utcnow())
    client = sign_in(who)
    composer = Composer(client)
    answer = composer.press("schedule", news, text=WORDS, **moment_in(hours=2))
    assert before in words_in(client.get(answer.location).text)
    db.execute("UPDATE due_action SET due_at = ?, ready_at = ?", *[db.stamp(clock.utcnow())] * 2)
    run_lane(DroppingLine(keeps={-1001: bool(word)}), run_s=1.0)
    page = words_in(client.get(answer.location).text)
    assert before not in page and after in page


def test_who_approves_a_post_is_told_too(who: Owner, news: Channel, sign_in: SignIn) -> None:
    with db.write():
        standing.see(BOT_ID, "-1001", is_kept=False, now=clock.utcnow())
    post = submitted(_member(who, Role.EDITOR), news, text=WORDS)
    page = words_in(sign_in(who).get(f"/posts/{post.public_id}/approval").text)
    assert "In News these go out as plain emoji: 👍 🔥." in page


def test_a_post_without_custom_emoji_says_nothing_of_them(who: Owner, news: Channel, sign_in: SignIn) -> None:
    post = scheduled(who, text("plain 👍"), news)
    run_lane(ScriptedLine(), run_s=1.0)
    assert "emoji" not in words_in(sign_in(who).get(f"/posts/{post.public_id}").text, "#post_state")
