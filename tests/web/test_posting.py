"""The pages of posts: written, scheduled, moved, approved, called off, by whom it may be, and in the words of what is."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from selectolax.lexbor import LexborHTMLParser

from app.accounts.service import people, sessions
from app.boot import Runtime
from app.channels.models import Channel
from app.core import clock, db
from app.core.policy import Role
from app.posting.models import AuthoredPost
from app.posting.service import collecting, writing
from app.readings import service as readings
from tests.media.files import picture
from tests.posting.authored import (
    ScriptedLine,
    actions,
    deliveries,
    may_post,
    refusal,
    run_lane,
    scheduled,
    silence,
    text,
)
from tests.web.composer import Composer, fragment_of, moment_in, value_of, words_in
from tests.world import Owner, owned_channel, owner

SignIn = Callable[[Owner], FlaskClient]


@pytest.fixture
def who(runtime: Runtime) -> Owner:
    return owner("Aziza", telegram_user_id=42, now=clock.utcnow())


@pytest.fixture
def news(who: Owner) -> Channel:
    channel = owned_channel(who, "News", telegram_chat_id=-1001, now=clock.utcnow())
    may_post(channel)
    return channel


@pytest.fixture
def line() -> ScriptedLine:
    return ScriptedLine()


def _member(who: Owner, role: Role) -> Owner:
    user = people.create_user(name=role.title(), timezone="Asia/Tashkent", now=clock.utcnow())
    people.add_member(who.workspace.id, user.id, role, now=clock.utcnow())
    return Owner(user, who.workspace)


def _post(who: Owner, composer: Composer) -> AuthoredPost:
    return writing.post_of(who.workspace.id, composer.public_id)


def test_a_post_is_written_scheduled_listed_and_seen(who: Owner, news: Channel, sign_in: SignIn) -> None:
    composer = Composer(client := sign_in(who))
    answer = composer.press("schedule", news, text="**Hello** readers", **moment_in(hours=2))
    assert (answer.status_code, answer.headers["Location"]) == (303, composer.url)
    listed = words_in(client.get("/posts").text, ".post-rows")
    assert "Hello readers" in listed and "scheduled" in listed and "News" in listed and "in 2 hours" in listed
    page = client.get(composer.url).text
    assert "<b>Hello</b> readers" in page and "Aziza" in words_in(page, "#post_history")


def test_publish_now_goes_out_and_the_page_says_so(
    who: Owner, news: Channel, sign_in: SignIn, line: ScriptedLine
) -> None:
    composer = Composer(client := sign_in(who))
    composer.press(
        "publish",
        news,
        text="Now",
        **{"button-0-text": "Read", "button-0-url": "https://a.uz/", "button-0-tracked": "on"},
    )
    run_lane(line, run_s=1)
    ((_, _, what),) = line.sent
    ((button,),) = what.buttons
    assert what.text == "Now" and re.fullmatch(r"https://our\.example/r/[\w-]{10}", button.url)
    assert "sent" in words_in(client.get(composer.url).text, "#post_state")
    assert "Now" in words_in(client.get("/posts?show=sent").text, ".post-rows")
    assert "Now" not in client.get("/posts").text


def test_sending_the_first_form_twice_makes_one_post_and_publishes_it_once(
    who: Owner, news: Channel, sign_in: SignIn, line: ScriptedLine
) -> None:
    composer = Composer(sign_in(who))
    assert composer.press("publish", news, text="Once").status_code == 303
    assert composer.press("publish", news, text="Once").status_code == 409
    run_lane(line, run_s=1)
    assert line.texts == ["Once"]


def test_without_an_id_of_its_own_the_form_sent_twice_would_be_two_posts(
    who: Owner, news: Channel, sign_in: SignIn, line: ScriptedLine
) -> None:
    """The harm that the id in the form prevents: two forms, each with an id, are two posts."""
    client = sign_in(who)
    for composer in (Composer(client), Composer(client)):
        composer.press("publish", news, text="Twice")
    run_lane(line, run_s=4)
    assert line.texts == ["Twice", "Twice"]


def test_what_is_wrong_stands_beside_its_field_and_what_was_typed_stays(
    who: Owner, news: Channel, sign_in: SignIn
) -> None:
    composer = Composer(sign_in(who))
    answer = composer.press("schedule", text="Kept words", **moment_in(hours=2))
    assert answer.status_code == 422 and "Kept words" in answer.text
    assert "at least one channel" in words_in(answer.text, "#problem_channels")
    answer = composer.press("schedule", news, text="x" * 4097, **moment_in(hours=2))
    assert "4096" in words_in(answer.text, "#problem_text")
    answer = composer.press("schedule", news, text="Late", **moment_in(hours=-2))
    assert "has passed" in words_in(answer.text, "#problem_when")
    answer = composer.press("schedule", news, text="Never", day="", time="", zone="UTC")
    assert "a day and a time" in words_in(answer.text, "#problem_when")
    assert db.row("SELECT COUNT(*) FROM due_action") == (0,)


def test_an_hour_that_the_clocks_skip_is_refused(who: Owner, news: Channel, sign_in: SignIn) -> None:
    year = clock.utcnow().year + 1
    sunday = max(d for d in (datetime(year, 3, day) for day in range(25, 32)) if d.weekday() == 6)
    answer = Composer(sign_in(who)).press(
        "schedule", news, text="Spring", day=sunday.date().isoformat(), time="02:30", zone="Europe/Berlin"
    )
    assert "does not exist" in words_in(answer.text, "#problem_when")


def test_the_draft_is_kept_while_typing_and_nobody_overwrites_it_unknowing(
    who: Owner, news: Channel, sign_in: SignIn
) -> None:
    composer = Composer(client := sign_in(who))
    kept = composer.press("autosave", news, text="One", fragment="composer_state")
    assert kept.status_code == 200 and composer.version != "0" and "<html" not in kept.text
    other, seen = Composer(client, f"{composer.url}/edit"), composer.version
    other.press("autosave", news, text="Theirs", fragment="composer_state")
    refused = composer.press("autosave", news, text="Mine", fragment="composer_state")
    assert refused.status_code == 409 and "data-stale" in refused.text and composer.version == seen
    assert "Theirs" in client.get(f"{composer.url}/edit").text
    told = composer.press("save", news, text="Mine")
    assert told.status_code == 409 and "Mine" in told.text and "save once more" in told.text
    assert composer.press("save", news, text="Mine").status_code == 303
    assert "Mine" in client.get(f"{composer.url}/edit").text


def test_the_preview_is_exact_and_keeps_nothing(who: Owner, news: Channel, sign_in: SignIn) -> None:
    composer = Composer(sign_in(who))
    answer = composer.press(
        "preview", news, text="__It__ <b>", poll_kind="poll", poll_question="Q?", poll_option=["A", "", "B"],
        fragment="composer_preview",
    )  # fmt: skip
    assert "<i>It</i> &lt;b&gt;" in answer.text and "Q?" in answer.text and "2 messages" in answer.text
    assert "6 of 4,096" in words_in(answer.text, "#composer_count")
    assert db.row("SELECT COUNT(*) FROM authored_post") == (0,)


def test_files_are_added_moved_hidden_and_removed_without_a_script(
    who: Owner, news: Channel, sign_in: SignIn, tmp_path: Path
) -> None:
    composer = Composer(client := sign_in(who))
    files = [(io.BytesIO(picture("PNG", shade=shade)), f"{shade}.png") for shade in (1, 2)]
    assert composer.press("media", news, text="Kept", file=files).status_code == 303
    composer = Composer(client, f"{composer.url}/edit")
    assert "Kept" in client.get(f"{composer.url}/edit").text
    first, second = (row[0] for row in db.rows("SELECT public_id FROM media_file ORDER BY id"))
    composer.press(f"media/{second}/earlier", news, text="Kept", media=[first, second], spoiler=[first])
    page = client.get(f"{composer.url}/edit").text
    assert re.findall(r'name="media" value="([\w-]+)"', page) == [second, first] and page.count("tg-hidden") == 2
    composer = Composer(client, f"{composer.url}/edit")
    composer.press(f"media/{second}/remove", news, text="Kept", media=[second, first])
    assert re.findall(r'name="media" value="([\w-]+)"', client.get(f"{composer.url}/edit").text) == [first]


def test_a_file_of_another_workspace_is_not_taken(who: Owner, news: Channel, sign_in: SignIn) -> None:
    bek = owner("Bek", now=clock.utcnow())
    theirs = Composer(sign_in(bek))
    theirs.press("media", file=(io.BytesIO(picture("PNG")), "a.png"))
    (file,) = db.row("SELECT public_id FROM media_file") or ("",)
    composer = Composer(client := sign_in(who))
    composer.press("save", news, text="Mine", media=[file])
    assert file not in client.get(f"{composer.url}/edit").text
    assert client.get(theirs.url).status_code == 404 and client.get(f"{theirs.url}/edit").status_code == 404
    stolen = Composer(client)
    stolen.url = theirs.url
    assert stolen.press("save", news, text="Not mine").status_code == 404


def test_a_scheduled_post_is_edited_from_what_it_says_and_moved(
    who: Owner, news: Channel, sign_in: SignIn, line: ScriptedLine
) -> None:
    composer = Composer(client := sign_in(who))
    composer.press("schedule", news, text="First", pin="on", delete_after="86400", **moment_in(hours=2))
    page = client.get(f"{composer.url}/edit").text
    assert "First" in page and 'name="pin" checked' in page and 'value="86400" selected' in page
    again = Composer(client, f"{composer.url}/edit")
    again.press("schedule", news, text="Second", pin="on", **moment_in(hours=3))
    words = words_in(client.get(composer.url).text)
    assert "in 3 hours" in words and "Second" in words
    history = client.get(composer.url).text
    assert "<del>First</del>" in history and "<ins>Second</ins>" in history
    moved = client.post(f"{composer.url}/move", data=moment_in(hours=5))
    assert moved.status_code == 303
    assert client.post(f"{composer.url}/move", data={"day": "x"}).status_code == 422
    client.post(f"{composer.url}/now")
    run_lane(line, run_s=1)
    assert line.texts == ["Second"]


def test_a_post_that_is_out_is_corrected_and_taken_down(
    who: Owner, news: Channel, sign_in: SignIn, line: ScriptedLine
) -> None:
    composer = Composer(client := sign_in(who))
    composer.press("publish", news, text="Teh")
    run_lane(line, run_s=1)
    again = Composer(client, f"{composer.url}/edit")
    again.press("schedule", news, text="The", **moment_in(hours=-1))
    run_lane(line, run_s=1)
    assert line.calls == [("edit", -1001, 100, "The")]
    another = Composer(client, f"{composer.url}/edit")
    refused = another.press("schedule", news, text="The", poll_kind="poll", poll_question="Q", poll_option=["a", "b"])
    assert refused.status_code == 422
    client.post(f"{composer.url}/take-down")
    run_lane(line, run_s=1)
    assert line.calls[-1] == ("delete", -1001, 100)
    assert "deleted in Telegram" in words_in(client.get(composer.url).text)
    gone = Composer(client, f"{composer.url}/edit")
    assert gone.press("publish", news, text="The").status_code == 409
    copied = client.post(f"{composer.url}/duplicate").headers["Location"]
    assert "The" in client.get(copied).text and copied != f"{composer.url}/edit"


def test_what_is_called_off_is_not_sent_and_can_be_put_on_again(
    who: Owner, news: Channel, sign_in: SignIn, line: ScriptedLine
) -> None:
    composer = Composer(client := sign_in(who))
    composer.press("schedule", news, text="Maybe", **moment_in(hours=1))
    client.post(f"{composer.url}/cancel")
    assert "Maybe" in words_in(client.get("/posts?show=drafts").text, ".post-rows")
    Composer(client, f"{composer.url}/edit").press("publish", news, text="Maybe")
    run_lane(line, run_s=1)
    assert line.texts == ["Maybe"]


def test_what_telegram_refused_says_why_and_goes_out_once_it_is_mended(
    who: Owner, news: Channel, sign_in: SignIn, line: ScriptedLine
) -> None:
    def refuse(_chat: int, _what: Any) -> None:
        raise refusal("Bad Request: wrong file identifier")

    composer = Composer(client := sign_in(who))
    line.before = refuse
    composer.press("publish", news, text="Wrong")
    run_lane(line, run_s=1)
    assert "wrong file identifier" in words_in(client.get(composer.url).text, "#post_state")
    listed = words_in(client.get("/posts?show=attention").text, ".post-rows")
    assert "refused" in listed and "wrong file identifier" in listed
    assert "1" in words_in(client.get("/help").text.replace("main", "x"), ".count")
    line.before = lambda _chat, _what: None
    Composer(client, f"{composer.url}/edit").press("publish", news, text="Right")
    run_lane(line, run_s=1)
    assert line.texts == ["Right"] and deliveries(_post(who, composer)) == [(0, "sent", None)]


@pytest.mark.parametrize("verb", ["there", "again"])
def test_an_unconfirmed_post_asks_its_owner(
    who: Owner, news: Channel, sign_in: SignIn, line: ScriptedLine, verb: str
) -> None:
    def hang_up(_chat: int, _what: Any) -> None:
        raise silence()

    composer = Composer(client := sign_in(who))
    line.before = hang_up
    composer.press("publish", news, text="Is it there?")
    run_lane(line, run_s=1)
    line.before = lambda _chat, _what: None
    for page in (client.get("/posts?show=attention").text, client.get(composer.url).text):
        assert "did not say whether it took this post" in page and f'action="{composer.url}/in/' in page
    answer = client.post(f"{composer.url}/in/{news.public_id}/{verb}")
    run_lane(line, run_s=1)
    assert answer.status_code == 303 and line.texts == ([] if verb == "there" else ["Is it there?"])
    assert deliveries(_post(who, composer))[0][1] == "sent"
    assert client.post(f"{composer.url}/in/{news.public_id}/{verb}").status_code == 404


def test_posts_on_hold_are_resumed_once_the_right_is_back(
    who: Owner, news: Channel, sign_in: SignIn, line: ScriptedLine
) -> None:
    may_post(news, can=False)
    composer = Composer(client := sign_in(who))
    assert "disabled" in client.get("/posts/new").text and "lacks the right" in client.get("/posts/new").text
    composer.press("publish", news, text="Waits")
    run_lane(line, run_s=1)
    held = client.get("/posts?show=attention").text
    assert "1 post for “News” is on hold" in held and "resume" not in held
    may_post(news)
    assert "1 post is past its time and goes out at once" in words_in(client.get("/posts?show=attention").text)
    client.post(f"/posts/resume/{news.public_id}")
    run_lane(line, run_s=1)
    assert line.texts == ["Waits"] and actions(_post(who, composer)) == [("publish", "done", None)]


def test_an_editor_proposes_and_the_owner_approves(
    who: Owner, news: Channel, sign_in: SignIn, line: ScriptedLine
) -> None:
    editor, chief = sign_in(_member(who, Role.EDITOR)), sign_in(who)
    composer = Composer(editor)
    assert composer.press("publish", news, text="May I?").status_code == 303
    run_lane(line, run_s=1)
    assert line.texts == [] and "waits for approval" in words_in(editor.get(composer.url).text)
    assert "/approve" not in editor.get(composer.url).text
    assert editor.post(f"{composer.url}/approve", data={"version": "2"}).status_code == 403
    version = value_of(LexborHTMLParser(chief.get(composer.url).text), "version")
    assert chief.post(f"{composer.url}/approve", data={"version": "1"}).status_code == 409
    assert chief.post(f"{composer.url}/approve", data={"version": version}).status_code == 303
    run_lane(line, run_s=1)
    assert line.texts == ["May I?"]


def test_a_proposal_whose_time_has_passed_is_not_sent_late(
    who: Owner, news: Channel, sign_in: SignIn, line: ScriptedLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    composer = Composer(sign_in(_member(who, Role.EDITOR)))
    composer.press("schedule", news, text="Old", **moment_in(hours=1))
    later = clock.utcnow() + timedelta(hours=3)
    monkeypatch.setattr(clock, "utcnow", lambda: later)
    chief = sign_in(who)
    version = value_of(LexborHTMLParser(chief.get(composer.url).text), "version")
    answer = chief.post(f"{composer.url}/approve", data={"version": version})
    assert answer.status_code == 422 and "has passed" in answer.text


@pytest.mark.parametrize("role", [Role.ANALYST, Role.CLIENT])
def test_who_only_sees_is_offered_nothing_else(who: Owner, news: Channel, sign_in: SignIn, role: Role) -> None:
    composer = Composer(sign_in(who))
    composer.press("schedule", news, text="Look", **moment_in(hours=1))
    reader = sign_in(_member(who, role))
    page = LexborHTMLParser(reader.get(composer.url).text)
    assert "Look" in reader.get("/posts").text and not page.css("main form")
    assert reader.get("/posts/new").status_code == 403 and reader.post(f"{composer.url}/cancel").status_code == 403


def test_another_text_in_one_channel_goes_there_alone(
    who: Owner, news: Channel, sign_in: SignIn, line: ScriptedLine
) -> None:
    second = owned_channel(who, "Second", telegram_chat_id=-1002, now=clock.utcnow())
    may_post(second)
    composer = Composer(client := sign_in(who))
    composer.press("publish", news, second, text="All", **{f"variant-{second.public_id}": "Second's own"})
    run_lane(line, run_s=2)
    assert {chat: what.text for _, chat, what in line.sent} == {-1001: "All", -1002: "Second's own"}
    assert "Second&#39;s own" in client.get(f"{composer.url}/edit").text


def test_the_lists_are_cut_into_pages(who: Owner, news: Channel, sign_in: SignIn) -> None:
    client = sign_in(who)
    for number in range(52):
        Composer(client).press("schedule", news, text=f"Post {number:02}", **moment_in(minutes=60 + number))
    first = LexborHTMLParser(client.get("/posts").text)
    names = [node.text() for node in first.css(".post-name")]
    assert names == [f"Post {number:02}" for number in range(50)]
    (following,) = [node.attributes["href"] for node in first.css("a.button") if node.text() == "Next"]
    rest = LexborHTMLParser(client.get(str(following)).text)
    assert [node.text() for node in rest.css(".post-name")] == ["Post 50", "Post 51"]


def test_in_the_mini_app_a_picture_opens_by_a_ticket(who: Owner, news: Channel, app: Any) -> None:
    token = sessions.start_from_launch(
        who.user.id, launch_hash="l", launched_at=clock.utcnow(), device="d" * 32, now=clock.utcnow()
    )
    client = app.test_client(use_cookies=False)
    header = {"X-Session": token}
    composer_page = LexborHTMLParser(client.get("/posts/new", headers=header).text)
    form = composer_page.css_first("#composer")
    assert form is not None
    url = form.attributes["data-url"]
    answer = client.post(
        f"{url}/media", headers={**header, **fragment_of("composer_media")},
        data={"version": "0", "file": (io.BytesIO(picture("PNG")), "a.png")},
    )  # fmt: skip
    (image, *_) = re.findall(r'src="(/media/[^"]+)"', answer.text)
    assert client.get(image.replace("&amp;", "&")).data == picture("PNG")
    assert client.get(image.partition("?")[0]).status_code == 303


def test_a_sent_post_leads_to_its_numbers_once_there_are_any(
    who: Owner, news: Channel, sign_in: SignIn, line: ScriptedLine
) -> None:
    composer = Composer(client := sign_in(who))
    composer.press("publish", news, text="Read me")
    run_lane(line, run_s=1)
    collecting.collect_sent(now=clock.utcnow())
    numbers = f"/channels/{news.public_id}/posts/100"
    assert numbers not in client.get(composer.url).text
    (post_id,) = db.row("SELECT id FROM post WHERE message_id = 100") or (0,)
    source = readings.ensure_source(readings.PREVIEW_PAGE, now=clock.utcnow())
    readings.record_readings(news.chat, [(post_id, db.to_ms(clock.utcnow()), source, 7, None, 0)], now=clock.utcnow())
    assert numbers in client.get(composer.url).text and client.get(numbers).status_code == 200


def test_a_long_row_of_late_posts_says_when_the_last_one_goes_out(who: Owner, news: Channel, sign_in: SignIn) -> None:
    client, late = sign_in(who), clock.utcnow() - timedelta(minutes=1)
    for number in range(12):
        scheduled(who, text(f"Late {number}"), news, at=late, now=late)
    words = words_in(client.get("/posts").text, "#posts_list .banner")
    assert words.startswith("12 posts wait for their turn") and "The last one goes out by" in words
