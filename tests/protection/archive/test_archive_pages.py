"""Archives and rebuilds in a browser's words: who sees them, what they say, what they refuse."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.accounts.service import people
from app.channels.service import connect
from app.core import clock, db
from app.core.policy import Role
from app.media.service import watermarks
from app.posting.service import scheduling
from app.protection.archive import queries
from app.protection.archive.models import Archive, Rebuild
from app.protection.archive.service import advancing, filling
from app.telegram.outgoing import Outgoing
from tests.posting.authored import may_post, refusal, run_lane
from tests.protection.archive.conftest import OLD_ID, Scene
from tests.world import Owner, owned_channel, owner

SignIn = Callable[[Owner], FlaskClient]


def url(scene: Scene, rest: str = "") -> str:
    return f"/protection/archives/{scene.archive.public_id}{rest}"


def texts(scene: Scene, count: int) -> None:
    for number in range(count):
        scene.told(text=f"Post {number}")
    scene.fill()


def started(scene: Scene, client: FlaskClient, **form: Any) -> str:
    answer = client.post(url(scene, "/rebuild"), data={"channel": scene.new.public_id, "language": "en"} | form)
    assert answer.status_code == 303, answer.text
    return str(answer.location)


def test_the_list_leads_to_archives_and_offers_channels_without_one(scene: Scene, sign_in: SignIn) -> None:
    client = sign_in(scene.who)
    assert (
        "/protection/archives" in client.get("/settings").text
        and "/protection/archives" in client.get("/protection").text
    )
    listed = client.get("/protection/archives").text
    assert url(scene) in listed and f'value="{scene.new.public_id}"' in listed
    assert f'value="{scene.old.public_id}"' not in listed
    made = client.post("/protection/archives", data={"channel": scene.new.public_id})
    assert made.status_code == 303 and "being filled" in client.get(made.location).text
    assert Archive.select().where(Archive.workspace == scene.who.workspace.id).count() == 2
    assert client.post("/protection/archives", data={"channel": "x" * 22}).status_code == 404


def test_without_a_channel_the_way_to_one_is_shown(scene: Scene, sign_in: SignIn) -> None:
    page = sign_in(owner("Bek", now=clock.utcnow())).get("/protection/archives").text
    assert "/channels/connect" in page and "No channel is archived yet" in page


def test_an_archive_says_what_is_not_in_it_and_why(scene: Scene, sign_in: SignIn) -> None:
    texts(scene, 2)
    scene.told(caption="With a film", video={"file_id": "v", "file_unique_id": "uv", "file_size": 30 * 2**20})
    scene.told(sticker={"file_id": "s", "file_unique_id": "us"})
    scene.fill()
    page = sign_in(scene.who).get(url(scene)).text
    for words in ("Is it whole?", "With a film", "too large", "cannot be sent again", "Posts that are not whole"):
        assert words in page
    assert url(scene, "/rebuild") in page


def test_it_says_which_file_of_which_post_is_not_here_and_why(
    scene: Scene, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.told(
        caption="Film", video={"file_id": "v", "file_unique_id": "uv", "file_size": 300_000_000, "file_name": "a.mp4"}
    )
    scene.told(caption="Lost", photo=[{"file_id": "unknown", "file_unique_id": "uu"}])
    scene.fill()
    film, lost = (part for name in ("Film", "Lost") for part in parsed(sign_in(scene.who).get(url(scene)).text, name))
    assert "a.mp4 (300 MB) — too large: Telegram hands out at most 20 MB to a bot." in film
    assert "Photo — gone" in lost
    client = sign_in(scene.who)
    own = scene.runtime.settings.model_copy(update={"telegram_local_server": True})
    monkeypatch.setitem(client.application.extensions, "runtime", replace(scene.runtime, settings=own))
    assert "larger than 2,000 MB" in client.get(url(scene)).text


def parsed(page: str, words: str) -> list[str]:
    """The rows of posts that are not whole with these words, as people read them."""
    rows = re.findall(r'<div class="key-row">(.*?)</div>', page, re.DOTALL)
    plain = [" ".join(re.sub("<[^>]+>", " ", row).split()) for row in rows]
    return [row for row in plain if words in row]


def test_an_empty_archive_says_so_and_begins_nothing(scene: Scene, sign_in: SignIn) -> None:
    scene.fill()
    client = sign_in(scene.who)
    assert "There is no post in it yet" in client.get(url(scene)).text
    assert url(scene, "/rebuild") not in client.get(url(scene)).text
    form = client.get(url(scene, "/rebuild")).text
    assert "no post in this archive" in form and ">Start<" not in form
    refused = client.post(url(scene, "/rebuild"), data={"channel": scene.new.public_id, "language": "en"})
    assert (
        refused.status_code == 422 and Rebuild.select().where(Rebuild.workspace == scene.who.workspace.id).count() == 0
    )


def test_used_up_room_is_said_on_both_pages(scene: Scene, sign_in: SignIn) -> None:
    db.execute("UPDATE archive SET reason = 'no_room'")
    client = sign_in(scene.who)
    assert "room of your plan is used up: files that do not fit" in client.get(url(scene)).text
    assert "no room" in client.get("/protection/archives").text


def test_the_preview_tells_what_would_happen(scene: Scene, sign_in: SignIn) -> None:
    texts(scene, 40)
    scene.told(sticker={"file_id": "s", "file_unique_id": "us"})
    scene.fill()
    client = sign_in(scene.who)
    page = client.get(url(scene, f"/rebuild?channel={scene.new.public_id}&language=ru")).text
    assert "<dd>40</dd>" in page and "Left out: nothing of them can be sent" in page
    assert "2 min" in page, "forty at twenty a minute"
    assert "янв" in page, "the date's line in the language that is asked for"
    again = client.post(url(scene, "/rebuild/look"), data={"channel": scene.new.public_id, "language": "en"})
    assert again.status_code == 200 and "First published 5 Jan 2026, 14:3" in again.text
    assert Rebuild.select().where(Rebuild.workspace == scene.who.workspace.id).count() == 0


def test_a_plan_with_too_few_posts_is_told_before(scene: Scene, sign_in: SignIn) -> None:
    texts(scene, 3)
    db.execute("UPDATE plan_limit SET amount = 2 WHERE plan_id = 'network' AND key = 'posts'")
    assert "Your plan has 2 posts left this month" in sign_in(scene.who).get(url(scene, "/rebuild")).text


def test_it_starts_pauses_goes_on_and_stops(scene: Scene, sign_in: SignIn) -> None:
    texts(scene, 3)
    client = sign_in(scene.who)
    page = started(scene, client)
    assert "Under way" in client.get(page).text and "0 of 3 posts are out" in client.get(page).text
    assert page in client.get("/protection/archives").text
    for verb, words in (("pause", "Paused"), ("go-on", "Under way"), ("stop", "Stopped")):
        assert client.post(f"{page}/{verb}").status_code == 303
        assert words in client.get(page).text
    refused = client.post(f"{page}/go-on")
    assert refused.status_code == 409 and "Load the page again" in refused.text
    assert ">Stop<" not in client.get(page).text


def test_a_second_one_into_the_same_channel_is_refused_in_words(scene: Scene, sign_in: SignIn) -> None:
    texts(scene, 1)
    client = sign_in(scene.who)
    started(scene, client)
    again = client.post(url(scene, "/rebuild"), data={"channel": scene.new.public_id, "language": "en"})
    assert again.status_code == 409 and "Let it end, or stop it" in again.text
    erased = client.post(url(scene, "/erase"))
    assert erased.status_code == 409 and "Stop that first" in erased.text


def test_a_wrong_channel_is_said_at_its_field(scene: Scene, sign_in: SignIn) -> None:
    texts(scene, 1)
    may_post(scene.new, can=False)
    answer = sign_in(scene.who).post(url(scene, "/rebuild"), data={"channel": scene.new.public_id, "language": "en"})
    assert (
        answer.status_code == 422
        and 'id="rebuild_channel_error"' in answer.text
        and "may not post there" in answer.text
    )


def test_what_is_held_up_and_what_was_refused_says_why(scene: Scene, sign_in: SignIn) -> None:
    def refuses(_chat: int, what: Outgoing) -> None:
        if what.text.startswith("Post 0"):
            raise refusal("Bad Request: too odd")

    texts(scene, 2)
    client = sign_in(scene.who)
    page = started(scene, client)
    scene.line.before = refuses
    for _ in range(3):
        advancing.advance(advancing.active()[0], now=clock.utcnow())
        run_lane(scene.line, run_s=0.05, folder=scene.folder)
    may_post(scene.new, can=False)
    db.execute("DELETE FROM rebuild_post WHERE state = 'handed'")
    advancing.advance(advancing.active()[0], now=clock.utcnow())
    text = client.get(page).text
    assert "too odd" in text and "What did not go out, and why" in text
    assert "The bot lacks the right to post messages. Give it back" in text


@pytest.mark.parametrize("role", [Role.EDITOR, Role.ANALYST, Role.CLIENT])
def test_archives_are_for_owners_and_admins(scene: Scene, sign_in: SignIn, role: Role) -> None:
    texts(scene, 1)
    page = started(scene, sign_in(scene.who))
    user = people.create_user(name="Eldor", timezone="Asia/Tashkent", now=clock.utcnow())
    people.add_member(scene.who.workspace.id, user.id, role, now=clock.utcnow())
    client = sign_in(Owner(user, scene.who.workspace))
    for path in ("/protection/archives", url(scene), url(scene, "/rebuild"), page):
        assert client.get(path).status_code == 403
    for path in (
        "/protection/archives",
        url(scene, "/off"),
        url(scene, "/erase"),
        url(scene, "/rebuild"),
        f"{page}/stop",
    ):
        assert client.post(path).status_code == 403
    assert "/protection/archives" not in client.get("/protection").text
    assert "/protection/archives" not in client.get("/settings").text


def test_an_admin_may(scene: Scene, sign_in: SignIn) -> None:
    texts(scene, 1)
    user = people.create_user(name="Admin", timezone="Asia/Tashkent", now=clock.utcnow())
    people.add_member(scene.who.workspace.id, user.id, Role.ADMIN, now=clock.utcnow())
    started(scene, sign_in(Owner(user, scene.who.workspace)))


def test_strangers_find_nothing(scene: Scene, sign_in: SignIn) -> None:
    texts(scene, 1)
    page = started(scene, sign_in(scene.who))
    other = owner("Bek", now=clock.utcnow())
    owned_channel(other, "Theirs", telegram_chat_id=-1009, now=clock.utcnow())
    client = sign_in(other)
    for path in (url(scene), url(scene, "/rebuild"), page):
        assert client.get(path).status_code == 404
    for path in (url(scene, "/off"), url(scene, "/erase"), url(scene, "/rebuild"), f"{page}/stop", f"{page}/pause"):
        assert client.post(path, data={"channel": scene.new.public_id}).status_code == 404
    assert "Old" not in client.get("/protection/archives").text
    assert advancing.active()[0].state == "running"


def test_switched_off_and_on_again(scene: Scene, sign_in: SignIn) -> None:
    client = sign_in(scene.who)
    assert client.post(url(scene, "/off")).status_code == 303
    assert "switched off" in client.get(url(scene)).text and scene.kept().state == "off"
    assert client.post("/protection/archives", data={"channel": scene.old.public_id}).location.endswith(url(scene))
    assert scene.kept().state == "on"


def test_erased_it_is_gone_from_the_pages_at_once(scene: Scene, sign_in: SignIn) -> None:
    texts(scene, 1)
    client = sign_in(scene.who)
    assert client.post(url(scene, "/erase")).status_code == 303
    assert client.get(url(scene)).status_code == 404 and url(scene) not in client.get("/protection/archives").text


def test_an_end_with_refusals_is_not_called_all(scene: Scene, sign_in: SignIn) -> None:
    def refuses(_chat: int, what: Outgoing) -> None:
        if what.text.startswith("Post 0"):
            raise refusal("Bad Request: too odd")

    texts(scene, 2)
    client = sign_in(scene.who)
    page = started(scene, client)
    scene.line.before = refuses
    while found := advancing.active():
        advancing.advance(found[0], now=clock.utcnow())
        run_lane(scene.line, run_s=0.05, folder=scene.folder)
    text = client.get(page).text
    assert "Published, but not all of it" in text and "1 refused" in text and "too odd" in text


def test_the_preview_says_that_it_waits_for_files_and_where_a_polls_date_stands(scene: Scene, sign_in: SignIn) -> None:
    texts(scene, 1)
    client = sign_in(scene.who)
    plain = client.get(url(scene, "/rebuild")).text
    assert "A poll has no room" not in plain and "waits until they are here" not in plain
    scene.told(poll={"question": "Q?", "options": [{"text": "a"}, {"text": "b"}], "type": "regular"})
    scene.told(**scene.photo("slow"))
    filling.fill(scene.kept(), is_over=lambda: False, now=clock.utcnow())
    page = client.get(url(scene, "/rebuild")).text
    assert "A poll has no room for its date" in page and "it waits until they are here" in page


def test_too_few_watermarks_are_told_where_the_channel_has_a_mark(scene: Scene, sign_in: SignIn) -> None:
    scene.told(**scene.photo("a"))
    scene.told(**scene.photo("b", shade=9))
    scene.fill()
    db.execute("UPDATE plan_limit SET amount = 1 WHERE plan_id = 'network' AND key = 'watermarks'")
    client = sign_in(scene.who)
    assert "1 watermarks left" not in client.get(url(scene, "/rebuild")).text, "nothing is marked there"
    typed = watermarks.Typed(text="@mine", channels=[scene.new.public_id])
    watermarks.save(scene.who.workspace.id, None, typed, user_id=scene.who.user.id, now=clock.utcnow())
    assert "1 watermarks left" in client.get(url(scene, "/rebuild")).text
    db.execute("UPDATE plan_limit SET amount = 2 WHERE plan_id = 'network' AND key = 'watermarks'")
    assert "watermarks left" not in client.get(url(scene, "/rebuild")).text


def test_a_picture_that_was_sent_as_a_file_counts_as_one_to_mark(scene: Scene, sign_in: SignIn) -> None:
    """As it is marked: by its bytes. One on its way tells by its name."""
    scene.photo("a")
    scene.files.bytes_of |= {"pdf": b"%PDF-1.4\n%%EOF\n", "song": b"OggS" + bytes(60)}
    for file_id, name in (("a", "plan"), ("pdf", "price.pdf"), ("song", "song.ogg")):
        document = {"file_id": file_id, "file_unique_id": f"u{file_id}", "file_size": 900, "file_name": name}
        scene.told(document=document)
    scene.fill()
    assert queries.contents_of(scene.kept(), has_deleted=False).pictures == 1
    for name in ("later.PNG", "later.pdf"):
        scene.told(document={"file_id": name, "file_unique_id": f"u{name}", "file_size": 900, "file_name": name})
    filling.fill(scene.kept(), is_over=lambda: False, now=clock.utcnow())
    assert queries.contents_of(scene.kept(), has_deleted=False).pictures == 2
    typed = watermarks.Typed(text="@mine", channels=[scene.new.public_id])
    watermarks.save(scene.who.workspace.id, None, typed, user_id=scene.who.user.id, now=clock.utcnow())
    db.execute("UPDATE plan_limit SET amount = 1 WHERE plan_id = 'network' AND key = 'watermarks'")
    assert "Pictures and films to mark: 2" in sign_in(scene.who).get(url(scene, "/rebuild")).text


def test_an_archive_whose_channel_is_not_connected_says_so_at_once(scene: Scene, sign_in: SignIn) -> None:
    texts(scene, 1)
    client = sign_in(scene.who)
    assert "not connected" not in client.get("/protection/archives").text + client.get(url(scene)).text
    connect.disconnect(scene.who.workspace.id, scene.old.public_id, actor="user:1", now=clock.utcnow())
    assert "not connected" in client.get("/protection/archives").text
    assert "nothing more comes into this archive" in client.get(url(scene)).text
    owned_channel(scene.who, "Old", telegram_chat_id=OLD_ID, now=clock.utcnow())
    assert "not connected" not in client.get("/protection/archives").text + client.get(url(scene)).text


def test_what_did_not_go_out_comes_anew_with_the_state(scene: Scene, sign_in: SignIn) -> None:
    texts(scene, 2)
    client = sign_in(scene.who)
    page = started(scene, client)
    advancing.advance(advancing.active()[0], now=clock.utcnow())
    (post,) = db.row("SELECT public_id FROM authored_post") or ("",)
    scheduling.cancel(scene.who.workspace.id, post, user_id=scene.who.user.id, now=clock.utcnow())
    advancing.advance(advancing.active()[0], now=clock.utcnow())
    piece = client.get(page, headers={"HX-Request": "true", "HX-Target": "rebuild_state"}).text
    assert "<html" not in piece and 'id="rebuild_unsent"' in piece
    assert "somebody called it off by hand" in piece and "Open such a post" in piece


@pytest.mark.parametrize("reason", ["many_failed", "defect", "moved", "files", "watermarks", "custom_emoji"])
def test_only_what_goes_on_by_itself_is_said_to(scene: Scene, sign_in: SignIn, reason: str) -> None:
    texts(scene, 30)
    client = sign_in(scene.who)
    page = started(scene, client)
    assert "Nobody needs to stay: it goes on by itself" in client.get(page).text
    db.execute("UPDATE rebuild SET state = 'stuck', reason = ?", reason)
    text = client.get(page).text
    assert "Nobody needs to stay" not in text and "A post is on hold" not in text
    assert ("goes on by itself" in text) == (reason not in ("many_failed", "defect"))


def test_posts_that_were_never_made_are_said_to_be_in_the_archive(scene: Scene, sign_in: SignIn) -> None:
    scene.told(**scene.photo("p"))
    scene.told(text="Words")
    scene.fill()
    client = sign_in(scene.who)
    page = started(scene, client)
    db.execute("UPDATE media_file SET deleted_at = ?", db.stamp(clock.utcnow()))
    advancing.advance(advancing.active()[0], now=clock.utcnow())
    text = client.get(page).text
    assert "Nothing of this post" in text and "A post that cannot be opened was never made" in text
    assert "Open such a post" not in text


def test_an_end_with_posts_left_out_is_not_called_all(scene: Scene, sign_in: SignIn) -> None:
    texts(scene, 2)
    client = sign_in(scene.who)
    page = started(scene, client)
    db.execute("UPDATE archived_post SET deleted_at = ?", db.stamp(clock.utcnow()))
    advancing.advance(advancing.active()[0], now=clock.utcnow())
    text = client.get(page).text
    assert "Published, but not all of it" in text and "Left out: 2." in text and "All is published" not in text
