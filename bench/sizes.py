"""a4: what a refresh of a live block weighs beside the whole page, and what the page's script and style weigh."""

from __future__ import annotations

import gzip
from pathlib import Path

from app.web import create_app
from bench import stats
from bench.pages import frozen_clock
from bench.world import World
from bench.wsgi_calls import Caller, session_cookie

ROOT = Path(__file__).parent.parent
_BLOCK = {"HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": "dl#totals"}
_MOST_SHARE, _MOST_KB = 0.4, 60


def rows(world: World) -> list[stats.Row]:
    """Sizes after gzip: they do not depend on the machine, so nothing is repeated."""
    world.enter()
    app = create_app(world.runtime)
    cookie = {"Cookie": session_cookie(app, world.token)}
    with frozen_clock():
        whole = _packed(Caller(app, "/network", headers=cookie).send())
        block = _packed(Caller(app, "/network", headers=cookie | _BLOCK).send())
    assets = [*ROOT.glob("static/js/*.js"), *ROOT.glob("static/css/*.css"), *ROOT.glob("static/vendor/htmx.min*.js")]
    kilobytes = sum(_packed(path.read_bytes()) for path in assets) / 1000
    return [
        stats.Row(
            "a4", "refresh of a live block, compressed", "the whole page", f"{block / whole:.2f}",
            f"<= {_MOST_SHARE}", block <= _MOST_SHARE * whole, f"{block:,} of {whole:,} bytes",
        ),
        stats.Row(
            "a4", "all script and style of a page, compressed", "none", f"{kilobytes:.1f} KB",
            f"<= {_MOST_KB} KB", kilobytes <= _MOST_KB, f"{len(assets)} files",
        ),
    ]  # fmt: skip


def _packed(data: bytes) -> int:
    return len(gzip.compress(data, 6))
