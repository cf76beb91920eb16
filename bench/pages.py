"""a1 and a2: the network page's partial, rendered and unchanged, over their floors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any
from unittest.mock import patch

from werkzeug.test import Client

from app.analytics import build
from app.analytics.build import kept
from app.core import clock
from app.web import create_app
from bench import floor, stats
from bench.world import NOW, World
from bench.wsgi_calls import PARTIAL, Caller, by_client, hello_app, session_cookie

_RENDERS, _UNCHANGED = 15, 100


@dataclass(frozen=True, slots=True)
class Page:
    """The network partial of one database and its floor, ready to be sent."""

    world: World
    ours: Caller
    bare: Caller
    unchanged: Caller
    statements: list[floor.Statement]
    size: int


@contextmanager
def frozen_clock() -> Iterator[None]:
    """The data's own moment, so that ETags of a minute do not change in between."""
    with patch.object(clock, "utcnow", lambda: NOW):
        yield


def prepare(world: World) -> Page:
    world.enter()
    app = create_app(world.runtime)
    headers = PARTIAL | {"Cookie": session_cookie(app, world.token)}
    ours = Caller(app, "/network", headers=headers)
    kept: list[Any] = []
    assemble = build.network_page

    def keep(*args: Any, **named: Any) -> Any:
        kept.append(assemble(*args, **named))
        return kept[-1]

    _expect(ours, "200")
    with patch.object(build, "network_page", keep):
        statements = floor.record(world.store, lambda: read_anew(ours))
    bare = Caller(floor.network_floor(world.path, statements, kept[-1]), "/network", headers=headers)
    _expect(bare, "200")
    unchanged = Caller(app, "/network", headers=headers | {"If-None-Match": ours.answered["ETag"]})
    _expect(unchanged, "304")
    return Page(world, ours, bare, unchanged, statements, len(ours.send()))


def read_anew(caller: Caller) -> bytes:
    """A page of which nothing was kept since the last one: every statement is sent."""
    kept.forget()
    return caller.send()


def _expect(caller: Caller, status: str) -> None:
    caller.send()
    if not caller.status.startswith(status):
        raise RuntimeError(f"{caller.path} answered {caller.status}, not {status}")


def times(page: Page, send: Callable[..., object], count: int) -> Callable[[], float]:
    """CPU seconds of `count` sends after two unmeasured ones that warm the database's caches."""

    def measure() -> float:
        page.world.enter()
        for _ in range(2):
            send()
        return stats.cpu(lambda: [send() for _ in range(count)]) / count

    return measure


def rendered(pages: dict[str, Page]) -> list[stats.Row]:
    """a1 at every size, and the growth from each size to the next."""
    variants: dict[str, Callable[[], float]] = {}
    for size, page in pages.items():
        variants[f"ours {size}"] = times(page, partial(read_anew, page.ours), _RENDERS)
        variants[f"kept {size}"] = times(page, page.ours.send, _RENDERS)
        variants[f"bare {size}"] = times(page, page.bare.send, _RENDERS)
    found = stats.rounds(variants)
    rows = []
    for size, page in pages.items():
        ours, bare = found[f"ours {size}"], found[f"bare {size}"]
        detail = (
            f"{page.world.readings:,} readings;"
            f" ours {stats.median(ours) * 1e3:.2f} ms, floor {stats.median(bare) * 1e3:.2f} ms,"
            f" {len(page.statements)} statements, {page.size:,} bytes"
        )
        name = "bare WSGI + same SQL as text + minimal Jinja"
        rows.append(stats.at_most(f"a1 {size}", "network partial, CPU", name, stats.ratio(ours, bare), 2.0, detail))
        kept_ratio = stats.ratio(found[f"kept {size}"], bare)
        rows.append(stats.informs(f"a1 {size}", "what is kept of unchanged feeds used", name, kept_ratio))
    sizes = list(pages)
    for small, large in zip(sizes, sizes[1:], strict=False):
        growth = stats.ratio(found[f"ours {large}"], found[f"ours {small}"])
        what = f"network partial, {small} to {large} readings"
        rows.append(stats.at_most("a1 growth", what, f"itself at {small}", growth, 1.3))
    return rows


def unchanged(page: Page) -> list[stats.Row]:
    """a2: a 304 over what Flask takes to say hello."""
    hello = Caller(hello_app(), "/")
    found = stats.rounds(
        {
            "ours": times(page, page.unchanged.send, _UNCHANGED),
            "hello": times(page, hello.send, _UNCHANGED),
            "ours client": times(page, by_client(Client(page.unchanged.app), page.unchanged), _UNCHANGED),
            "hello client": times(page, by_client(Client(hello.app), hello), _UNCHANGED),
        }
    )
    ours, floor_cost = found["ours"], found["hello"]
    detail = f"ours {stats.median(ours) * 1e3:.3f} ms, hello {stats.median(floor_cost) * 1e3:.3f} ms"
    both = stats.ratio(found["ours client"], found["hello client"])
    return [
        stats.at_most("a2", "unchanged data (304), CPU", "Flask hello", stats.ratio(ours, floor_cost), 2.0, detail),
        stats.informs("a2", "the same, both through a test client", "Flask hello", both),
    ]
