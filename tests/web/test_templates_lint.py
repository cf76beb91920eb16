"""Each rule of deploy/lint_templates.py bites, and the product's own templates are clean."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy import lint_templates
from deploy.lint_templates import lint_text

BAD = [
    ("inline-script", "<script>alert(1)</script>"),
    ("inline-script", '<script type="module">import "x"</script>'),
    ("inline-script", "<script>{{ code }}</script>"),
    ("inline-style", "<style>p{}</style>"),
    ("style-attribute", '<p style="color:red">'),
    ("style-attribute", "<p {% if x %}style='color:red'{% endif %}>"),
    ("inline-handler", '<a onclick="x()">'),
    ("inline-handler", '<svg ONLOAD="x()">'),
    ("hx-on", '<a hx-on:click="x()">'),
    ("hx-on", '<a hx-on::after:swap="x()">'),
    ("hx-on", '<a data-hx-on:click="x()">'),
    ("code-value", '<a href="javascript:x()">'),
    ("code-value", """<a hx-vals='js:{"a": x()}'>"""),
    ("code-value", '<a href=" JavaScript : x()">'),
    ("trigger-filter", '<a hx-trigger="click[ctrlKey]">'),
    ("trigger-filter", '<a data-hx-trigger="every 2s [open]">'),
    ("unescaped", "{{ text|safe }}"),
    ("unescaped", "{{ text | safe }}"),
    ("unescaped", "{% autoescape false %}"),
]
GOOD = [
    '<script src="{{ asset(\'js/app.js\') }}" type="module"></script>',
    '<script type="application/json" id="texts">{{ words|tojson }}</script>',
    '<a hx-get="/x" hx-trigger="every 2s" hx-target="#y">js: is fine in text</a>',
    "{# <script>not here</script> onclick |safe #}",
    '<p data-safe="1" class="on style">{{ safety|upper }}</p>',
]


@pytest.mark.parametrize(("rule", "text"), BAD)
def test_the_rule_bites_and_names_the_line(rule: str, text: str) -> None:
    found = lint_text(f"<div>\n{{% if a %}}\n{text}\n</div>", "page.html")
    assert [(f.rule, f.line) for f in found] == [(rule, 3)]
    assert str(found[0]).startswith(f"page.html:3: {rule}: ")


@pytest.mark.parametrize("text", GOOD)
def test_what_is_allowed_passes(text: str) -> None:
    assert lint_text(text) == []


def test_an_attribute_on_a_later_line_of_its_tag_is_found_there() -> None:
    assert lint_text('<a\n  href="/"\n  onclick="x()">')[0].line == 3


def test_htmx_2_habits_are_found_by_htmx_own_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "old.html").write_text('<div hx-ext="sse" hx-vars="a:1"></div>\n<p style="x"></p>\n')
    assert lint_templates.main([str(tmp_path)]) == 1
    printed = capsys.readouterr().out
    assert "hx-ext is removed" in printed and "hx-vars is removed" in printed and "style-attribute" in printed


def test_a_missing_upgrade_check_is_an_error_not_a_pass(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        lint_templates.upgrade_findings([tmp_path], tmp_path / "nowhere.py")


def test_the_products_templates_are_clean(capsys: pytest.CaptureFixture[str]) -> None:
    assert lint_templates.main([]) == 0, capsys.readouterr().out
