"""What a watermark's form offers when the library holds more than it shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.boot import Runtime
from app.core import db
from app.media import mark_pages
from app.media.mark_pages import MarkPage
from app.media.models import MediaFile
from app.media.service import library, watermarks
from app.media.service.watermarks import Typed
from tests.conftest import NOW
from tests.media.files import kept, picture
from tests.world import Owner, owner


@pytest.fixture
def aziza(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> Owner:
    monkeypatch.setattr(mark_pages, "_MOST_OFFERED", 2)
    return owner("Aziza", plan="pro", now=NOW)


def _pictures(who: Owner, folder: Path, *names: str) -> list[MediaFile]:
    return [kept(who, picture("PNG", shade=n), name, folder) for n, name in enumerate(names)]


def _shown(who: Owner, public_id: str, *, typed: Typed | None = None, tried: str = "", words: str = "") -> MarkPage:
    return mark_pages.mark_page(
        *(who.workspace.id, public_id, typed),
        tried=tried,
        words=words,
        may_change=True,
        errors={},
        url_of=lambda file: f"/media/{file}",
    )


def test_the_logo_and_the_file_that_is_tried_are_offered_however_old(aziza: Owner, tmp_path: Path) -> None:
    logo, old, *_ = _pictures(aziza, tmp_path, "logo.png", "old.png", "c.png", "d.png", "e.png")
    typed = Typed(name="L", kind="logo", logo=logo.public_id)
    row = watermarks.save(aziza.workspace.id, None, typed, user_id=aziza.user.id, now=NOW)
    page = _shown(aziza, row.public_id, tried=old.public_id)
    assert [one.title for one in page.logos] == ["logo.png", "e.png"]
    assert [one.title for one in page.files] == ["old.png", "e.png"]
    assert [one.title for one in _shown(aziza, "").logos] == ["e.png", "d.png"]
    assert [one.title for one in _shown(aziza, "", typed=typed).logos] == ["logo.png", "e.png"], "as it was typed"
    watermarks.save(aziza.workspace.id, row.public_id, page.typed, user_id=aziza.user.id, now=NOW)


def test_the_file_to_try_it_on_is_found_however_old(aziza: Owner, tmp_path: Path) -> None:
    typed = Typed(name="L", text="@mine")
    row = watermarks.save(aziza.workspace.id, None, typed, user_id=aziza.user.id, now=NOW)
    bek = kept(owner("Bek", now=NOW), picture("PNG", shade=90), "Summer of Bek.png", tmp_path)
    old, tagged, trashed, *_ = _pictures(aziza, tmp_path, "Ёлка Summer.png", "b.png", "summer3.png", "d.png", "e.png")
    kept(aziza, b"%PDF-1.4 summer", "summer.pdf", tmp_path)
    library.tag(aziza.workspace.id, tagged.public_id, "summer", user_id=aziza.user.id, now=NOW)
    db.execute("UPDATE media_file SET trashed_at = ? WHERE id = ?", db.stamp(NOW), trashed.id)
    assert _shown(aziza, row.public_id).has_more
    found = _shown(aziza, row.public_id, words="SUMMER")
    assert [one.public_id for one in found.files] == [
        tagged.public_id,
        old.public_id,
    ] and bek.workspace != old.workspace
    assert [one.title for one in _shown(aziza, row.public_id, words="summer ёлка").files] == ["Ёлка Summer.png"]
    assert _shown(aziza, row.public_id, words="100%").files == ()


def test_a_logo_of_a_stranger_or_in_the_trash_is_not_offered(aziza: Owner, tmp_path: Path) -> None:
    theirs = kept(owner("Bek", now=NOW), picture("PNG", shade=9), "theirs.png", tmp_path)
    trashed, *_ = _pictures(aziza, tmp_path, "trashed.png", "b.png", "c.png")
    with db.write():
        db.execute("UPDATE media_file SET trashed_at = ? WHERE id = ?", db.stamp(NOW), trashed.id)
    for chosen in (theirs.public_id, trashed.public_id):
        page = _shown(aziza, "", typed=Typed(kind="logo", logo=chosen))
        assert [one.title for one in page.logos] == ["c.png", "b.png"]
