"""One page, fragment or file before the judge: every number on it is a claim that raw rows bear out, or it is reported.

What is judged is taken out of the tree; a digit that is left over must stand on the list `NO_METRIC`, each entry with
its reason. So a number that somebody writes onto a page without a source fails, wherever it stands.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from selectolax.lexbor import LexborHTMLParser, LexborNode

from tests.web.claims import Claim, judge, number, parse_moment
from tests.web.evidence import SUBSCRIBERS, Evidence, Scope

_MONTH = "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
DATE = rf"\d{{1,2}} {_MONTH}(?: \d{{4}})?(?:, \d\d:\d\d)?"
AGO = r"\d+ (?:minute|hour|day|week|month|year)s? ago"
# (where it stands, what it looks like, why it is no number about a channel)
NO_METRIC = (
    (".choices", r"\d+ d|1 y", "the lengths of period on offer"),
    (".note", r"the \d+ days before", "the length of the period"),
    (".capacity", r"\d+", "the pace of a source and the room it has"),
    (".part-of", r"of \d+ of \d+", "how many campaigns a total is of"),
    ("legend", r"\d+", "how many lines a chart takes"),
    ("thead", r"ERR24", "the name of a figure"),
    (".definitions", r"ERR24|24 hours", "the words of a definition"),
    (".what", r"ERR24|24 hours", "the words of a definition"),
    (".tile", r"ERR24", "the name of a figure"),
    (".period-dates", DATE, "the days that are shown"),
    (".post-link", DATE, "a post is named by its time"),
    (".channel-sub", r"#\d+", "Telegram's id of the message"),
    (".sub", DATE, "when the post was published"),
    ("h1", r"Post \d+", "Telegram's id of the message"),
    ("title", r"Post \d+", "Telegram's id of the message"),
    (".tile", r"First 24 hours", "the name of a figure"),
    ("thead", r"First 24 h", "the name of a figure"),
    ("option", r"First 24 h", "the name of a figure"),
    (".agent", r".", "from where somebody signed in, in the browser's own words"),
    ("#share_days", r"\d+ days?", "how long a link may live"),
    ("#client_links", r"lives 30 days", "how long a link lives"),
    ("#smallest", r"\d+ %", "the smallest difference that an experiment may look for"),
    (".foot", DATE, "how long the link lives"),
    (".key-row", f"{DATE}|{AGO}|opened \\d+ times?", "when a key or a link was made and used"),
    ("#rights_checklist", AGO, "when Telegram was asked for the bot's rights"),
    ("pre", r"https?://[\w.:/-]+|Bearer ab_", "a command to copy"),
    (".error-code", r"\d{3}", "the answer's own code"),
    (".error", r"one of [\d, ]+ days", "the lengths of period on offer"),
    (".emoji", r".", "a reaction's own sign"),
    (".emoji-room", r"[\d,]+ of [\d,]+", "the plan's limit of custom emoji and what is used of it"),
    ("#edits", rf"Edited \d+ times?|{DATE}", "when a post was edited"),
    (".diff", r".", "the post's own words"),
    (".lengths", r"[\d,]+ characters before, [\d,]+ after", "the lengths of the post's own texts"),
    (".typed", r".", "what people typed, links, and the days that rows are named by"),
    (".since", DATE, "since when the bot is told"),
    ("thead", r"\d+ weeks?", "the age of a cohort"),
    (".avatar", r".", "the first letter of a name"),
    (".age", r"\d+ (?:min|hr|days?)", "the age that a row is about"),
    (".export-state", rf"{AGO}|[\d,]+ of [\d,]+ messages|[\d,]+ new readings? of|Message \d+ of", "how far a file is"),
    ("label", r"at most \d+ MiB", "how large a file may be"),
    (".count", r"\d+\+?", "how many posts need a person"),
    (".bucket", r"[\d,]+(?:–[\d,]+)?", "the lengths of text that a row is about"),
)
_ROWS = ", ".join(
    f"#{table} tbody tr"
    for table in ("channels_table", "watched_table", "own_table", "compare_table", "posts_table", "best_posts")
)
_SHOWN = ("title", "aria-label", "placeholder", "alt", "data-tip", "data-label", "data-about")
_LABELS = {"bot": "bot_updates", "public page": "preview_page", "import": "import"}
_SOURCES = {"Bot updates": "bot_updates", "Public page": "preview_page", "Imported readings": "import"}
_SLIP = re.compile(r"\b(None|NaN|nan|undefined|Undefined)\b|[{}]{2}")


@dataclass
class Judged:
    """What a page showed and what was wrong with it."""

    problems: list[str] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)
    points: int = 0
    missing: int = 0


class JudgedPage:
    """`JudgedPage(url, html, evidence, between=…).verdict()`."""

    def __init__(self, url: str, html: str, evidence: Evidence, *, between: tuple[datetime, datetime]) -> None:
        self.url, self.evidence, self.between = url, evidence, between
        self.scope, self.found = scope_of(url, evidence), Judged()
        self.tree = LexborHTMLParser(html)
        for dropped in self.tree.css("script, style, meta, input[type=hidden]"):
            dropped.decompose()

    def verdict(self) -> Judged:
        self._shares()
        for row in self.tree.css(_ROWS):
            self._table_row(row)
        for tile in self.tree.css(".tile"):
            self._tile(tile)
        for figure in self.tree.css("#usual td.band data"):
            self._figure(figure, self.scope and Scope(self.scope.channels))
        for figure in self.tree.css("data"):
            self._figure(figure, self.scope, is_reaction=".reactions" in _places(figure))
        for card in self.tree.css("figure.chart-card"):
            self._chart(card)
        for note in self.tree.css(".pages-note, .sub, .tile dt .note"):
            self._count_in(note)
        for source in self.tree.css("#sources li"):
            self._source(source)
        for banner in self.tree.css(".banner"):
            self._banner(banner)
        for text, places in _texts(self.tree):
            self._left_over(text, places)
        return self.found

    def _blame(self, text: str, why: str) -> None:
        self.found.problems.append(f"{self.url}: {' '.join(text.split())[:90]!r}: {why}")

    def _table_row(self, row: LexborNode) -> None:
        link = row.css_first("a.channel-title, a.post-link")
        scope = scope_of(link.attributes.get("href") or "", self.evidence) if link else self._named(row)
        spark = row.css_first("svg.spark path.ln")
        if spark and not (scope and scope.rows(SUBSCRIBERS)):
            self._blame(row.text(), "a trend without a reading")
        for cell in row.css("td.note"):
            self._length(cell, scope)
        for figure in row.css("data"):
            self._figure(figure, scope)

    def _named(self, row: LexborNode) -> Scope | None:
        """Strangers' rows lead nowhere: the channel is known by its title."""
        title = row.css_first("span.channel-title")
        known = [i for i, c in self.evidence.channels.items() if title and title.text(strip=True) in c.names]
        return self.evidence.of_channel(known[0]) if len(known) == 1 else None

    def _length(self, cell: LexborNode, scope: Scope | None) -> None:
        """The length of a text is a fact of the post itself, and only that."""
        expected = scope.post.text_length if scope and scope.post else None
        if cell.text(strip=True) != (f"{expected:,}" if expected is not None else "—"):
            self._blame(cell.text(), f"the post's length is {expected}")
        cell.decompose()

    def _shares(self) -> None:
        """A share is a quotient of views that stand in the same table."""
        views = [(row, _views_of(row)) for row in self.tree.css("#channels_table tbody tr")]
        total = sum(known for _, known in views if known is not None)
        for row, mine in views:
            for share in row.css(".share"):
                said = number(share.text(strip=True))
                if mine is None or not total or said is None or abs(said - 100 * mine / total) > 0.051:
                    self._blame(share.text(), f"not the share of {mine} in {total} views")
                share.decompose()

    def _tile(self, tile: LexborNode) -> None:
        figure, words = tile.css_first("data"), tile.css_first(".prov")
        if words and figure:
            step = number(words.text(strip=True).partition("±")[2].partition(" ")[0] or "0")
            told = words.css_first("time")
            is_none = figure.attributes.get("data-source") == "none"
            if is_none and re.search(r"\d", words.text()):
                self._blame(tile.text(), "a tile without a number tells of a reading")
            if not is_none and step != float(figure.attributes.get("data-step") or -1):
                self._blame(tile.text(), "the words tell another precision than the number")
            seen = figure.attributes.get("data-observed-at")
            if (told.attributes.get("datetime") if told else None) != seen:
                self._blame(tile.text(), "the words tell another time than the number")
            words.decompose()

    def _figure(self, node: LexborNode, scope: Scope | None, *, is_reaction: bool = False) -> None:
        data, text = node.attributes, node.text(strip=True)
        css = (data.get("class") or "").split()
        node.decompose()
        if "fig" not in css or not data.get("data-source"):
            return self._blame(text, "a number without provenance")
        if data["data-source"] == "none":
            self.found.missing += 1
            if data.get("value") or re.search(r"\d", text):
                self._blame(text, "no source, but a number")
            return None
        claim = Claim(
            value=float(data.get("value") or "nan"),
            unit=data.get("data-unit") or "",
            sources=tuple((data["data-source"] or "").split(",")),
            precision=data.get("data-precision") or "",
            observed_at=parse_moment(data.get("data-observed-at")),
            step=float(data.get("data-step") or 0),
            readings=int(data.get("data-readings") or 0),
            age_s=int(data.get("data-age-s") or -1),
            spoken=text,
            is_change="delta" in css or "signed" in css,
            is_reaction=is_reaction,
        )
        return self._claim(claim, scope)

    def _claim(self, claim: Claim, scope: Scope | None) -> None:
        self.found.claims.append(claim)
        if scope is None:
            return self._blame(str(claim.value), "a number of nothing that this workspace has")
        for why in judge(claim, scope, self.evidence, between=self.between):
            self._blame(claim.spoken or str(claim.value), why)
        return None

    def _chart(self, card: LexborNode) -> None:
        kind = (card.attributes.get("id") or "").removesuffix("_card")
        heads = [cell.text(strip=True) for cell in card.css(".numbers thead th")]
        counted = slice(-1) if heads[-1:] == ["Notes"] else slice(None)
        rows = [[c.text(strip=True) for c in row.css("th, td")][counted] for row in card.css(".numbers tbody tr")]
        read = [row for row in rows if re.search(r"\d", row[-1] if kind != "chart_curve" else row[2])]
        self.found.points += len(read)
        drawn = [(p.attributes.get("data-label"), p.attributes.get("data-tip") or "") for p in card.css(".pt")]
        if kind == "chart_curve":
            self._curve(read, drawn)
        elif kind in ("chart_moves", "chart_kept"):
            self._moves(kind, rows)
        elif kind.startswith("chart_compare_"):
            self._lines(kind, card, rows)
        else:
            self._days(kind, read, drawn)
        for part in card.css(".plot, .numbers"):
            part.decompose()

    def _days(self, kind: str, read: list[list[str]], drawn: list[tuple[str | None, str]]) -> None:
        points = {(label, tip) for label, tip in drawn if re.search(r"\d", tip)}
        if points != {(row[0], row[1]) for row in read}:
            self._blame(kind, "the picture and its table tell different numbers")
        allowed = labels_of(kind, self.scope, self.evidence) if self.scope else set()
        for label, value in ((row[0], row[1]) for row in read):
            if label not in allowed:
                self._blame(f"{kind} {label}: {value}", "a point without a reading")
        if kind == "chart_growth" and self.scope and "/channels/" in self.url:
            known = {row.value for row in self.scope.rows(SUBSCRIBERS)}
            for label, value in ((row[0], row[1]) for row in read):
                if number(value.partition(" ")[0]) not in known:
                    self._blame(f"{kind} {label}: {value}", "never read")

    def _lines(self, kind: str, card: LexborNode, rows: list[list[str]]) -> None:
        """Each column is a channel: a number stands on a day only where that channel was read."""
        heads = [cell.text(strip=True) for cell in card.css(".numbers thead th")][1 : len(rows[0]) if rows else None]
        chart = "chart_growth" if kind.endswith("growth") else "chart_views"
        for place, head in enumerate(heads, 1):
            scopes = [Scope([c]) for c in self.evidence.channels.values() if head in c.names]
            allowed = set().union(*(labels_of(chart, scope, self.evidence) for scope in scopes))
            for row in rows:
                if re.search(r"\d", row[place]) and row[0] not in allowed:
                    self._blame(f"{kind} {row[0]} {head}: {row[place]}", "a point without a reading")

    def _moves(self, kind: str, rows: list[list[str]]) -> None:
        """Days on which a bot was told of joins; ages only where somebody was told to have joined."""
        allowed = self.scope.days_of_moves(self.evidence.zone) if self.scope else set()
        for row in rows:
            known = any(re.search(r"\d", cell) for cell in row[1:])
            if known and (row[0] not in allowed if kind == "chart_moves" else not (self.scope and self.scope.moves)):
                self._blame(f"{kind} {row}", "a point without a reading")

    def _curve(self, read: list[list[str]], drawn: list[tuple[str | None, str]]) -> None:
        counts = self.scope.post.counts if self.scope and self.scope.post else []
        known = [(row.views, row.kind, row.step) for row in counts]
        if len(read) != len(drawn):
            self._blame("chart_curve", "the picture and its table tell different numbers")
        for _age, _at, views, exactness, source in read:
            step = number(exactness.removeprefix("±")) or 0 if exactness != "exact" else 0
            fact = (number(views), _LABELS.get(source, source), step)
            if fact not in known:
                self._blame(f"{views} {exactness} {source}", "a point without a reading")
            else:
                known.remove(fact)

    def _count_in(self, node: LexborNode) -> None:
        """Counts of the rows shown: of channels, of posts, of characters. They must be those."""
        for count, noun in re.findall(r"([\d,]+|None) (channel|post|character|click)s?\b", node.text()):
            scope, said = self.scope, number(count)
            posts = sum(1 for post in scope.posts if post.rows) if scope else 0
            length = scope.post.text_length if scope and scope.post else None
            ok = {
                "channel": said == len(self.evidence.network.channels),
                "post": said is not None and said <= posts,
                "character": said == length,
                "click": scope is not None and said == scope.clicks,
            }
            if not ok[noun]:
                self._blame(node.text(), f"not the number of {noun}s")
        _rewrite(node, r"[\d,]+ (channel|post|character|click)s?\b")

    def _source(self, item: LexborNode) -> None:
        """A source that tells of a last reading has one."""
        name = item.css_first("strong")
        kind = _SOURCES.get(name.text(strip=True) if name else "", "")
        rows = self.scope.rows(SUBSCRIBERS) + self.scope.rows("views") if self.scope else []
        if re.search(AGO, item.text()) and not any(row.kind == kind for row in rows):
            self._blame(item.text(), "a last reading that is not there")
        _rewrite(item, AGO)

    def _banner(self, banner: LexborNode) -> None:
        scope = self.scope
        if re.search(DATE, banner.text()) and not (scope and scope.rows(SUBSCRIBERS) + scope.rows("views")):
            self._blame(banner.text(), "a last reading that is not there")
        _rewrite(banner, DATE)

    def _left_over(self, text: str, places: set[str]) -> None:
        if _SLIP.search(text):
            self._blame(text, "a slip of the template")
        for name in self.evidence.names:
            text = text.replace(name, "")
        if ".posting" in places or self.url.startswith(("/posts", "/client")):
            text = self.evidence.posting.left_of(text, places)
        if ".library" in places or self.url.partition("?")[0].endswith(("/media", "/about", "/library")):
            text = self.evidence.media.left_of(text)
        if self.url.startswith(("/billing", "/orders", "/channels/kept")):
            text = self.evidence.billing.left_of(text)
        for place, pattern, _why in NO_METRIC:
            text = re.sub(pattern, "", text) if place in places else text
        if re.search(r"\d", text):
            self._blame(text, "a number without source")


def _views_by_day(scope: Scope, evidence: Evidence) -> set[str]:
    return scope.days_of_views(evidence.zone)


def _growth(scope: Scope, evidence: Evidence) -> set[str]:
    carried = max((row.at for row in scope.rows(SUBSCRIBERS) + scope.rows("views")), default=None)
    return scope.days_of_subscribers(evidence.zone, carried_to=carried if scope.is_network else None)


_LABELS_OF: dict[str, Callable[[Scope, Evidence], set[str]]] = {
    "chart_growth": _growth,
    "chart_views": _views_by_day,
    "chart_reach": lambda scope, evidence: scope.days_of_posts(evidence.zone),
    "chart_hours": lambda scope, evidence: {hour.partition(" ")[2] for hour in scope.hours_of_views(evidence.zone)},
    "chart_moves": lambda scope, evidence: scope.days_of_moves(evidence.zone),
    "chart_heat": lambda scope, evidence: scope.hours_of_views(evidence.zone),
}


def labels_of(kind: str, scope: Scope, evidence: Evidence) -> set[str]:
    """The days or hours at which a chart may have a point; none for a chart that nobody judges."""
    return _LABELS_OF.get(kind, lambda *_: set())(scope, evidence)


def scope_of(url: str, evidence: Evidence) -> Scope | None:
    """Whose rows may stand behind the numbers at an address."""
    path = re.sub(r"\.csv$", "", url.partition("?")[0]).strip("/").split("/")
    if path[0] == "s" and evidence.shared.get(path[1]):
        path = ["channels", evidence.shared[path[1]], *path[2:]]
    if path[0] == "channels" and len(path) > 1:
        if len(path) == 4 and path[2] == "posts":
            return evidence.of_post(path[1], path[3])
        return evidence.of_channel(path[1])
    return evidence.everything if path[0] in ("watchlist", "compare") else evidence.network


def _views_of(row: LexborNode) -> float | None:
    cells = row.css("td.num")
    figure = cells[2].css_first("data") if len(cells) > 2 else None
    value = figure.attributes.get("value") if figure else None
    return float(value) if value else None


def _rewrite(node: LexborNode, pattern: str) -> None:
    for child in [n for n in node.traverse(include_text=True) if n.tag == "-text"]:
        text = child.text(deep=False) or ""
        if re.search(pattern, text):
            child.replace_with(re.sub(pattern, "", text))


def _places(node: LexborNode | None) -> set[str]:
    """Tag, #id and .classes of a node and of all it stands in."""
    found = set()
    while node is not None:
        found |= {node.tag or "", f"#{node.attributes.get('id')}"}
        found |= {f".{name}" for name in (node.attributes.get("class") or "").split()}
        node = node.parent
    return found


def _texts(tree: LexborHTMLParser) -> Iterator[tuple[str, set[str]]]:
    """Everything a person can read or hear: text, and the attributes that are shown."""
    for node in tree.root.traverse(include_text=True) if tree.root else ():
        if node.tag == "-text":
            text = node.text(deep=False) or ""
            if text.strip():
                yield text, _places(node.parent)
            continue
        if node.tag == "-comment":
            continue
        for name in _SHOWN:
            if node.attributes.get(name):
                yield node.attributes[name] or "", _places(node)
