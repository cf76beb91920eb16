"""`make proof`: acceptance runs at full size; what they print goes to docs/proof.md with date, commit and load.

`SHARED=../shared make proof` names the folder of the recorded Telegram data; without it that proof says it was left out.
`python deploy/proof.py WORDS` runs those that are named so, each in place of its older section.
"""

from __future__ import annotations

import csv
import gzip
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FILE = ROOT / "docs/proof.md"
sys.path.insert(0, str(ROOT))

from deploy.proof_live import PAGES, live_crowd  # noqa: E402
from deploy.proof_pages import lighthouse  # noqa: E402
from deploy.proof_run import make_run  # noqa: E402


def recount(file: Path) -> dict[str, tuple[int, int]]:
    """channel -> (posts, sum of latest views), read from the CSV with nothing of ours.

    Identity: (channel, message_id), else (channel, post_uid); at equal time the larger reading wins.
    """
    latest: dict[tuple[str, str], tuple[str, int]] = {}
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        for line in csv.DictReader(lines):
            key = (line["channel"], line["message_id"] or f"uid {line['post_uid']}")
            latest[key] = max(latest.get(key, ("", 0)), (line["snapshot_at"], int(line["views"])))
    found: dict[str, tuple[int, int]] = {}
    for (channel, _), (_, views) in latest.items():
        posts, total = found.get(channel, (0, 0))
        found[channel] = (posts + 1, total + views)
    return found


def _cli(env: dict[str, str], *arguments: str) -> str:
    line = [sys.executable, "-m", "app.cli", *arguments]
    done = subprocess.run(line, cwd=ROOT, env=env, capture_output=True, text=True)
    return done.stdout.strip() + (f"\nexit {done.returncode} {done.stderr.strip()}" if done.returncode else "")


def recorded_data(shared: Path) -> tuple[bool, str]:
    """Import the recorded data twice into a fresh database and compare totals with the recount."""
    folder = shared / "data" / "telegram"
    readings, subscribers = folder / "view_snapshots.csv.gz", folder / "subscribers.csv.gz"
    if not readings.exists():
        return False, "left out: the recorded data are not here"
    with tempfile.TemporaryDirectory() as data:
        env = {**os.environ, "DATA_DIR": data, "PYTHONPATH": str(ROOT)}
        _cli(env, "db", "up")
        load = ("import", "view-readings", str(readings), "--subscribers", str(subscribers), "--workspace", "Recorded")
        printed = [_cli(env, *load, "--create"), _cli(env, *load), _cli(env, "analytics", "check")]
        totals = json.loads(_cli(env, "analytics", "totals", "--workspace", "Recorded"))
    ours = {t["channel"]: (t["posts"], t["views_latest_sum"]) for t in totals}
    expected = recount(readings)
    printed += [f"{name}: {posts} posts, {views:,} views" for name, (posts, views) in sorted(ours.items())]
    printed.append(f"equal to the recount: {ours == expected}, channels: {len(ours)}")
    return ours == expected and "0 new readings" in printed[1], "\n".join(printed)


def tests_at_full_size(*arguments: str, **size: str) -> tuple[bool, str]:
    """Run tests with their sizes raised by the environment."""
    line = [sys.executable, "-m", "pytest", "-q", "-s", "--timeout", "1800", *arguments]
    done = subprocess.run(line, cwd=ROOT, env={**os.environ, **size}, capture_output=True, text=True)
    return done.returncode == 0, done.stdout.strip()[-3000:]


def bench(*rows: str) -> tuple[bool, str]:
    """Rows of the bench that assert times."""
    done = subprocess.run([sys.executable, "-m", "bench", *rows], cwd=ROOT, capture_output=True, text=True)
    return done.returncode == 0, (done.stdout + done.stderr[-1000:]).strip()


def proofs() -> dict[str, Callable[[], tuple[bool, str]]]:
    """Every proof by its name; each says whether it passed and what it printed."""
    shared, full = Path(os.environ.get("SHARED", ROOT.parent / "shared")), tests_at_full_size
    return {
        "`make run`: first start, restart, Ctrl-C": make_run,
        "Recorded data: import twice, recount": lambda: recorded_data(shared),
        "Kill -9 of every process at 20 moments amid 2,000 updates": lambda: full(
            "tests/chaos/test_kill_nine.py", "tests/chaos/test_orphan.py", CHAOS_UPDATES="2000", CHAOS_KILLS="20"
        ),
        "1,000 posts, 50 times kill -9, broken connections: with a reader, without any, and without the intent": (
            lambda: full("tests/chaos/test_publishing.py", CHAOS_POSTS="1000", CHAOS_POST_KILLS="50")
        ),
        "A worker stopped before its call; Temporal's file deleted while 500 posts wait": lambda: full(
            "tests/chaos/test_stopped.py", CHAOS_FORGOTTEN="500"
        ),
        "500 renewals by saved cards, 200 times kill -9: with and without the compare-and-set": lambda: full(
            "tests/chaos/test_charging.py", CHAOS_RENEWALS="500", CHAOS_CHARGE_KILLS="200"
        ),
        "Two years of 50 subscriptions of each gateway as real workflows, against the pure machine": lambda: full(
            "tests/workflows/test_subscription_months.py", BILLING_LIVES="50", BILLING_MONTHS="24"
        ),
        "Books after ten thousand random acts, one in eight broken off": lambda: full(
            "tests/billing/test_books.py", BOOKS_LIVES="167"
        ),
        "20 times kill -9 of the jobs process amid 200 pieces of work on files": lambda: full(
            "tests/chaos/test_media_jobs.py", CHAOS_MEDIA_JOBS="200", CHAOS_MEDIA_KILLS="20"
        ),
        "Invisible mark: 200 marked, 1,000 unmarked": lambda: full(
            "tests/media/invisible", INVISIBLE_IMAGES="200", INVISIBLE_UNMARKED="1000"
        ),
        "Theft radar: planted copies among 5,000 others": lambda: full(
            "tests/protection/test_similarity.py", THEFT_OTHERS="5000"
        ),
        "1,000 archived posts published anew, 20 times kill -9 of jobs and worker": lambda: full(
            "tests/chaos/test_rebuilding.py", REBUILD_POSTS="1000", REBUILD_KILLS="20"
        ),
        "2,000 MB through a Bot API server of one's own, by HTTP and by the shared disk": lambda: full(
            "tests/telegram/test_large.py", MEDIA_LARGE_MB="2000"
        ),
        "Ten thousand callbacks of Payme in a minute": lambda: bench("g1"),
        "Lateness and drain: c1, c2, publish now, beside one workflow per post": lambda: bench("c"),
        "Lighthouse, mobile: performance >= 90, accessibility 100": lighthouse,
        "axe: every page, two themes, three languages, 360 and 1280 px": lambda: full(
            "e2e/test_accessibility.py", AXE="full"
        ),
        "20 channels with 50,000 posts in a browser; script and style <= 60 KB": lambda: full(
            "e2e/test_big_network.py"
        ),
        f"{PAGES} live pages: a tile within 2 s, /healthz within 50 ms": live_crowd,
        "Owner session: 10,000 posts, killed ten times": lambda: full("tests/readings/owner_session/test_history.py"),
        "Rows visited by the pages at 10^4, 10^5 and 10^6 readings": lambda: full("tests/analytics"),
    }


def main(wanted: str = "") -> int:
    """All proofs into a new file; or those whose name has the words, each in place of its older section."""
    sections, passed = [] if wanted else [f"# Proof\n\n{_now()}\n"], True
    kept = FILE.read_text() if wanted else ""
    for name, prove in proofs().items():
        if wanted and wanted not in name:
            continue
        ok, text = prove()
        passed = passed and ok
        again = f"Alone: {_now()}\n\n" if wanted else ""
        section = f"\n## {name}: {'pass' if ok else 'FAIL'}\n\n{again}```\n{text}\n```\n"
        print(section, flush=True)
        sections.append(section)
        kept = _replaced(kept, name, section)
    FILE.write_text(kept or "".join(sections))
    return 0 if passed else 1


def _replaced(kept: str, name: str, section: str) -> str:
    """The file with a section in place of its older one, or at its end where it has none."""
    older = re.compile(rf"\n## {re.escape(name)}: .*?(?=\n## |\Z)", re.S)
    return older.sub(lambda _: section, kept) if older.search(kept) else kept + section


def _now() -> str:
    line = ["git", "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(line, cwd=ROOT, capture_output=True, text=True).stdout.strip()
    return f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, commit {commit}, load {os.getloadavg()[0]:.1f} at the start"


if __name__ == "__main__":
    sys.exit(main(" ".join(sys.argv[1:])))
