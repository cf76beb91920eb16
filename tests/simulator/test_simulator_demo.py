"""The demo's past: deterministic, calibrated, equal on page and export; and the preview pages."""

import base64
import csv
import json
import statistics
import time
from collections import defaultdict
from pathlib import Path

import pytest
from selectolax.lexbor import LexborHTMLParser as HTMLParser
from selectolax.lexbor import LexborNode as Node

from tests.simulator.conftest import DEMO_START
from tests.simulator.process import OWNER_ID, SimulatorProcess

MEASURED = {1: 11, 4: 26, 8: 31, 24: 41, 48: 50, 72: 56, 168: 75, 336: 90}
HOUR = 3600
Curves = dict[tuple[str, str], list[tuple[str, str, int]]]


@pytest.fixture(scope="module")
def export(demo: SimulatorProcess) -> str:
    return demo.get("/_control/export/view_readings.csv").text


@pytest.fixture(scope="module")
def curves(export: str) -> Curves:
    found: Curves = defaultdict(list)
    for row in csv.DictReader(export.splitlines()):
        key = (row["channel"], row["message_id"])
        found[key].append((row["posted_at"], row["snapshot_at"], int(row["views"])))
    return found


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path, demo: SimulatorProcess, export: str) -> None:
    started = time.monotonic()
    arguments = ("--start", DEMO_START, "--rate", "0")
    with SimulatorProcess(tmp_path / "again", *arguments, scenario="demo") as again:
        assert time.monotonic() - started < 8
        assert again.get("/_control/export/view_readings.csv").text == export
        path = "/_control/export/subscribers.csv"
        assert again.get(path).text == demo.get(path).text


def test_ageing_follows_the_measured_quantiles(curves: Curves) -> None:
    full = [[views for _, _, views in readings] for readings in curves.values() if len(readings) == 17]
    assert len(full) > 2000
    columns = (0.25, 0.5, 1, 2, 4, 8, 12, 24, 36, 48, 72, 120, 168, 240, 336, 504, 720)
    for hours, share in MEASURED.items():
        index = columns.index(hours)
        measured = statistics.median(views[index] / views[-1] for views in full) * 100
        assert measured == pytest.approx(share, abs=1.5), f"{hours} h"
    day = sorted(views[7] / views[-1] * 100 for views in full)
    assert day[len(day) // 10] == pytest.approx(28, abs=3)
    assert day[len(day) * 9 // 10] == pytest.approx(54, abs=3)


def test_views_never_fall(curves: Curves) -> None:
    for readings in curves.values():
        views = [value for _, _, value in readings]
        assert views == sorted(views)


def test_the_attack_and_the_purge_are_in_the_series(demo: SimulatorProcess) -> None:
    rows = csv.DictReader(demo.get("/_control/export/subscribers.csv", chat="simulated_uz_news").text.splitlines())
    values = [int(row["subscribers"]) for row in rows]
    steps = [after - before for before, after in zip(values, values[1:], strict=False)]
    assert max(steps) > 800 and min(steps) < -5000
    events = {event["kind"] for event in demo.state_now()["events"]}
    assert events == {"bot_attack", "platform_purge", "viral_post", "ad_unsubscribe_wave"}


def test_state_names_the_demo(demo: SimulatorProcess) -> None:
    state = demo.state_now()
    assert {c["username"] for c in state["channels"]} == {
        "simulated_uz_news",
        "simulated_ru_it",
        "simulated_en_startup",
        "simulated_new_channel",
    }
    assert all(c["title"].endswith("(simulated)") for c in state["channels"])
    assert demo.channel("simulated_uz_news")["subscribers"] == 48213


def shown(text: str) -> float:
    factor = {"K": 1e3, "M": 1e6}.get(text[-1], 1)
    return float(text.rstrip("KM")) * factor


def bubble(node: Node) -> int:
    return int(str(node.attributes["data-post"]).split("/")[1])


def test_page_and_truth_agree_on_every_page(demo: SimulatorProcess) -> None:
    channel = demo.channel("simulated_ru_it")
    truth = {post["message_id"]: post for post in channel["posts"]}
    seen: set[int] = set()
    path, pages = "/s/simulated_ru_it", 0
    while path and pages < 60:
        tree = HTMLParser(demo.get(path).text)
        for node in tree.css(".tgme_widget_message"):
            number = bubble(node)
            post = truth[number]
            seen.add(number)
            views = node.css_first(".tgme_widget_message_views")
            if views is None:
                assert post["service"]
                continue
            assert shown(views.text()) == pytest.approx(post["views"], rel=0.0051, abs=0.1)
            meta = node.css_first(".tgme_widget_message_meta").text()
            assert ("edited" in meta) == (post["edited_at"] is not None)
        link = tree.css_first('link[rel="prev"]')
        path, pages = (str(link.attributes["href"]) if link else ""), pages + 1
    firsts, groups = set(), set()
    for number, post in truth.items():
        if post["media_group_id"] not in groups or post["media_group_id"] is None:
            firsts.add(number)
        groups.add(post["media_group_id"])
    assert seen == firsts


def test_the_export_meets_the_page_when_a_reading_is_due(sim: SimulatorProcess) -> None:
    sim.control("clock", rate=0, now=DEMO_START)
    sim.control("post", chat="news", text="x", views_30d=900)
    for age in (900, 900, 1800):
        sim.control("clock", advance_s=age)
        last = list(csv.DictReader(sim.get("/_control/export/view_readings.csv").text.splitlines()))[-1]
        page = HTMLParser(sim.get("/s/news").text).css_first(".tgme_widget_message_views").text()
        assert last["views"] == page
    sim.control("view", chat="news", message_id=1, views=5000)
    assert ">5K<" in sim.get("/s/news").text


def test_ids_stand_in_data_view_as_on_the_real_page(sim: SimulatorProcess) -> None:
    chat_id = sim.channel("news")["chat_id"]
    sim.control("post", chat="news", text="x")
    node = HTMLParser(sim.get("/s/news").text).css_first(".tgme_widget_message")
    raw = str(node.attributes["data-view"])
    doc = json.loads(base64.urlsafe_b64decode(raw + "=" * (-len(raw) % 4)))
    assert str(chat_id) == "-100" + str(-doc["c"]) and doc["c"] < 0 and doc["p"] == 1


def test_media_reactions_albums_and_service_posts_have_telegrams_classes(sim: SimulatorProcess) -> None:
    for media in ("photo", "video", "animation", "document", "voice", "sticker", "poll"):
        sim.control("post", chat="news", media=media)
    sim.control("post", chat="news", text="album", album=3)
    sim.control("post", chat="news", service="photo")
    reactions = [
        {"emoji": "👍", "count": 1580},
        {"custom_emoji_id": "5368324170671202286", "count": 12},
        {"paid": True, "count": 4},
    ]
    sim.control("react", chat="news", message_id=1, reactions=reactions)
    page = sim.get("/s/news").text
    for part in ("photo_wrap", "video_player", "document_wrap", "voice_player", "sticker_wrap", "poll", "grouped_wrap"):
        assert f"tgme_widget_message_{part}" in page
    assert page.count("grouped_media_wrap") == 3 and page.count("service_message") == 1
    first = HTMLParser(page).css_first(".tgme_widget_message_reactions")
    assert [node.text() for node in first.css(".tgme_reaction")] == ["👍1.58K", "12", "4"]
    assert first.css_first("tg-emoji").attributes["emoji-id"] == "5368324170671202286"
    assert first.css_first(".tgme_reaction_paid") is not None


def test_a_channel_without_preview_redirects(sim: SimulatorProcess) -> None:
    sim.control("channels", username="closed", title="Closed", owner_id=OWNER_ID, subscribers=12345, preview=False)
    answer = sim.get("/s/closed")
    assert (answer.status_code, answer.headers["location"]) == (302, "/closed")
    assert "12 345 subscribers" in sim.get("/closed").text


def test_the_phone_page_adds_the_bot(demo: SimulatorProcess, sim: SimulatorProcess) -> None:
    chat = sim.control("channels", username="fresh", title="Fresh", owner_id=OWNER_ID, subscribers=3)["chat_id"]
    page = sim.get("/", chat=chat).text
    assert "Add AnalyticBot as administrator" in page and "nothing here is real" in page
    assert "<style" not in page and " style=" not in page and "<script>" not in page
    form = {"chat": str(chat), "user_id": str(OWNER_ID), "back_chat": str(chat)}
    assert sim.http.post(f"{sim.url}/_phone/add_bot", data=form).status_code == 303
    assert "my_chat_member" in sim.api("getUpdates")["result"][-1]


def test_recorded_data_is_replayed_by_the_clock(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "view_snapshots.csv").write_text(
        "channel,post_uid,message_id,posted_at,snapshot_at,age_hours,views,reactions\n"
        "rec,7,,2025-01-01T00:00:00Z,2025-01-01T01:00:00Z,1,100,2\n"
        "rec,7,,2025-01-01T00:00:00Z,2025-01-01T05:00:00Z,5,250,4\n"
    )
    (folder / "subscribers.csv").write_text("channel,observed_at,subscribers\nrec,2025-01-01T00:00:00Z,1400\n")
    with SimulatorProcess(tmp_path / "s", "--replay", str(folder), "--rate", "0") as sim:
        views = []
        for now in ("2025-01-01T00:30:00Z", "2025-01-01T02:00:00Z", "2025-01-01T06:00:00Z"):
            sim.control("clock", now=now)
            views.append(HTMLParser(sim.get("/s/rec").text).css_first(".tgme_widget_message_views").text())
        assert views == ["0", "100", "250"]
        before = sim.state_now()
        assert before["channels"][0]["subscribers"] == 1400
        sim.kill()
        assert sim.start().state_now()["channels"] == before["channels"], "a restart goes on where the clock was"
