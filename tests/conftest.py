"""Real databases for every test: SQLite in a file, PostgreSQL started unprivileged on a free port."""

from __future__ import annotations

import atexit
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Generator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import certifi
import coverage
import psycopg
import pytest
from werkzeug.routing import Rule

from app.boot import Runtime, boot
from app.core import db, migrate
from app.core.settings import Settings
from tests.ports import free_port

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


_ROOM = 4 * 2**30


def _memory() -> str | None:
    """A folder in memory, where making a database takes a tenth of the time; None where there is none with room."""
    shared = Path("/dev/shm")
    return str(shared) if shared.is_dir() and shutil.disk_usage(shared).free > _ROOM else None


def pytest_configure() -> None:
    """The tests' folders stand in memory; the variable is pytest's own, and a person's value of it holds."""
    if (folder := _memory()) is not None:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", folder)
    os.environ["CBU_RATES_URL"] = ""  # nobody asks the bank itself; tests of rates name their simulator
    _trust_one_authority()
    _compile_addresses_once()


def _compile_addresses_once() -> None:
    """Each test has an application of its own, with the same 230 addresses: werkzeug compiles each for 0.5 ms."""
    compiled: dict[tuple[object, ...], Any] = {}
    compile_builder = Rule._compile_builder

    def once(rule: Rule, append_unknown: bool = True) -> Any:
        if rule.defaults:
            return compile_builder(rule, append_unknown)
        key = (*rule._trace, append_unknown)
        if key not in compiled:
            compiled[key] = compile_builder(rule, append_unknown)
        return compiled[key]

    Rule._compile_builder = once  # type: ignore[method-assign]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Coverage is counted where SQLite is: the same lines on PostgreSQL say nothing new and take half as long again."""
    measured = coverage.Coverage.current()
    if measured is None or "postgres" not in item.name:
        return (yield)
    measured.stop()
    try:
        return (yield)
    finally:
        measured.start()


def _trust_one_authority() -> None:
    """Each client of HTTP reads what it trusts: 40 ms for the world's 140 authorities, which no test talks to."""
    end = b"-----END CERTIFICATE-----\n"
    first = Path(certifi.where()).read_bytes().partition(end)
    path = Path(tempfile.gettempdir()) / f"analyticbot-authority-{os.getpid()}.pem"
    path.write_bytes(first[0] + first[1])
    atexit.register(path.unlink, missing_ok=True)
    os.environ["SSL_CERT_FILE"] = str(path)  # for the processes that tests start, too
    certifi.where = lambda: str(path)


def _tool(name: str) -> str:
    found = shutil.which(name) or next((str(p) for p in Path("/usr/lib/postgresql").glob(f"*/bin/{name}")), None)
    if found is None:
        pytest.fail(f"PostgreSQL's {name} is missing: run deploy/system-packages test. Half the suite is NOT skipped.")
    return found


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """Address of an own PostgreSQL server, run by an unprivileged user, ended by its own pid."""
    folder = Path(tempfile.mkdtemp(prefix="analyticbot-pg-", dir=_memory()))
    as_user: dict[str, Any] = {}
    if os.geteuid() == 0:
        user = pwd.getpwnam("postgres")
        os.chown(folder, user.pw_uid, user.pw_gid)
        as_user = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    data, port = folder / "data", free_port()
    initdb = [_tool("initdb"), "-D", data, "-U", "tester", "-A", "trust", "-E", "UTF8", "--no-sync", "--locale=C.UTF-8"]
    subprocess.run(initdb, check=True, stdout=subprocess.DEVNULL, cwd=folder, **as_user)
    serve = [_tool("postgres"), "-D", data, "-p", str(port), "-k", folder, "-h", "127.0.0.1", "-c", "fsync=off"]
    server = subprocess.Popen(
        serve, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder, start_new_session=True, **as_user
    )
    address = f"postgresql://tester@127.0.0.1:{port}"
    try:
        _wait_for(address)
        yield address
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(20)
        shutil.rmtree(folder, ignore_errors=True)


def _wait_for(address: str) -> None:
    for _ in range(100):
        try:
            psycopg.connect(f"{address}/postgres", connect_timeout=2).close()
            return
        except psycopg.OperationalError:
            time.sleep(0.1)
    pytest.fail("PostgreSQL did not start. Half the suite is NOT skipped.")


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite database at the present schema, to be copied: migrating anew takes longer than most tests."""
    path = tmp_path_factory.mktemp("migrated") / "empty.sqlite3"
    _migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def migrated_template(postgres_server: str) -> str:
    """The same as a database of the PostgreSQL server."""
    name = f"migrated_{os.getpid()}"
    _execute(postgres_server, f'CREATE DATABASE "{name}"')
    _migrate(f"{postgres_server}/{name}")
    return name


def _migrate(address: str) -> None:
    store = db.connect(address)
    migrate.up()
    store.close()


def _execute(server: str, statement: str) -> None:
    with psycopg.connect(f"{server}/postgres", autocommit=True) as admin:
        admin.execute(statement)  # type: ignore[call-overload]


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database of each kind, empty and at the present schema."""
    if request.param == "sqlite":
        shutil.copyfile(request.getfixturevalue("migrated_file"), tmp_path / "test.sqlite3")
        yield f"sqlite:///{tmp_path / 'test.sqlite3'}"
    else:
        server, template = request.getfixturevalue("postgres_server"), request.getfixturevalue("migrated_template")
        yield from _postgres(server, request.node.nodeid, f'TEMPLATE "{template}"')


@pytest.fixture(params=["sqlite", "postgres"])
def bare_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database of each kind without any table."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'test.sqlite3'}"
    else:
        yield from _postgres(request.getfixturevalue("postgres_server"), request.node.nodeid, "")


def _postgres(server: str, test: str, how: str) -> Iterator[str]:
    name = f"t{os.getpid()}_{abs(hash(test)) % 10**9}"
    _execute(server, f'CREATE DATABASE "{name}" {how}')
    try:
        yield f"{server}/{name}"
    finally:
        db.database.close_all() if hasattr(db.database, "close_all") else db.database.close()
        _execute(server, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@pytest.fixture
def runtime(database_url: str, tmp_path: Path) -> Iterator[Runtime]:
    """A database of each kind and the composed adapters, without a line to Telegram."""
    settings = Settings(database_url=database_url, data_dir=tmp_path, demo=True, _env_file=None)  # type: ignore[call-arg]
    yield boot("web", settings)
    if not db.database.is_closed():
        db.database.close()


@pytest.fixture
def now() -> datetime:
    return NOW
