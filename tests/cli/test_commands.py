"""The operator's command, as an operator types it: what it prints, with which exit code it ends, what it changed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from app.cli import main
from app.core import clock, db, leases
from deploy import local
from tests.simulator.process import SimulatorProcess

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "tests/readings/collectors/fixtures/every_kind_2026.html"
HEAD = "channel,post_uid,message_id,posted_at,snapshot_at,views,reactions\n"
ROWS = (
    "News1,1,1,2025-01-01T10:00:00Z,2025-01-01T12:00:00Z,20,2\n"
    "News1,1,1,2025-01-01T10:00:00Z,2025-01-02T12:00:00Z,40,3\n"
    "News1,2,2,2025-01-01T11:00:00Z,2025-01-02T12:00:00Z,5,0\n"
    "News2,1,1,2025-01-01T10:00:00Z,2025-01-02T12:00:00Z,7,0\n"
)


@dataclass(frozen=True)
class Said:
    """What a command said."""

    code: int
    text: str


Command = Callable[..., Said]


@pytest.fixture
def environment(bare_database_url: str, tmp_path: Path) -> dict[str, str]:
    return {"DATABASE_URL": bare_database_url, "DATA_DIR": str(tmp_path), "DEMO": "true", "APP_ENV": "development"}


@pytest.fixture
def run(environment: dict[str, str]) -> Iterator[Command]:
    """`run("db", "status")` inside this process."""

    def command(*arguments: str, **settings: str) -> Said:
        done = CliRunner().invoke(main, list(arguments), env={**environment, **settings}, catch_exceptions=False)
        return Said(done.exit_code, done.output)

    yield command
    if not db.database.is_closed():
        db.database.close()


@pytest.fixture
def spawn(environment: dict[str, str]) -> Command:
    """The same in a process of its own: for the commands that give their processor time away."""

    def command(*arguments: str) -> Said:
        done = subprocess.run(
            [sys.executable, "-m", "app.cli", *arguments],
            env={**os.environ, **environment},
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=120,
        )
        return Said(done.returncode, done.stdout + done.stderr)

    return command


def test_the_schema_is_pending_then_at_head_then_found_to_differ(run: Command) -> None:
    before = run("db", "status")
    assert before.code == 1 and "pending 0001_first_tables" in before.text
    assert run("doctor").text.startswith("FAIL schema: run `analyticbot db up`")
    assert "applied 0001_first_tables" in run("db", "up").text
    assert run("db", "up").text == "the schema is at head\n"
    assert run("db", "status") == Said(0, "the schema is at head\n")
    assert run("db", "diff") == Said(0, "the schema matches the models\n")
    db.execute("ALTER TABLE gauge ADD COLUMN stray INTEGER")
    assert run("db", "diff").code == 1


def test_the_doctor_is_content_when_every_process_was_heard(run: Command) -> None:
    run("db", "up")
    silent = run("doctor")
    assert silent.code == 1 and "FAIL worker: never heard" in silent.text
    for process in ("worker", "jobs", "bot"):
        leases.beat(process, now=clock.utcnow())
    well = run("doctor")
    assert well.code == 0 and "FAIL" not in well.text
    assert "note for production: " in well.text


def test_recorded_data_comes_in_once_and_every_total_is_its_sum(run: Command, spawn: Command, tmp_path: Path) -> None:
    file = tmp_path / "readings.csv"
    file.write_text(HEAD + ROWS)
    run("db", "up")
    unknown = spawn("import", "view-readings", str(file), "--workspace", "Mine")
    assert unknown.code == 2 and unknown.text.startswith("Error: There is no workspace named “Mine”")
    first = spawn("import", "view-readings", str(file), "--workspace", "Mine", "--create")
    assert first.code == 0 and "2 channels, 4 rows read" in first.text and "4 new readings" in first.text
    assert "0 new readings" in spawn("import", "view-readings", str(file), "--workspace", "Mine").text
    found = json.loads(run("analytics", "totals", "--workspace", "Mine").text)
    assert [(one["channel"], one["posts"], one["views_latest_sum"]) for one in found] == [
        ("News1", 2, 45),
        ("News2", 1, 7),
    ]


def test_a_bad_file_is_refused_with_its_line(run: Command, spawn: Command, tmp_path: Path) -> None:
    file = tmp_path / "readings.csv"
    file.write_text(HEAD + ROWS + "News1,3,3,no time,2025-01-02T12:00:00Z,5,0\n")
    run("db", "up")
    said = spawn("import", "view-readings", str(file), "--workspace", "Mine", "--create")
    assert said.code == 2 and "Error: " in said.text and "line 6" in said.text
    assert db.row("SELECT COUNT(*) FROM reading") == (0,)


def test_a_desktop_export_brings_posts_and_reactions_and_says_that_it_holds_no_views(
    run: Command, spawn: Command, tmp_path: Path
) -> None:
    message = {"id": 4, "type": "message", "date": "2025-01-01T10:00:00", "date_unixtime": "1735725600", "text": "Hi"}
    reacted = message | {"id": 5, "reactions": [{"type": "emoji", "count": 3, "emoji": "👍"}]}
    export = {"name": "Old news", "type": "public_channel", "id": 1234567890, "messages": [message, reacted]}
    file, readings = tmp_path / "result.json", tmp_path / "readings.csv"
    file.write_text(json.dumps(export))
    readings.write_text(HEAD + ROWS)
    run("db", "up")
    spawn("import", "view-readings", str(readings), "--workspace", "Mine", "--create")
    said = spawn("import", "desktop-export", str(file), "--workspace", "Mine")
    assert said.code == 0 and said.text.startswith("Old news: 2 posts, 2 new reaction readings.")
    assert "no views" in said.text
    totals = {one["channel"]: one for one in json.loads(run("analytics", "totals", "--workspace", "Mine").text)}
    assert totals["Old news"]["views_latest_sum"] == 0


def test_a_harmed_rollup_is_found_and_rebuilt(run: Command, spawn: Command, tmp_path: Path) -> None:
    file = tmp_path / "readings.csv"
    file.write_text(HEAD + ROWS)
    run("db", "up")
    spawn("import", "view-readings", str(file), "--workspace", "Mine", "--create")
    whole = spawn("analytics", "check")
    assert whole.code == 0 and ", 0 differences" in whole.text
    db.execute("UPDATE post_stat SET views = views + 1")
    harmed = spawn("analytics", "check")
    assert harmed.code == 1 and "'post_stat'" in harmed.text
    assert spawn("analytics", "rebuild").text == "rebuilt 2 feeds\n"
    assert spawn("analytics", "check").code == 0


def test_a_superadmin_is_made_recorded_and_the_record_holds_until_somebody_edits_it(run: Command) -> None:
    run("db", "up")
    made = run("user", "create-superadmin", "Root", "--telegram-id", "42")
    assert made.code == 0 and made.text.startswith("created ")
    assert db.rows('SELECT name, telegram_user_id, is_superadmin FROM "user"') == [("Root", 42, True)]
    assert run("audit", "verify") == Said(0, "1 records read, 0 broken chains\n")
    assert run("audit", "anchor").text == "anchored 1 chains\n"
    db.execute("UPDATE audit_entry SET actor = 'somebody else'")
    broken = run("audit", "verify")
    assert broken.code == 1 and "broken: chain 0, record 1" in broken.text


def test_a_saved_page_becomes_json_lines_and_another_file_an_error(run: Command, tmp_path: Path) -> None:
    said = run("channels", "parse-preview", str(PAGE))
    lines = [json.loads(line) for line in said.text.splitlines()]
    assert said.code == 0 and set(lines[0]) == {"channel", "chat_id", "subscribers"}
    assert all({"message_id", "views", "reactions", "posted_at"} <= set(line) for line in lines[1:])
    assert len({line["message_id"] for line in lines[1:]}) == len(lines) - 1 > 5
    other = tmp_path / "other.html"
    other.write_text("<html><body>Something else</body></html>")
    refused = run("channels", "parse-preview", str(other))
    assert refused.code == 2 and refused.text.startswith("Error: ")
    other.write_bytes("<html></html>".encode("utf-16"))
    unreadable = run("channels", "parse-preview", str(other))
    assert unreadable.code == 2 and unreadable.text.startswith("Error: ") and "UTF-8" in unreadable.text


@pytest.mark.parametrize(
    "arguments", [("Root", "--telegram-id", "42"), ("R", "--telegram-id", str(10**30)), (" ",), ("",)]
)
def test_a_superadmin_that_cannot_be_is_refused_in_words(run: Command, arguments: tuple[str, ...]) -> None:
    run("db", "up")
    run("user", "create-superadmin", "First", "--telegram-id", "42")
    refused = run("user", "create-superadmin", *arguments)
    assert refused.code == 2 and refused.text.startswith("Error: ")
    assert db.row('SELECT COUNT(*) FROM "user"') == (1,)


def test_without_a_schema_every_command_says_how_to_make_one(run: Command, spawn: Command) -> None:
    for said in (
        spawn("analytics", "check"),
        run("analytics", "totals", "--workspace", "Mine"),
        run("user", "create-superadmin", "Root"),
        run("audit", "verify"),
    ):
        assert said.code == 2 and said.text.startswith("Error: ") and "analyticbot db up" in said.text
        assert "Traceback" not in said.text


def test_an_import_says_what_it_rejected_and_what_was_new(run: Command, spawn: Command, tmp_path: Path) -> None:
    file, counts = tmp_path / "readings.csv", tmp_path / "counts.csv"
    file.write_text(HEAD + ROWS + "News1,1,1,2025-01-01T10:00:00Z,2199-01-02T12:00:00Z,40,3\n")
    counts.write_text(
        "channel,observed_at,subscribers\nNews1,2025-01-01T10:00:00Z,100\nElsewhere,2025-01-01T10:00:00Z,5\n"
    )
    run("db", "up")
    load = ("import", "view-readings", str(file), "--subscribers", str(counts), "--workspace", "Mine", "--create")
    first = spawn(*load)
    assert "1 rejected" in first.text and "line 6: snapshot_at is in the future" in first.text
    assert "4 new readings, 1 new subscriber counts" in first.text
    assert "0 new readings, 0 new subscriber counts" in spawn(*load).text


def test_settings_that_cannot_be_are_all_named_at_once(run: Command) -> None:
    said = run("db", "status", WEB_PORT="many", BASE_URL="no address")
    assert said.code == 2 and "WEB_PORT" in said.text and "BASE_URL" in said.text


def test_the_demo_needs_its_simulator_and_says_so(run: Command) -> None:
    run("db", "up")
    gone = run("demo", "seed", SIMULATOR_URL="http://127.0.0.1:9")
    assert gone.code == 2 and "simulator" in gone.text
    assert db.row("SELECT COUNT(*) FROM channel") == (0,)
    early = run("demo", "link", SIMULATOR_URL="http://127.0.0.1:9")
    assert early.code == 2 and "Seed the demo first" in early.text
    assert run("demo", "reset", "--yes", SIMULATOR_URL="http://127.0.0.1:9").code == 2


def test_outside_the_demo_its_commands_say_what_make_run_tells_its_processes(
    run: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    told = local.local_settings()
    said = run("demo", "link", DEMO="false")
    assert said.code == 2 and f"DEMO=true SIMULATOR_URL={told.simulator_url} analyticbot demo link" in said.text


def test_the_demo_is_seeded_once_and_reset_takes_its_channels_away(run: Command, tmp_path: Path) -> None:
    run("db", "up")
    state = tmp_path / "simulator"
    with SimulatorProcess(state, "--start", "2026-11-01T12:00:00Z", "--rate", "0", scenario="demo") as simulator:
        assert run("demo", "seed", SIMULATOR_URL=simulator.url) == Said(0, "the demo is seeded\n")
        assert run("demo", "seed", SIMULATOR_URL=simulator.url) == Said(0, "the demo is there already\n")
        (shown, read) = (db.row("SELECT COUNT(*) FROM channel"), db.row("SELECT COUNT(*) FROM reading"))
        assert shown == (3,) and read and read[0] > 1000
        link = run("demo", "link", SIMULATOR_URL=simulator.url)
        assert link.code == 0 and "/login/demo/" in link.text
        assert db.row("SELECT COUNT(*) FROM login_ticket") == (1,)
        assert run("demo", "reset", "--yes", SIMULATOR_URL=simulator.url).code == 0
    assert db.row("SELECT COUNT(*) FROM channel WHERE deleted_at IS NULL") == (0,)
    assert db.row("SELECT COUNT(*) FROM reading") == read
