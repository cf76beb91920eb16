"""The promises of ARCHITECTURE.md that a machine can keep."""

from __future__ import annotations

import ast
import os
import re
import shlex
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

import pytest

from app.boot import Runtime
from app.core import migrate
from app.core.settings import Settings
from app.schema import TABLES
from app.web import create_app
from workflows import contracts

ROOT = Path(__file__).parents[2]
_TEXT = ("CharField", "TextField", "JsonText")
_PERSONAL_NAME = re.compile(r"telegram_user|^ip$|user_agent|member_hash|granted_by")


def _code() -> list[Path]:
    return [p for folder in ("app", "workflows", "bot") for p in sorted((ROOT / folder).rglob("*.py"))]


def test_every_route_declares_a_policy(runtime: Runtime) -> None:
    app = create_app(runtime)
    views = {name: view for name, view in app.view_functions.items() if name != "static"}
    assert [name for name, view in views.items() if not hasattr(view, "policy")] == []
    assert len(views) > 15


def test_a_route_without_a_policy_answers_nothing(runtime: Runtime) -> None:
    app = create_app(runtime)
    app.add_url_rule("/forgotten", "forgotten", lambda: "secret")
    answer = app.test_client().get("/forgotten")
    assert answer.status_code == 500 and b"secret" not in answer.data


def test_the_models_equal_the_migrated_schema(runtime: Runtime) -> None:
    assert migrate.pending() == []
    assert migrate.difference(TABLES) == ""


def test_every_queue_is_consumed_by_a_process_of_the_procfile() -> None:
    procfile = (ROOT / "Procfile").read_text()
    named = {value for name, value in vars(contracts).items() if name.endswith("_QUEUE")}
    assert named == set(contracts.QUEUES)
    worker = next(line for line in procfile.splitlines() if line.startswith("worker:"))
    module = ROOT / (shlex.split(worker)[-1].replace(".", "/") + ".py")
    source = module.read_text()
    assert all(name in source for name, value in vars(contracts).items() if name.endswith("_QUEUE"))
    assert "app.jobs.huey" in procfile


def test_every_setting_stands_in_env_example_and_docs() -> None:
    names = {name.upper() for name in Settings.model_fields}
    for place in (".env.example", "docs/settings.md"):
        text = (ROOT / place).read_text()
        listed = set(re.findall(r"^(?:# ?)?([A-Z][A-Z0-9_]+)=|^\| `([A-Z0-9_]+)`", text, re.M))
        assert {a or b for a, b in listed} == names, place


def test_every_setting_is_read_somewhere() -> None:
    trees = [ast.parse(p.read_text()) for p in (*_code(), *sorted((ROOT / "deploy").rglob("*.py")))]
    holders = {"settings", "self", "chosen"}
    read = {
        node.attr
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and ast.unparse(node.value).rsplit(".", 1)[-1] in holders
    }
    assert set(Settings.model_fields) <= read


def test_every_htmx_target_exists_as_an_id() -> None:
    pages = {p: p.read_text() for p in (ROOT / "templates").rglob("*.html")}
    everything = "\n".join(pages.values())
    ids = set(re.findall(r'\bid="([a-z_]+)"', everything))
    targets = set(re.findall(r'hx-target="#([a-z_]+)"', everything))
    given = set(re.findall(r"(?:link_row|sort_header|pagination)\(.*'([a-z_]+)'", everything))
    assert targets and (targets | (given & {"posts_table", "page_body"})) <= ids


def test_every_personal_column_is_annotated() -> None:
    missing = []
    for table in TABLES:
        for column, field in table._meta.columns.items():
            is_text = type(field).__name__ in _TEXT or _PERSONAL_NAME.search(column)
            if is_text and column not in table.personal and column not in table.impersonal:
                missing.append(f"{table.__name__}.{column}")
        unknown = (set(table.personal) | table.impersonal) - set(table._meta.columns)
        missing += [f"{table.__name__}.{column} does not exist" for column in unknown]
    assert missing == []


@pytest.mark.parametrize("path", _code(), ids=lambda p: str(p.relative_to(ROOT)))
def test_no_chance_and_no_simulator_in_shipped_code(path: Path) -> None:
    banned = {"random", "numpy.random", "simulator", "tests"}
    tree = ast.parse(path.read_text())
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    assert not {n for n in names for b in banned if n == b or n.startswith(b + ".")}


def test_peewees_own_date_fields_are_not_used() -> None:
    for table in TABLES:
        assert not [f for f in table._meta.sorted_fields if type(f).__name__ == "DateTimeField"], table


def test_the_web_process_stays_light() -> None:
    code = (
        "import os, sys; import app.wsgi; heavy = {'aiogram', 'pandas', 'prophet', 'temporalio', 'huey', 'numpy'} & set(sys.modules);"
        "print(sorted(heavy))"
    )
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            cwd=ROOT,
            env={"PATH": "/usr/bin", "DATA_DIR": folder},
        )
    assert done.stdout.strip() == "[]", done.stderr


def test_the_whole_suite_enforces_branch_coverage_of_every_product_folder() -> None:
    coverage = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["coverage"]
    assert coverage["run"]["branch"] and coverage["report"]["fail_under"] >= 90
    assert set(coverage["run"]["source"]) == {"app", "bot", "workflows"}
    hidden = {pattern for part in ("run", "report") for pattern in coverage[part]["omit"]}
    assert all("migrations" in pattern for pattern in hidden)
    plain = {"PATH": os.environ["PATH"]}  # `make test ARGS=...` would hand its ARGS down
    command = ["make", "-n", "-o", ".venv/.dev", "test"]
    planned = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=plain)
    assert re.search(r"-m pytest .*--cov$", planned.stdout, re.M), planned.stdout + planned.stderr


def test_capabilities_names_tests_that_exist() -> None:
    rows = re.findall(
        r"^\| ([A-P]\d+) \| (works|open) \| (.*?) \| (.*?) \|$", (ROOT / "docs/capabilities.md").read_text(), re.M
    )
    product = {f"{letter}{n}" for letter, count in _ROWS.items() for n in range(1, count + 1)}
    assert {key for key, *_ in rows} == product
    for key, state, ids, _proof in rows:
        named = re.findall(r"`([\w/]+\.py)::(\w+)`", ids)
        assert state == "open" or named, key
        for file, test in named:
            assert f"def {test}(" in (ROOT / file).read_text(), f"{key}: {file}::{test}"


_ROWS = dict(A=10, B=9, C=8, D=2, E=10, F=8, G=10, H=4, I=4, J=2, K=5, L=6, M=3, N=3, O=4, P=9)
