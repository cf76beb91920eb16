"""Pages: who sees what, what every number carries, and that page, CSV, API and recount agree."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from datetime import timedelta

from flask import Flask
from flask.testing import FlaskClient

from app.accounts.service import keys, people
from app.analytics import build
from app.analytics.periods import Span
from app.channels.models import Channel
from app.core import clock, db
from app.core.policy import Role
from tests.world import Owner, owned_channel, owner, read_posts

SignIn = Callable[[Owner], FlaskClient]


def _plain(html: str) -> str:
    """A page without what each answer makes anew: the form token and ages in seconds."""
    html = re.sub(r'(name="csrf-token" content|name="csrf_token" value)="[^"]*"', "", html)
    return re.sub(r'data-age-s="\d+"', "", html)


def _aziza_with_channel(name: str = "Aziza", chat: int = -1001) -> tuple[Owner, str]:
    now = clock.utcnow()
    who = owner(name, now=now)
    channel = owned_channel(who, f"News{abs(chat)}", telegram_chat_id=chat, now=now)
    read_posts(channel, posts=12, now=now)
    return who, channel.public_id


def test_the_same_number_in_page_csv_api_and_recount(app: Flask, sign_in: SignIn) -> None:
    who, public_id = _aziza_with_channel()
    client = sign_in(who)
    page = client.get(f"/channels/{public_id}?days=7").text
    table = list(csv.DictReader(io.StringIO(client.get("/network.csv?days=7").text)))
    secret = keys.create(who.workspace.id, user_id=who.user.id, name="k", now=clock.utcnow())
    api = client.get("/api/v1/channels", headers={"Authorization": f"Bearer {secret}"}).json["channels"][0]
    (views, posts) = db.row("SELECT SUM(views), COUNT(*) FROM post_stat") or (0, 0)
    raw = db.row(
        "SELECT SUM(r.views) FROM reading r JOIN (SELECT post_id, MAX(observed_at) AS last FROM reading GROUP BY post_id)"
        " m ON m.post_id = r.post_id AND m.last = r.observed_at"
    )
    assert raw is not None and int(raw[0]) == int(views) > 0
    assert int(table[0]["subscribers"]) == api["subscribers"]["value"] == 1040
    assert 'value="1040"' in page
    assert int(table[0]["posts"]) == api["posts"]["value"] == int(posts) == 12
    assert float(table[0]["reach"]) == api["reach"]["value"] == int(views) / 12
    assert build.totals(who.workspace.id)[0]["views_latest_sum"] == int(views)
    assert table[0]["views_source"] == "preview_page" and table[0]["views_precision"] == "exact"


def test_the_period_figures_equal_a_hand_count(app: Flask, sign_in: SignIn) -> None:
    who, _ = _aziza_with_channel()
    total = sum(150 * n for n in range(1, 13))
    built = build.network_page(
        who.workspace.id, "x", timezone="Asia/Tashkent", span=Span(7), is_demo=False, now=clock.utcnow()
    )
    assert built.totals["views"].value == total == sum(p.value or 0 for p in built.views_by_day)
    growth = built.totals["subscribers"].delta
    assert growth is not None and growth.value == 40
    assert built.shares[0] == 100.0


def test_a_stranger_and_a_missing_object_answer_alike(app: Flask, sign_in: SignIn) -> None:
    _, public_id = _aziza_with_channel()
    stranger = sign_in(owner("Bek", now=clock.utcnow()))
    paths = ("/channels/{}", "/channels/{}/posts.csv", "/channels/{}/posts/1", "/channels/{}/posts/1.csv")
    for path in paths:
        theirs, missing = stranger.get(path.format(public_id)), stranger.get(path.format("A" * 22))
        assert (theirs.status_code, _plain(theirs.text)) == (missing.status_code, _plain(missing.text))
        assert theirs.status_code == 404
    theirs, missing = (stranger.post(f"/channels/{i}/disconnect") for i in (public_id, "A" * 22))
    assert (theirs.status_code, _plain(theirs.text)) == (404, _plain(missing.text))


def test_a_client_sees_and_may_not_manage(app: Flask, sign_in: SignIn) -> None:
    who, public_id = _aziza_with_channel()
    guest = owner("Guest", now=clock.utcnow())
    people.add_member(who.workspace.id, guest.user.id, Role.CLIENT, now=clock.utcnow())
    client = sign_in(Owner(guest.user, who.workspace))
    assert client.get(f"/channels/{public_id}").status_code == 200
    assert client.post(f"/channels/{public_id}/disconnect").status_code == 403
    assert client.get("/settings/api-keys").status_code == 403


def test_nobody_sees_anything_without_signing_in(app: Flask) -> None:
    client = app.test_client()
    for path in ("/network", "/network.csv", "/channels/connect", "/settings/api-keys", "/channels/x"):
        answer = client.get(path)
        assert answer.status_code == 303 and answer.headers["Location"] == "/login", path
    assert client.get("/api/v1/channels").status_code == 401
    expired = client.get("/network", headers={"HX-Request": "true"})
    assert (expired.status_code, expired.headers["HX-Redirect"]) == (401, "/login/expired")


def test_a_fragment_is_a_block_of_its_page(app: Flask, sign_in: SignIn) -> None:
    who, public_id = _aziza_with_channel()
    headers = {"HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": "section#posts_table"}
    client = sign_in(who)
    block = client.get(f"/channels/{public_id}/posts?sort=views", headers=headers)
    whole = client.get(f"/channels/{public_id}/posts?sort=views").text
    assert block.text.lstrip().startswith('<section id="posts_table"')
    assert _plain(block.text).strip() in _plain(whole)
    assert {"HX-Request", "HX-Target"} <= set(block.headers["Vary"].split(", "))


def test_unchanged_data_answer_304_and_a_new_reading_does_not(app: Flask, sign_in: SignIn) -> None:
    who, public_id = _aziza_with_channel()
    client = sign_in(who)
    tag = client.get("/network").headers["ETag"]
    answers = [client.get("/network", headers={"If-None-Match": tag}).status_code for _ in range(2)]
    assert 304 in answers or client.get("/network").headers["ETag"] != tag  # the minute may turn between
    found = db.row("SELECT chat_id FROM channel WHERE public_id = ?", public_id)
    assert found is not None
    channel = Channel.get(Channel.workspace == who.workspace.id, Channel.public_id == public_id)
    read_posts(channel, posts=1, first_id=40, now=clock.utcnow())
    assert client.get("/network", headers={"If-None-Match": tag}).status_code == 200


def test_every_number_carries_its_source(app: Flask, sign_in: SignIn) -> None:
    who, public_id = _aziza_with_channel()
    client = sign_in(who)
    for path in ("/network", f"/channels/{public_id}", f"/channels/{public_id}/posts/3"):
        figures = re.findall(r"<data [^>]*>", client.get(path).text)
        assert figures
        for figure in figures:
            if 'data-source="none"' in figure:
                assert 'value=""' in figure
                continue
            assert re.search(r'data-source="[a-z_,]+"', figure), figure
            assert re.search(r'data-precision="(exact|rounded|mixed)"', figure), figure
            assert re.search(r'data-readings="[1-9]\d*"', figure), figure
            assert "data-age-s=" in figure, figure


def test_a_channel_nobody_reads_shows_no_source_and_no_number(app: Flask, sign_in: SignIn) -> None:
    now = clock.utcnow()
    who = owner("Aziza", now=now)
    channel = owned_channel(who, "Silent", telegram_chat_id=-1009, now=now)
    for path in ("/network", f"/channels/{channel.public_id}"):
        text = sign_in(who).get(path).text
        known = [f for f in re.findall(r"<data [^>]*>", text) if 'data-source="none"' not in f]
        assert all('data-source="workspace"' in f for f in known)
        assert "no source" in text


def test_old_numbers_say_so(app: Flask, sign_in: SignIn) -> None:
    old = clock.utcnow() - timedelta(days=400)
    who = owner("Aziza", now=old)
    read_posts(owned_channel(who, "Old", telegram_chat_id=-1008, now=old), posts=3, now=old)
    assert "Numbers end at the last reading" in sign_in(who).get("/network").text


def test_bad_input_gets_a_clear_error(app: Flask, sign_in: SignIn) -> None:
    who, public_id = _aziza_with_channel()
    client = sign_in(who)
    assert client.get("/network?days=31").status_code == 422
    for odd in (
        "from=2026-02-01",
        "from=2026-02-30&to=2026-03-01",
        "from=2026-03-02&to=2026-03-01",
        "from=2014-01-01&to=2026-01-01",
    ):
        assert client.get(f"/network?{odd}").status_code == 422, odd
    asked = {"HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": "div#page_body"}
    refused = client.get("/network?from=2026-03-02&to=2026-03-01", headers=asked)
    told = [refused.headers.get(name) for name in ("HX-Reswap", "HX-Push-Url")]
    assert (refused.status_code, told) == (422, ["none", "false"]), "the page and its address stay"
    assert client.get(f"/channels/{public_id}/posts?sort=drop").status_code == 422
    assert client.get(f"/channels/{public_id}/posts?show=nonsense").status_code == 422
    assert client.get(f"/channels/{public_id}/posts/999").status_code == 404
    for text in ("²", "9" * 30, "9" * 5000, "-1", "1e3", ""):
        assert client.get("/network", query_string={"days": text}).status_code == 422
        assert client.get(f"/channels/{public_id}/posts", query_string={"offset": text}).status_code == 422
        assert client.get(f"/channels/{public_id}/posts/{text or 'x'}").status_code == 404
    assert client.post("/hooks/telegram/" + "9" * 30).status_code == 401
    assert "Our mistake" not in client.put("/network").text
    wrong = client.post("/channels/watch", data={"username": "not a name!"})
    assert wrong.status_code == 422 and "public name" in wrong.text


def test_a_watched_channel_joins_the_list_and_its_collection_begins(app: Flask, sign_in: SignIn) -> None:
    who = owner("Aziza", now=clock.utcnow())
    client = sign_in(who)
    assert client.post("/channels/watch", data={"username": "https://t.me/durov"}).status_code == 303
    assert db.row("SELECT COUNT(*) FROM preview_watch") == (1,)
    assert "durov" in client.get("/watchlist").text
    assert client.post("/channels/watch", data={"username": "@Durov"}).status_code == 303
    assert db.row("SELECT COUNT(*) FROM channel") == (1,)


def test_headers_stand_on_every_answer(app: Flask) -> None:
    client = app.test_client()
    for path in ("/login", "/healthz", "/nothing", "/twa"):
        headers = client.get(path).headers
        assert ("script-src" in headers["Content-Security-Policy"]) == (path == "/twa"), (
            "Telegram's own script, there only"
        )
        assert "'unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
    assert "frame-ancestors 'none'" in client.get("/login").headers["Content-Security-Policy"]
    assert "web.telegram.org" in client.get("/twa").headers["Content-Security-Policy"]


def test_csv_cells_of_people_are_no_formulas(app: Flask, sign_in: SignIn) -> None:
    now = clock.utcnow()
    who = owner("Aziza", now=now)
    owned_channel(who, "=cmd|'/c calc'!A1", telegram_chat_id=-1007, now=now)
    assert "'=cmd" in sign_in(who).get("/network.csv").text
