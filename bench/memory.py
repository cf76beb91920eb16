"""h1: the web process's private memory after 100 requests over that of a Flask hello, each in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable

from bench import stats
from bench.world import World

# structlog takes rich when it is there. It comes with the development tools only (not in requirements/web.txt), so
# neither process may have it here.
_AS_IN_PRODUCTION = "import sys; sys.modules['rich'] = None\n"
_HELLO = """
from bench.wsgi_calls import hello_app
client = hello_app().test_client()
for _ in range(100): client.get("/")
"""
_OURS = """
from app.wsgi import app
import os
client = app.test_client()
with client.session_transaction() as session: session["token"] = os.environ["BENCH_TOKEN"]
from app.core import db
found = db.rows("SELECT public_id FROM channel ORDER BY id LIMIT 2")
paths = ["/network", "/network.csv"] + [f"/channels/{public_id}" for (public_id,) in found]
for n in range(100):
    answer = client.get(paths[n % len(paths)])
    assert answer.status_code == 200, (paths[n % len(paths)], answer.status_code)
"""
_TELL = """
import json, re, sys
told = open("/proc/self/smaps_rollup").read()
private = sum(int(kb) for kb in re.findall(r"^Private_\\w+:\\s+(\\d+) kB", told, re.M))
heavy = [m for m in ("aiogram", "pandas", "prophet", "temporalio", "numpy") if m in sys.modules]
print(json.dumps([private / 1024, heavy]))
"""


def rows(at: World) -> list[stats.Row]:
    environ = os.environ | {
        "DATABASE_URL": f"sqlite:///{at.path}",
        "DATA_DIR": str(at.path.parent),
        "BENCH_TOKEN": at.token,
        "LOG_FORMAT": "json",
    }
    heavy: set[str] = set()

    def measure(code: str) -> Callable[[], float]:
        def once() -> float:
            run = [sys.executable, "-c", _AS_IN_PRODUCTION + code + _TELL]
            done = subprocess.run(run, env=environ, capture_output=True, text=True, check=False)
            if done.returncode:
                raise RuntimeError(done.stderr[-2000:])
            used, imported = json.loads(done.stdout.splitlines()[-1])
            heavy.update(imported)
            return float(used)

        return once

    found = stats.rounds({"ours": measure(_OURS), "hello": measure(_HELLO)}, 9)
    ours = stats.median(found["ours"])
    imported = ", ".join(sorted(heavy)) or "none"
    detail = f"ours {ours:.1f} MB, hello {stats.median(found['hello']):.1f} MB; heavy modules imported: {imported}"
    ratio = stats.ratio(found["ours"], found["hello"])
    return [
        stats.at_most("h1", "web process, private memory", "Flask hello", ratio, 3.0, detail),
        stats.Row("h1", "the same, absolute", "none", f"{ours:.1f} MB", "<= 100 MB", ours <= 100),
    ]
