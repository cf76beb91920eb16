"""Files of posts: read whatever program wrote them, judged line by line, scheduled once."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from app.channels.models import Channel
from app.core import db
from app.core.errors import Invalid
from app.posting.planning import csv_file, importing
from app.posting.planning.importing import Checked
from tests.posting.authored import may_post
from tests.posting.planning.test_offers import MONDAY, _rules
from tests.world import Owner, owned_channel, owner

HEAD = "channel,date,time,text"
UPLOAD = "u" * 22


def _check(who: Owner, text: str | bytes, *, upload: str = UPLOAD, is_anyway: bool = False) -> Checked:
    data = text.encode() if isinstance(text, str) else text
    rows = csv_file.rows_of(data)
    zone = "Asia/Tashkent"
    given = {"upload_id": upload, "zone": zone, "is_anyway": is_anyway, "now": MONDAY}
    return importing.check(who.workspace.id, rows, **given)  # type: ignore[arg-type]


def _put_on(who: Owner, checked: Checked) -> int:
    made, left, refused = importing.put_on(who.workspace.id, checked.ready, user_id=who.user.id, now=MONDAY)
    assert (left, refused) == (0, ())
    return made


def _due() -> list[datetime]:
    return [
        db.moment(row[0]) for row in db.rows("SELECT due_at FROM due_action WHERE kind = 'publish' ORDER BY due_at")
    ]


@pytest.mark.parametrize(
    "data",
    [
        f"{HEAD}\n@news,2026-03-05,09:30,Hi",
        "\ufeffchannel;date;time;text\r\nNews;05.03.2026;9:30;Hi\r\n",
        "channel\tdate\ttime\ttext\nhttps://t.me/news\t2026-03-05\t09:30:00\tHi\n",
        "Channel,Date,Time,Text,Button text\n\nnews,2026-03-05,09:30,Hi,\n",
    ],
)
def test_every_way_to_write_a_table_is_read(who: Owner, news: Channel, data: str) -> None:
    checked = _check(who, data)
    assert (checked.wrong, len(checked.ready)) == ((), 1)
    assert _put_on(who, checked) == 1
    assert _due() == [datetime(2026, 3, 5, 9, 30, tzinfo=ZoneInfo("Asia/Tashkent")).astimezone(UTC)]


def test_what_excel_calls_unicode_text_is_read_and_other_letters_are_refused(who: Owner, news: Channel) -> None:
    table = f"{HEAD}\nNews,2026-03-05,09:30,Привет"
    assert len(_check(who, table.encode("utf-16")).ready) == 1
    with pytest.raises(Invalid) as told:
        _check(who, table.encode("cp1251"))
    assert "UTF-8" in told.value.message


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("", "empty"),
        (HEAD, "no posts below"),
        ("channel,date,text\nx,y,z", "missing: time"),
        (f"{HEAD},price\na,b,c,d,e", "Unknown columns: price"),
        (f"{HEAD},text\na,b,c,d,e", "twice"),
        (f'{HEAD}\n@news,2026-03-05,09:30,"open', "quotation mark"),
        (HEAD + "\n@news,2026-03-05,09:30,Hi" * 501, "at most"),
        (b"PK\x03\x04\x00\x00", "no CSV file"),
    ],
)
def test_a_file_that_is_no_such_table_is_refused_whole(who: Owner, data: str | bytes, said: str) -> None:
    with pytest.raises(Invalid) as told:
        _check(who, data)
    assert said in told.value.message or said.replace("at most", "may have") in told.value.message


def test_each_wrong_cell_is_told_by_line_and_column_and_the_right_lines_are_kept(who: Owner, news: Channel) -> None:
    owned_channel(who, "NEWS", telegram_chat_id=-1003, now=MONDAY)
    db.execute("UPDATE chat SET username = NULL WHERE telegram_chat_id = -1003")
    lines = [
        "@news,2026-03-05,09:30,Right,,,,,",
        "@nobody,2026-03-05,09:30,Hi,,,,,",
        "@news,2026-13-05,09:30,Hi,,,,,",
        "@news,31.02.2026,25:00,Hi,,,,,",
        "@news,2026-02-05,09:30,Late,,,,,",
        "@news,2026-03-05,09:30,,,,,,",
        "@news,2026-03-05,09:30,Hi,Only words,,,,",
        "@news,2026-03-05,09:30,Hi,Bad,javascript:x,,,",
        "@news,2026-03-05,09:30,Hi,,,maybe,5,",
        "@news,2026-03-05,09:30,Hi,,,,,Mars/Olympus",
        "@news,2026-03-05,09:30," + "x" * 4097 + ",,,,,",
        "@news,2026-03-29,02:30,Hi,,,,,Europe/Berlin",
        "@news,2026-03-06,09:30,Right too,More,https://a.uz/,yes,24,Europe/Berlin",
    ]
    head = f"{HEAD},button_text,button_url,silent,delete_after_hours,timezone"
    checked = _check(who, "\n".join([head, *lines]))
    assert [one.line for one in checked.ready] == [2, 14] and checked.total == 13
    assert [(one.line, one.column) for one in checked.wrong] == [
        *((3, "channel"), (4, "date"), (5, "date"), (5, "time"), (6, "time"), (7, "text"), (8, "button_url")),
        *((9, "button_url"), (10, "silent"), (10, "delete_after_hours"), (11, "timezone"), (12, "text"), (13, "time")),
    ]
    assert _put_on(who, checked) == 2
    assert db.row("SELECT COUNT(*) FROM due_action WHERE kind = 'delete' AND after_s = 86400") == (1,)


def test_time_in_top_holds_among_the_lines_of_the_file_too(who: Owner, news: Channel) -> None:
    head = f"{HEAD},top_hours"
    alone = _check(who, f"{head}\n@news,2026-03-05,09:30,An ad,2\n@news,2026-03-05,12:30,News,")
    assert not alone.cautions and _put_on(who, alone) == 2
    assert sorted(top for (top,) in db.rows("SELECT COALESCE(top_minutes, 0) FROM post_target")) == [0, 120]
    pushed = _check(who, f"{head}\n@news,2026-03-06,09:30,An ad,2\n@news,2026-03-06,10:30,News,")
    assert any("stay on top" in one.sentence for one in pushed.wrong)
    (wrong,) = _check(who, f"{head}\n@news,2026-03-05,09:30,An ad,5").wrong
    assert wrong.column == "top_hours"


def test_a_title_of_two_channels_asks_for_the_username(who: Owner, news: Channel) -> None:
    twin = owned_channel(who, "news ", telegram_chat_id=-1003, now=MONDAY)
    db.execute("UPDATE chat SET username = NULL")
    (wrong,) = _check(who, f"{HEAD}\nNews,2026-03-05,09:30,Hi").wrong
    assert "Several channels" in wrong.sentence and twin.id


def test_several_channels_stand_in_one_cell_also_with_a_comma_in_a_title(who: Owner, news: Channel) -> None:
    second = owned_channel(who, "Buy, sell", telegram_chat_id=-1002, now=MONDAY)
    may_post(second)
    lines = (
        '"Buy, sell",2026-03-05,09:30,One',
        '"@news|Buy, sell",2026-03-05,11:30,Two',
        '"@news;@news",2026-03-06,9:30,Three',
    )
    checked = _check(who, "\n".join([HEAD, lines[0], lines[2]]))
    assert [len(one.draft.channels) for one in checked.ready] == [1, 1] and not checked.wrong


def test_sending_it_twice_schedules_it_once_and_a_mended_file_adds_the_rest(who: Owner, news: Channel) -> None:
    right, same = "@news,2026-03-05,09:30,Right", "@news,2026-03-05,11:30,Same"
    first = _check(who, "\n".join([HEAD, right, same, same, "@news,soon,09:30,Wrong"]))
    assert _put_on(who, first) == 3 and _put_on(who, first) == 0
    mended = _check(who, "\n".join([HEAD, "@news,2026-03-07,09:30,Wrong", same, right, same]))
    assert [one.is_known for one in mended.ready] == [False, True, True, True]
    assert _put_on(who, mended) == 1 and len(_due()) == 4


def test_without_the_upload_in_the_ids_pressing_twice_would_double_the_posts(who: Owner, news: Channel) -> None:
    """The harm: two uploads of one file are two wishes."""
    table = f"{HEAD}\n@news,2026-03-05,09:30,Right"
    assert _put_on(who, _check(who, table)) == 1
    assert _put_on(who, _check(who, table, upload="v" * 22)) == 1
    assert len(_due()) == 2


def test_quiet_hours_are_an_error_until_somebody_says_anyway_and_near_lines_are_told(who: Owner, news: Channel) -> None:
    _rules(who, news, blackout=[("22:00", "07:00")])
    table = f"{HEAD}\n@news,2026-03-05,23:00,Night\n@news,2026-03-05,09:30,One\n@news,2026-03-05,09:50,Two"
    checked = _check(who, table)
    assert [(one.line, one.column) for one in checked.wrong] == [(2, "time")] and len(checked.ready) == 2
    assert [one.line for one in checked.cautions] == [4]
    checked = _check(who, table, is_anyway=True)
    assert checked.wrong == () and {one.line for one in checked.cautions} == {2, 4}


def test_a_channel_of_somebody_else_is_not_found(who: Owner, news: Channel) -> None:
    bek = owner("Bek", now=MONDAY)
    assert [one.column for one in _check(bek, f"{HEAD}\n@news,2026-03-05,09:30,Hi").wrong] == ["channel"]


def test_a_long_file_is_scheduled_in_steps(who: Owner, news: Channel) -> None:
    table = "\n".join([HEAD, *(f"@news,2026-03-05,09:{minute:02},Post {minute}" for minute in range(5))])
    steps = []
    for _ in range(4):
        given = {"most": 2, "user_id": who.user.id, "now": MONDAY}
        steps.append(importing.put_on(who.workspace.id, _check(who, table).ready, **given)[:2])  # type: ignore[arg-type]
    assert steps == [(2, 3), (2, 1), (1, 0), (0, 0)] and len(_due()) == 5


def test_the_sample_is_a_file_that_can_be_sent(who: Owner, news: Channel) -> None:
    db.execute("UPDATE chat SET username = 'your_channel'")
    second = owned_channel(who, "Second channel", telegram_chat_id=-1002, now=MONDAY)
    may_post(second)
    sample = Path(__file__).parents[3] / "static/samples/posts.csv"
    checked = _check(who, sample.read_bytes())
    assert (len(checked.ready), checked.wrong) == (2, ())
