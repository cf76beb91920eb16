"""A visitor who follows every link and every htmx fragment of the product and has each page judged."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import combinations
from urllib.parse import parse_qsl, urljoin, urlsplit

from selectolax.lexbor import LexborHTMLParser

from tests.web.evidence import Evidence
from tests.web.judged_files import judged_api, judged_csv, judged_invoice
from tests.web.judged_page import Judged, JudgedPage

ODD_ADDRESSES = ("/nothing/here", "/network?days=31", "/channels/" + "A" * 22, "/channels/" + "A" * 22 + "/posts/1")
DOORS = (
    "/",
    "/login",
    "/login/expired",
    "/login/demo/none",
    "/login/link/none",
    "/twa",
    "/network",
    "/channels/connect",
    "/posts",
    "/posts/new",
)
PAGES = (
    *DOORS,
    "/settings/api-keys",
    "/settings/own-account",
    "/channels/kept",
    "/twa/menu",
    "/twa/left",
    "/help",
    "/emoji/pick",
    "/watchlist.csv",
    "/compare.csv",
    "/compare/days.csv",
    "/network?from=2024-12-25&to=2025-01-07",
    "/api/v1/channels",
    *ODD_ADDRESSES,
)


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    media: str
    text: str
    location: str | None = None


Get = Callable[[str, Mapping[str, str]], Answer]


@dataclass
class Report:
    """What a crawl saw."""

    visited: dict[str, int] = field(default_factory=dict)
    pages: dict[str, Judged] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    fragments: int = 0

    def told(self, most: int = 15) -> str:
        """The first of the problems, each sort once, for the report of a failure."""
        sorts = {
            re.sub(r"[\d\W]+", "", problem.partition(": ")[2])[:60]: problem for problem in reversed(self.problems)
        }
        return "\n".join([f"{len(self.problems)} problems", *list(sorts.values())[-most:]])

    @property
    def numbers(self) -> int:
        return sum(len(page.claims) + page.points for page in self.pages.values())

    @property
    def readings_claimed(self) -> int:
        """Numbers that say that something was read in Telegram."""
        claims = (claim for page in self.pages.values() for claim in page.claims)
        return sum(claim.sources != ("workspace",) for claim in claims) + sum(p.points for p in self.pages.values())

    @property
    def missing(self) -> int:
        return sum(page.missing for page in self.pages.values())


class Crawler:
    """`Crawler(get, evidence).run()`. `get` is a signed-in client: of the app itself or over HTTP."""

    def __init__(self, get: Get, evidence: Evidence, *, seeds: Sequence[str] = PAGES) -> None:
        self._get, self._evidence, self.report = get, evidence, Report()
        self._queue, self._met = deque((url, "") for url in seeds), set[tuple[str, ...]]()
        self._queued = set(self._queue)

    def run(self) -> Report:
        while self._queue:
            url, target = self._queue.popleft()
            self._visit(url, target)
        return self.report

    def _visit(self, url: str, target: str) -> None:
        headers = {"HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": target} if target else {}
        before = datetime.now(UTC)
        answer = self._get(url, headers)
        name = f"{url} {target}".strip()
        self.report.visited[name] = answer.status
        self.report.fragments += bool(target)
        if answer.status >= 500:
            self.report.problems.append(f"{name}: {answer.status}")
        if answer.location:
            self._add(urljoin(url, answer.location), "")
        judged = self._judged(url, answer, (before, datetime.now(UTC)))
        self.report.pages[name] = judged
        self.report.problems += judged.problems
        if "html" in answer.media:
            for link, wanted in _links(answer.text):
                self._add(urljoin(url, link), wanted)

    def _judged(self, url: str, answer: Answer, between: tuple[datetime, datetime]) -> Judged:
        if "html" in answer.media:
            return JudgedPage(url, answer.text, self._evidence, between=between).verdict()
        if "csv" in answer.media:
            return judged_csv(url, answer.text, self._evidence, between=between)
        if "json" in answer.media:
            return judged_api(url, answer.text, self._evidence, between=between)
        if "pdf" in answer.media:
            return judged_invoice(url, answer.text, self._evidence)
        return Judged([f"{url}: nobody judges {answer.media}"] if answer.text else [])

    def _add(self, url: str, target: str) -> None:
        parts = urlsplit(url := url.partition("#")[0])
        if parts.query.startswith("lang="):  # the judge reads English
            return
        if parts.scheme or parts.netloc or url.startswith("/static/") or (url, target) in self._queued:
            return
        if self._is_new(parts.path, parts.query, target):
            self._queued.add((url, target))
            self._queue.append((url, target))

    def _is_new(self, path: str, query: str, target: str) -> bool:
        """Whether the place sees a parameter's value for the first time, or its kind of place two values together.

        So each channel's pages and fragments have every value, and every pair is seen somewhere, not every product.
        """
        values = [f"{key}={value}" for key, value in sorted(parse_qsl(query))]
        met = {(path, target, value) for value in values or [""]}
        met |= {(_PUBLIC_ID.sub("*", path), *pair) for pair in combinations(values, 2)}
        fresh = met - self._met
        self._met |= met
        return bool(fresh)


_PUBLIC_ID = re.compile(r"[\w-]{22,}")


def _links(html: str) -> Iterator[tuple[str, str]]:
    """(address, "") of links, (address, target id) of what htmx would fetch."""
    tree = LexborHTMLParser(html)
    for node in tree.css("a[href], [hx-get]"):
        data = node.attributes
        if data.get("href"):
            yield data["href"] or "", ""
        if data.get("hx-get"):
            yield data["hx-get"] or "", (data.get("hx-target") or "").removeprefix("#")
