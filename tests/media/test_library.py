"""The library: what is found, what a file's page tells, and a trash that takes no file from a post that is to go out."""

from __future__ import annotations

import io
import re
import threading
import unicodedata
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.accounts.service import files as tickets
from app.accounts.service import people
from app.boot import Runtime
from app.channels.models import Channel
from app.core import clock, db, ids, retention
from app.core.errors import Conflict, Invalid, NotFound
from app.core.policy import Role
from app.media import library_jobs, pages, queries
from app.media.models import MediaFile
from app.media.queries import Wanted
from app.media.service import keeping, library, path_of, room, store, uploads
from app.posting.content import markup
from app.posting.content.blocks import Content, Media
from app.posting.content.draft import Draft
from app.posting.queries.files import PostsWithFiles
from app.posting.service import writing
from tests.conftest import NOW
from tests.media.files import container, kept, picture, stored
from tests.posting import authored
from tests.world import Owner, owned_channel, owner

SignIn = Callable[[Owner], FlaskClient]
USES = PostsWithFiles()
LATER = NOW + timedelta(days=31)


def _found(who: Owner, words: str = "", **wanted: object) -> list[str]:
    asked = Wanted(words, **wanted)  # type: ignore[arg-type]
    return [row.name for row in queries.library(who.workspace.id, asked, before=None, limit=50)]


def _who(who: Owner) -> dict[str, Any]:
    return {"user_id": who.user.id, "now": NOW}


def _with(file: MediaFile, words: str = "With a file") -> Content:
    return Content(markup.parse(words), media=(Media(file.kind, file.public_id),))  # type: ignore[arg-type]


def _draft_with(who: Owner, file: MediaFile, words: str = "With a file") -> str:
    """A draft that has the file; returns its address."""
    draft = Draft(text=words, zone="UTC", rest=_with(file, ""))
    post = writing.create(who.workspace.id, draft.to_doc(), user_id=who.user.id, now=NOW)
    return f"/posts/{post.public_id}"


@pytest.fixture
def aziza(runtime: Runtime) -> Owner:
    return owner("Aziza", now=NOW)


# ---- finding


def test_files_are_found_by_parts_of_their_name_and_tags_in_any_case(aziza: Owner, tmp_path: Path) -> None:
    for name in ("Весна 50%.png", "spring_sale.png", "springXsale.png"):
        kept(aziza, name.encode(), name, tmp_path)
    (spring,) = MediaFile.select().where(MediaFile.workspace == aziza.workspace.id, MediaFile.name == "Весна 50%.png")
    library.tag(aziza.workspace.id, spring.public_id, "Акция,  big   sale , акция", **_who(aziza))
    assert _found(aziza) == ["springXsale.png", "spring_sale.png", "Весна 50%.png"], "the newest first"
    assert _found(aziza, "ВЕСНА") == _found(aziza, "акция весна") == ["Весна 50%.png"]
    assert _found(aziza, "spring_") == ["spring_sale.png"] and _found(aziza, "50%.") == ["Весна 50%.png"]
    assert _found(aziza, tag="big sale") == ["Весна 50%.png"] and _found(aziza, tag="big") == []
    assert queries.tags_of(aziza.workspace.id) == ["big sale", "акция"]
    assert _found(owner("Bek", now=NOW)) == []


def test_a_name_whose_letters_a_mac_sent_in_parts_is_found_as_people_type_it(aziza: Owner, tmp_path: Path) -> None:
    apart = unicodedata.normalize("NFD", "Йод ёлка ўрик.png")
    row = kept(aziza, b"one", apart, tmp_path)
    assert row.name == "Йод ёлка ўрик.png" != apart
    assert _found(aziza, "йод") == _found(aziza, unicodedata.normalize("NFD", "ёлка")) == [row.name]
    library.tag(aziza.workspace.id, row.public_id, unicodedata.normalize("NFD", "Ўйин"), **_who(aziza))
    assert _found(aziza, "ўйин") == _found(aziza, tag="ўйин") == [row.name]
    with db.write():  # as rows of before stand
        db.execute("UPDATE media_file SET name = ?, found_by = ? WHERE id = ?", apart, apart.casefold(), row.id)
    assert _found(aziza, "ёлка") == []
    library.tag(aziza.workspace.id, row.public_id, "", **_who(aziza))
    assert _found(aziza, "ёлка") == [apart]


def test_a_name_and_tags_that_are_given_at_the_same_time_are_both_found(
    aziza: Owner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = kept(aziza, b"one", "first.png", tmp_path)
    begun: list[threading.Thread] = []
    real = keeping.search_words

    def tag() -> None:
        library.tag(aziza.workspace.id, row.public_id, "spring", **_who(aziza))
        db.database.close()

    def slow(name: str, tags: str) -> str:
        if not begun:
            begun.append(threading.Thread(target=tag))
            begun[0].start()
            begun[0].join(1)
            assert begun[0].is_alive(), "it waits"
        return real(name, tags)

    monkeypatch.setattr(keeping, "search_words", slow)
    library.rename(aziza.workspace.id, row.public_id, "second.png", **_who(aziza))
    begun[0].join(20)
    assert _found(aziza, "second") == _found(aziza, "spring") == _found(aziza, tag="spring") == ["second.png"]


def test_files_are_found_by_their_kind(aziza: Owner, tmp_path: Path) -> None:
    kept(aziza, picture("PNG"), "a.png", tmp_path)
    kept(aziza, container(b"isom"), "b.mp4", tmp_path)
    assert (_found(aziza, kind="video"), _found(aziza, kind="photo"), _found(aziza, kind="animation")) == (
        ["b.mp4"],
        ["a.png"],
        [],
    )


def test_a_file_that_was_made_of_another_stands_in_no_list(aziza: Owner, tmp_path: Path) -> None:
    first = kept(aziza, picture("PNG"), "a.png", tmp_path)
    made = kept(aziza, picture("PNG", shade=9), "marked.png", tmp_path)
    db.execute("UPDATE media_file SET origin_id = ? WHERE id = ?", first.id, made.id)
    assert _found(aziza) == ["a.png"] and room.used_bytes(aziza.workspace.id) == first.size


@pytest.mark.parametrize("files", [1, 3])
def test_a_page_of_the_library_costs_the_same_whatever_is_on_it(
    aziza: Owner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: int
) -> None:
    for shade in range(files):
        kept(aziza, picture("PNG", shade=shade), "a.png", tmp_path)
    asked: list[str] = []
    real = db.database.obj.execute_sql
    monkeypatch.setattr(db.database.obj, "execute_sql", lambda sql, *given: asked.append(sql) or real(sql, *given))
    page = pages.library_page(
        *(aziza.workspace.id, Wanted()),
        before=None,
        user_id=aziza.user.id,
        most_bytes=1,
        url_of=lambda public_id: f"/media/{public_id}",
        now=NOW,
    )
    assert len(page.tiles) == files and len(asked) == 8


def test_many_files_come_page_by_page_and_none_twice(sign_in: SignIn, tmp_path: Path) -> None:
    who = owner("Aziza", now=clock.utcnow())
    for number in range(queries.ON_A_PAGE + 2):
        kept(who, b"%d" % number, f"file-{number}-", tmp_path)
    client = sign_in(who)
    first = client.get("/media").text
    assert first.count('class="tile-file"') == queries.ON_A_PAGE and "file-2-" in first and "file-1-" not in first
    (older,) = re.findall(r'href="(/media\?before=\d+)">Older ones', first)
    second = client.get(older).text
    assert second.count('class="tile-file"') == 2 and "file-1-" in second and "file-2-" not in second
    assert "Older ones" not in second and ">The newest<" in second


# ---- one file


def test_a_files_page_tells_what_is_known_of_it(sign_in: SignIn, tmp_path: Path) -> None:
    who = owner("Aziza", now=clock.utcnow())
    row = kept(who, picture("PNG", 300, 200), "Весна.png", tmp_path)
    url = _draft_with(who, row, "The sale begins\nand more")
    text = sign_in(who).get(f"/media/{row.public_id}/about").text
    for told in ("Весна.png", "image/png", "300 × 200", row.sha256, "Aziza", "The sale begins", url, "not out yet"):
        assert told in text, told
    assert sign_in(owner("Bek", now=clock.utcnow())).get(f"/media/{row.public_id}/about").status_code == 404


def test_a_name_is_cleaned_and_may_not_be_empty(aziza: Owner, tmp_path: Path) -> None:
    row = kept(aziza, b"x", "a.bin", tmp_path)
    library.rename(aziza.workspace.id, row.public_id, "../Зима.bin", **_who(aziza))
    assert _found(aziza, "зима") == ["Зима.bin"] and _found(aziza, "a.bin") == []
    with pytest.raises(Invalid):
        library.rename(aziza.workspace.id, row.public_id, "  ", **_who(aziza))
    with pytest.raises(NotFound):
        library.rename(owner("Bek", now=NOW).workspace.id, row.public_id, "b", **_who(aziza))
    assert db.row("SELECT action FROM audit_entry WHERE subject = ?", f"media:{row.public_id}") == ("media.renamed",)


def test_a_file_has_ten_tags_at_most_and_they_hold_no_bar(aziza: Owner, tmp_path: Path) -> None:
    row = kept(aziza, b"x", "a.bin", tmp_path)
    library.tag(aziza.workspace.id, row.public_id, "a|b, " + "y" * 99, **_who(aziza))
    assert queries.tags_of(aziza.workspace.id) == ["a b", "y" * 24]
    with pytest.raises(Invalid, match="at most 10 tags"):
        library.tag(aziza.workspace.id, row.public_id, ",".join("abcdefghijk"), **_who(aziza))
    library.tag(aziza.workspace.id, row.public_id, "", **_who(aziza))
    assert queries.tags_of(aziza.workspace.id) == []


def test_what_is_wrong_is_told_beside_its_field(sign_in: SignIn, tmp_path: Path) -> None:
    who = owner("Aziza", now=clock.utcnow())
    url, client = f"/media/{kept(who, b'x', 'a.bin', tmp_path).public_id}", sign_in(who)
    for action, form, words in (
        ("rename", {"name": " "}, "A file needs a name."),
        ("tags", {"tags": ",".join("abcdefghijk")}, "A file has at most 10 tags."),
    ):
        answer = client.post(f"{url}/{action}", data=form)
        assert answer.status_code == 422 and words in answer.text and 'aria-invalid="true"' in answer.text
    assert client.post(f"{url}/rename", data={"name": "b.bin"}).headers["Location"] == f"{url}/about"
    assert client.post(f"{url}/tags", data={"tags": "sale"}).status_code == 303 and _found(who, "sale") == ["b.bin"]


def test_a_file_is_downloaded_under_its_name(sign_in: SignIn, tmp_path: Path) -> None:
    who = owner("Aziza", now=clock.utcnow())
    row = kept(who, picture("PNG"), "a.png", tmp_path)
    given = sign_in(who).get(f"/media/{row.public_id}?download=1")
    assert given.headers["Content-Disposition"] == "attachment; filename=a.png" and given.data == picture("PNG")
    assert tickets.local_file(f"/media/{row.public_id}?download=1")
    for other in ("/media/x", "/media/x/about?download=1", "/posts/x?download=1"):
        with pytest.raises(Invalid):
            tickets.local_file(other)


def test_who_only_reads_has_no_library(sign_in: SignIn, tmp_path: Path) -> None:
    who = owner("Aziza", now=clock.utcnow())
    row = kept(who, b"x", "a.bin", tmp_path)
    reader = people.create_user(name="Reader", timezone="Asia/Tashkent", now=clock.utcnow())
    people.add_member(who.workspace.id, reader.id, Role.ANALYST, now=clock.utcnow())
    client = sign_in(Owner(reader, who.workspace))
    assert client.get("/media").status_code == client.get(f"/media/{row.public_id}/about").status_code == 403
    assert client.post(f"/media/{row.public_id}/trash").status_code == 403
    assert client.post("/media/uploads", headers={"Tus-Resumable": "1.0.0", "Upload-Length": "1"}).status_code == 403


def test_a_plain_form_sends_files_and_says_what_is_wrong(sign_in: SignIn) -> None:
    who = owner("Aziza", plan="free", now=clock.utcnow())
    client = sign_in(who)

    def send(*files: tuple[io.BytesIO, str]) -> Any:
        return client.post("/media", data={"file": list(files)}, content_type="multipart/form-data")

    assert send((io.BytesIO(b"a"), "a.bin"), (io.BytesIO(b"b"), "b.bin")).headers["Location"] == "/media"
    assert _found(who) == ["b.bin", "a.bin"]
    for refused, status, words in ((send(), 422, "Choose a file."), (send((io.BytesIO(), "c.bin")), 422, "is empty")):
        assert refused.status_code == status and words in refused.text
    db.execute("UPDATE media_file SET size = ? WHERE name = 'a.bin'", room.MB * 1000)
    full = send((io.BytesIO(b"c"), "c.bin"))
    assert full.status_code == 429 and "The Free plan keeps 1000 MB of files" in full.text
    assert "1,001 of 1,000 MB are used" in full.text and "More room" in full.text


def test_an_upload_that_waits_is_shown_to_whoever_began_it_and_can_be_given_up(sign_in: SignIn, tmp_path: Path) -> None:
    who = owner("Aziza", now=clock.utcnow())
    upload = uploads.begin(
        *(who.workspace.id, "film.mp4", 2_500_000),
        sha256=None,
        most_bytes=3_000_000,
        data_dir=tmp_path,
        user_id=who.user.id,
        now=clock.utcnow(),
    )
    client, url = sign_in(who), f"/media/uploads/{upload.public_id}/cancel"
    shown = client.get("/media").text
    assert "film.mp4" in shown and "0 KB of 2.5 MB" in shown and url in shown and "3 of 200,000 MB" in shown
    assert sign_in(owner("Bek", now=clock.utcnow())).post(url).status_code == 404
    assert client.post(url).headers["Location"] == "/media" and "film.mp4" not in client.get("/media").text
    assert room.used_bytes(who.workspace.id) == 0 and stored(tmp_path) == []


# ---- the trash


def test_a_file_in_the_trash_is_hidden_and_still_there(aziza: Owner, tmp_path: Path) -> None:
    row = kept(aziza, b"x", "a.bin", tmp_path)
    library.put_in_trash(aziza.workspace.id, row.public_id, USES, **_who(aziza))
    assert (_found(aziza), _found(aziza, is_trash=True)) == ([], ["a.bin"])
    assert queries.file_of(aziza.workspace.id, row.public_id) is not None and room.used_bytes(aziza.workspace.id) == 1
    library.take_back(aziza.workspace.id, row.public_id, **_who(aziza))
    assert (_found(aziza), _found(aziza, is_trash=True)) == (["a.bin"], [])


def test_after_thirty_days_its_bytes_its_name_and_its_copies_are_gone(aziza: Owner, tmp_path: Path) -> None:
    row, other = (kept(aziza, content, "a.bin", tmp_path) for content in (b"x", b"other"))
    made = kept(aziza, b"made of it", "m.bin", tmp_path)
    db.execute("UPDATE media_file SET origin_id = ? WHERE id = ?", row.id, made.id)
    db.execute(
        "INSERT INTO media_copy (media_id, bot_id, workspace_id, state, attempts, wanted_at) VALUES (?, 7, ?, 'ready', 0, ?)",
        *(row.id, aziza.workspace.id, db.stamp(NOW)),
    )
    library.put_in_trash(aziza.workspace.id, row.public_id, USES, **_who(aziza))
    assert library.empty_trash(USES, data_dir=tmp_path, now=NOW + timedelta(days=30)) == 0
    assert library.empty_trash(USES, data_dir=tmp_path, now=LATER) == 1
    assert stored(tmp_path) == [path_of(tmp_path, other.sha256)]
    assert db.row("SELECT name, found_by, tags FROM media_file WHERE id = ?", row.id) == ("", "", "")
    assert db.row("SELECT COUNT(*) FROM media_copy") == (0,) and _found(aziza, is_trash=True) == []
    assert library.empty_trash(USES, data_dir=tmp_path, now=LATER) == 0
    assert kept(aziza, b"x", "again.bin", tmp_path).id != row.id


def test_bytes_that_somebody_else_has_too_stay(aziza: Owner, tmp_path: Path) -> None:
    row = kept(aziza, b"x", "a.bin", tmp_path)
    his = kept(owner("Bek", now=NOW), b"x", "b.bin", tmp_path)
    library.put_in_trash(aziza.workspace.id, row.public_id, USES, **_who(aziza))
    assert library.empty_trash(USES, data_dir=tmp_path, now=LATER) == 1
    assert path_of(tmp_path, his.sha256).exists()


def _draft(who: Owner, news: Channel, file: MediaFile) -> None:
    _draft_with(who, file)


def _scheduled(who: Owner, news: Channel, file: MediaFile) -> None:
    authored.scheduled(who, _with(file), news, at=LATER, now=NOW)


def _held_back(who: Owner, news: Channel, file: MediaFile) -> None:
    _scheduled(who, news, file)
    db.execute("UPDATE due_action SET state = 'blocked'")


def _series(who: Owner, news: Channel, file: MediaFile) -> None:
    _scheduled(who, news, file)
    db.execute("UPDATE due_action SET state = 'cancelled'")
    db.execute("UPDATE authored_post SET state = 'repeated'")


def _out(who: Owner, news: Channel, file: MediaFile) -> None:
    _scheduled(who, news, file)
    db.execute("UPDATE due_action SET state = 'done'")


def _called_off(who: Owner, news: Channel, file: MediaFile) -> None:
    _scheduled(who, news, file)
    db.execute("UPDATE due_action SET state = 'cancelled'")
    db.execute("UPDATE authored_post SET state = 'cancelled'")


def _deleted(who: Owner, news: Channel, file: MediaFile) -> None:
    _draft_with(who, file)
    db.execute("UPDATE authored_post SET deleted_at = ?", db.stamp(NOW))


@pytest.mark.parametrize(
    ("use", "is_needed"),
    [
        (_draft, True),
        (_scheduled, True),
        (_held_back, True),
        (_series, True),
        (_out, False),
        (_called_off, False),
        (_deleted, False),
    ],
)
def test_a_file_that_a_post_still_needs_is_not_put_into_the_trash(
    aziza: Owner, tmp_path: Path, use: Callable[[Owner, Channel, MediaFile], None], is_needed: bool
) -> None:
    news = owned_channel(aziza, "News", telegram_chat_id=-1001, now=NOW)
    authored.may_post(news)
    row, other = (kept(aziza, content, "a.bin", tmp_path) for content in (b"x", b"other"))
    use(aziza, news, row)
    library.put_in_trash(aziza.workspace.id, other.public_id, USES, **_who(aziza))
    if is_needed:
        with pytest.raises(Conflict) as refused:
            library.put_in_trash(aziza.workspace.id, row.public_id, USES, **_who(aziza))
        assert refused.value.code == "in_use" and "a.bin" in _found(aziza)
    else:
        library.put_in_trash(aziza.workspace.id, row.public_id, USES, **_who(aziza))
        assert library.empty_trash(USES, data_dir=tmp_path, now=LATER) == 2


def test_what_came_to_be_needed_in_the_trash_is_not_deleted(aziza: Owner, tmp_path: Path) -> None:
    row = kept(aziza, b"x", "a.bin", tmp_path)
    library.put_in_trash(aziza.workspace.id, row.public_id, USES, **_who(aziza))
    _draft_with(aziza, row)
    assert library.empty_trash(USES, data_dir=tmp_path, now=LATER) == 0 and len(stored(tmp_path)) == 1


def test_without_the_question_the_post_loses_its_file(
    aziza: Owner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library, "_is_needed", lambda *_given: False)
    row = kept(aziza, b"x", "a.bin", tmp_path)
    _draft_with(aziza, row)
    library.put_in_trash(aziza.workspace.id, row.public_id, USES, **_who(aziza))
    assert library.empty_trash(USES, data_dir=tmp_path, now=LATER) == 1
    assert queries.file_of(aziza.workspace.id, row.public_id) is None


def test_bytes_that_come_again_while_the_trash_is_emptied_are_not_lost(
    aziza: Owner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever sends them waits until the trash is empty, and brings them anew."""
    row = kept(aziza, b"x", "a.bin", tmp_path)
    library.put_in_trash(aziza.workspace.id, row.public_id, USES, **_who(aziza))
    begun: list[threading.Thread] = []
    real = store.forget

    def slow(sha256: str, data_dir: Path) -> None:
        def send() -> None:
            kept(aziza, b"x", "again.bin", tmp_path)
            db.database.close()

        begun.append(threading.Thread(target=send))
        begun[0].start()
        begun[0].join(0.3)
        assert begun[0].is_alive(), "it waits"
        real(sha256, data_dir)

    monkeypatch.setattr(store, "forget", slow)
    assert library.empty_trash(USES, data_dir=tmp_path, now=LATER) == 1
    begun[0].join(20)
    assert path_of(tmp_path, row.sha256).read_bytes() == b"x" and _found(aziza) == ["again.bin"]


def test_the_job_ends_what_rests_and_empties_the_trash(aziza: Owner, tmp_path: Path) -> None:
    row = kept(aziza, b"x", "a.bin", tmp_path)
    library.put_in_trash(aziza.workspace.id, row.public_id, USES, user_id=aziza.user.id, now=NOW)
    uploads.begin(
        *(aziza.workspace.id, "b.bin", 5),
        sha256=None,
        most_bytes=5,
        data_dir=tmp_path,
        user_id=aziza.user.id,
        now=NOW,
    )
    assert library_jobs.clean(USES, tmp_path, cache_bytes=0) == {
        "media_upload_expired": 1,
        "media_thumbnails_wanted": 0,
        "media_trash": 1,
        "media_forgotten_again": 0,
        "media_local_copies": 0,
        "media_unnamed": 0,
    }, "it is long after NOW"
    assert retention.sweep(library_jobs.KEPT, now=clock.utcnow()) == {"media_upload": 1}


# ---- into a post


def test_a_file_of_the_library_is_taken_into_a_post_once_and_only_the_workspaces_own(
    sign_in: SignIn, tmp_path: Path
) -> None:
    aziza, bek = (owner(name, now=clock.utcnow()) for name in ("Aziza", "Bek"))
    mine, his = kept(aziza, picture("PNG"), "mine.png", tmp_path), kept(bek, picture("JPEG"), "his.jpg", tmp_path)
    client, url = sign_in(aziza), f"/posts/{ids.public_id()}"
    shown = client.get(f"{url}/library", headers=_for("picker_body")).text
    assert f'data-pick="{mine.public_id}"' in shown and his.public_id not in shown and "<html" not in shown
    assert "No file is like that." in client.get(f"{url}/library?q=nothing", headers=_for("picker_files")).text
    form = {"version": "0", "text": "Words", "pick": [mine.public_id, his.public_id]}
    added = client.post(f"{url}/media/pick", data=form, headers=_for("composer_media")).text
    assert re.findall(r'name="media" value="([\w-]+)"', added) == [mine.public_id]
    (version,) = re.findall(r'name="version" value="(\d+)"', added)
    form = {"version": version, "text": "Words", "media": mine.public_id, "pick": mine.public_id}
    again = client.post(f"{url}/media/pick", data=form, headers=_for("composer_media")).text
    assert again.count('name="media"') == 1


def _for(target: str) -> dict[str, str]:
    return {"HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": f"div#{target}"}


def test_the_composer_says_that_there_is_no_room(sign_in: SignIn, tmp_path: Path) -> None:
    who = owner("Aziza", plan="free", now=clock.utcnow())
    kept(who, b"x", "a.bin", tmp_path)
    db.execute("UPDATE media_file SET size = ?", room.MB * 1000)
    form = {"version": "0", "text": "Words", "file": (io.BytesIO(b"y"), "b.bin")}
    answer = sign_in(who).post(f"/posts/{ids.public_id()}/media", data=form, content_type="multipart/form-data")
    assert (
        answer.status_code == 429 and "The Free plan keeps 1000 MB of files" in answer.text and "Words" in answer.text
    )
