"""a3: how many network pages a core renders a second, over two peers' dashboards.

The Flask-SQLAlchemy twin (bench/twin.py) shows the same network. Healthchecks is a well-kept Django product whose
project page is a server-rendered dashboard, too; it needs a checkout and a Python of its own, named by
HEALTHCHECKS_DIR and HEALTHCHECKS_PYTHON (docs/bench.md says how), and works in a process of its own.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from bench import pages, stats
from bench.twin import twin_app
from bench.world import NOW
from bench.wsgi_calls import Caller

_RENDERS = 10
_CHECKS = 100


def rows(page: pages.Page, folder: Path) -> list[stats.Row]:
    """Both peers beside our page, in one shuffled run."""
    app = twin_app(page.world.path, now=NOW)
    cookie = app.test_client().get("/login").headers["Set-Cookie"].split(";")[0]
    twin = Caller(app, "/network", headers={"Cookie": cookie})
    size = len(twin.send())
    if not twin.status.startswith("200"):
        raise RuntimeError(f"the twin answered {twin.status}")
    variants = {
        "ours": pages.times(page, page.ours.send, _RENDERS),
        "anew": pages.times(page, partial(pages.read_anew, page.ours), _RENDERS),
        "twin": pages.times(page, twin.send, _RENDERS),
    }
    with _healthchecks(folder) as peer:
        if peer:
            variants["healthchecks"] = peer
        found = stats.rounds(variants)
    detail = f"ours {1 / stats.median(found['ours']):.0f}/s, {{}} {{:.0f}}/s; ours {page.size:,} bytes, twin {size:,}"

    def told_of(name: str, limit: float) -> Iterator[stats.Row]:
        ratio = stats.ratio(found[name], found["ours"])
        told = detail.format(name, 1 / stats.median(found[name]))
        yield stats.at_least("a3", "network page, pages a second of one core", _PEERS[name], ratio, limit, told)
        anew = stats.ratio(found[name], found["anew"])
        yield stats.informs("a3", "the same, every feed changed since the last page", _PEERS[name], anew)

    if "healthchecks" in found:
        return [*told_of("twin", 2.0), *told_of("healthchecks", 5.0)]
    how = "set HEALTHCHECKS_DIR and HEALTHCHECKS_PYTHON"
    return [*told_of("twin", 2.0), stats.informs("a3", "the same", _PEERS["healthchecks"], "not measured", how)]


_PEERS = {
    "twin": "Flask-SQLAlchemy twin over raw readings",
    "healthchecks": f"Healthchecks' project page with {_CHECKS} checks",
}


@contextmanager
def _healthchecks(folder: Path) -> Iterator[Callable[[], float] | None]:
    """CPU seconds of one project page, measured inside its own process; None where no checkout is named."""
    source, python = os.environ.get("HEALTHCHECKS_DIR"), os.environ.get("HEALTHCHECKS_PYTHON")
    if not source or not python:
        yield None
        return
    script = Path(__file__).with_name("healthchecks_page.py")
    run = [python, str(script), str(folder / "healthchecks.sqlite3"), str(_CHECKS)]
    with subprocess.Popen(run, cwd=source, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("no pipes")
        asked, told = process.stdin, process.stdout
        if told.readline().strip() != "ready":
            raise RuntimeError("the Healthchecks process did not start")

        def once() -> float:
            asked.write(f"{_RENDERS}\n")
            asked.flush()
            return float(told.readline()) / _RENDERS

        yield once
        asked.close()
