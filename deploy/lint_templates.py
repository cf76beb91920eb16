"""Fail on anything in a template that the strict Content-Security-Policy or htmx 4 would break.

`python deploy/lint_templates.py [FOLDER ...]` prints `file:line: rule: what was found`.
htmx's own upgrade-check (shipped in its npm package) runs over the same folders and static/js.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
UPGRADE_CHECK = ROOT / "node_modules" / "htmx.org" / "dist" / "scripts" / "upgrade-check.py"
DATA_SCRIPTS = {"application/json", "application/ld+json"}

_COMMENT = re.compile(r"\{#.*?#\}", re.DOTALL)
_TAG = re.compile(r"\{%.*?%\}", re.DOTALL)
_EXPRESSION = re.compile(r"\{\{.*?\}\}", re.DOTALL)
_UNSAFE = re.compile(r"\|\s*safe\b|\bautoescape\s+false\b")
_HANDLER = re.compile(r"on[a-z]+")
_HX_ON = re.compile(r"(data-)?hx-on\b")
_HX_TRIGGER = re.compile(r"(data-)?hx-trigger\b")
_CODE_VALUE = re.compile(r"\s*(js|javascript)\s*:", re.IGNORECASE)


@dataclass(frozen=True, order=True)
class Finding:
    path: str
    line: int
    rule: str
    found: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.rule}: {self.found}"


def _blank(match: re.Match[str], filler: str = "") -> str:
    return filler + "\n" * match.group().count("\n")


def _only_html(text: str) -> str:
    """The template with Jinja taken out and every line still at its number."""
    text = _TAG.sub(_blank, _COMMENT.sub(_blank, text))
    return _EXPRESSION.sub(lambda match: _blank(match, "X"), text)


class _Reader(HTMLParser):
    """Collects (line, rule, found) while walking through one template."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[int, str, str]] = []
        self._is_code = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        line = self.getpos()[0]
        values = dict(attrs)
        self._is_code = tag == "script" and (values.get("type") or "").lower() not in DATA_SCRIPTS
        if tag == "style":
            self.found.append((line, "inline-style", "<style>"))
        for name, value in attrs:
            rule = _attribute_rule(name, value or "")
            if rule:
                self.found.append((line + self._lines_before(name), rule, f'{name}="{value or ""}"'))

    def handle_endtag(self, tag: str) -> None:
        if tag == "script":
            self._is_code = False

    def handle_data(self, data: str) -> None:
        if self._is_code and data.strip():
            first = len(data) - len(data.lstrip())
            line = self.getpos()[0] + data[:first].count("\n")
            self.found.append((line, "inline-script", data.strip().splitlines()[0][:60]))

    def _lines_before(self, name: str) -> int:
        source = self.get_starttag_text() or ""
        at = re.search(rf"(?<![\w:-]){re.escape(name)}(?![\w:-])", source, re.IGNORECASE)
        return source[: at.start()].count("\n") if at else 0


def _attribute_rule(name: str, value: str) -> str | None:
    if name == "style":
        return "style-attribute"
    if _HX_ON.match(name):
        return "hx-on"
    if _HANDLER.fullmatch(name):
        return "inline-handler"
    if _CODE_VALUE.match(value):
        return "code-value"
    if _HX_TRIGGER.match(name) and "[" in value:
        return "trigger-filter"
    return None


def lint_text(text: str, path: str = "<text>") -> list[Finding]:
    """Findings of our own rules in one template's source, by line."""
    bare = _COMMENT.sub(_blank, text)
    found = [Finding(path, bare[: m.start()].count("\n") + 1, "unescaped", m.group()) for m in _UNSAFE.finditer(bare)]
    reader = _Reader()
    reader.feed(_only_html(text))
    reader.close()
    return sorted(found + [Finding(path, *item) for item in reader.found])


def templates_in(folders: Sequence[Path]) -> Iterator[Path]:
    for folder in folders:
        yield from sorted(path for path in folder.rglob("*") if path.suffix in {".html", ".svg"})


def upgrade_findings(folders: Sequence[Path], script: Path = UPGRADE_CHECK) -> list[str]:
    """What htmx's upgrade-check has to say; raises FileNotFoundError while npm packages are missing."""
    if not script.exists():
        raise FileNotFoundError("htmx's upgrade-check is missing: run deploy/assets.py first")
    command = [sys.executable, str(script), "--no-color", *map(str, folders)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode not in (0, 1):
        raise RuntimeError(f"upgrade-check failed: {done.stderr.strip()}")
    return [line for line in done.stdout.splitlines() if line.strip()]


def main(argv: Sequence[str] | None = None) -> int:
    folders = [Path(name) for name in (sys.argv[1:] if argv is None else argv)] or [ROOT / "templates"]
    paths = list(templates_in(folders))
    lines = [str(finding) for path in paths for finding in lint_text(path.read_text(), str(path))]
    scripts = [ROOT / "static" / "js"] if folders == [ROOT / "templates"] else []
    lines += upgrade_findings([*folders, *scripts])
    for line in lines:
        print(line.replace(f"{ROOT}/", ""))
    print(f"lint_templates: {len(paths)} templates, {len(lines)} findings", file=sys.stderr)
    return 1 if lines else 0


if __name__ == "__main__":
    raise SystemExit(main())
