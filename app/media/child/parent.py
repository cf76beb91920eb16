"""The parent's side: start the child, hear it, end it, and leave nothing behind."""

from __future__ import annotations

import json
import os
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.core.i18n import N_
from app.core.telemetry import log
from app.media.child.errors import Cancelled, Crashed, Refused, TimedOut
from app.media.child.limits import Limits
from app.media.child.slots import slot

_ROOT = Path(__file__).resolve().parents[3]
_WORK = ".media-work-"
_LOOK_EVERY_S = 0.2
_MOST_TOLD = 1_000_000
_SAID = 2000
_ENCODERS = frozenset({"mark_video"})


@dataclass(frozen=True, slots=True)
class Isolation:
    """Which walls the kernel gives: no network at all, and no files but the task's own."""

    has_no_network: bool = False
    sees_own_files: bool = False


@dataclass(frozen=True, slots=True)
class Spent:
    """What a task cost; memory is the peak of its largest process, 0 where it died before it could tell."""

    wall_s: float
    cpu_s: float
    peak_bytes: int


def run(
    task: str,
    params: Mapping[str, Any],
    *,
    limits: Limits = Limits(),  # noqa: B008 - frozen
    on_progress: Callable[[float], None] = lambda _share: None,
    is_cancelled: Callable[[], bool] = lambda: False,
    slots: Path | None = None,
    on_end: Callable[[Spent], None] = lambda _spent: None,
) -> dict[str, Any]:
    """Do a task of app/media/child/tasks.py in a process of its own and return what it tells.

    `source`, `mark.logo` and `target` of `params` are paths; the target gets its name when it is whole, and the work
    folder beside it is always removed. `slots` is a folder shared by all processes that encode videos; the wait for a
    slot does not count as the task's time. Raises Refused, TimedOut, Cancelled, Crashed.
    """
    with _may_encode(task, slots, is_cancelled), _work_folder(params) as folder:
        child = _Child(task, params, limits, folder)
        try:
            result = child.hear(on_progress, is_cancelled)
        finally:
            spent = child.end()
            log().info("media_task", task=task, wall_s=round(spent.wall_s, 2), cpu_s=round(spent.cpu_s, 2))
            on_end(spent)
        if "target" in params:
            _settle(folder / "result", Path(str(params["target"])))
        return result


def isolation() -> Isolation:
    """Which walls children have on this machine, by starting one."""
    with _work_folder({}) as folder:
        child = _Child("tools", {}, Limits(), folder)
        try:
            child.hear(lambda _share: None, lambda: False)
        finally:
            child.end()
        return child.isolation


def sweep(folder: Path, *, older_than_s: float, now_s: float) -> int:
    """Remove work folders that a killed parent left under `folder`; returns how many."""
    gone = 0
    for path in folder.rglob(f"{_WORK}*"):
        if path.is_dir() and now_s - path.stat().st_mtime > older_than_s:
            shutil.rmtree(path, ignore_errors=True)
            gone += 1
    return gone


@contextmanager
def _may_encode(task: str, slots: Path | None, is_cancelled: Callable[[], bool]) -> Iterator[None]:
    if task not in _ENCODERS:
        yield
        return
    shared = slots or Path(tempfile.gettempdir()) / f"analyticbot-encoders-{os.getuid()}"
    with slot(shared, is_cancelled=is_cancelled) as may:
        if not may:
            raise _called_off()
        yield


@contextmanager
def _work_folder(params: Mapping[str, Any]) -> Iterator[Path]:
    """Beside the target, so that the result is only renamed."""
    beside = Path(str(params["target"])).parent.resolve() if "target" in params else None
    folder = Path(tempfile.mkdtemp(prefix=_WORK, dir=beside))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class _Child:
    """One process, the leader of its own group, from its start to its end."""

    def __init__(self, task: str, params: Mapping[str, Any], limits: Limits, folder: Path) -> None:
        self._limits, self._folder, self._started = limits, folder, time.monotonic()
        self.isolation, self._peak_bytes = Isolation(), 0
        with tempfile.TemporaryFile("w+", dir=folder) as given, (folder / "said").open("wb") as said:
            json.dump(_given(task, params, limits), given)
            given.seek(0)
            self._process = subprocess.Popen(
                [sys.executable, "-s", "-P", "-m", "app.media.child"],
                stdin=given,
                stdout=subprocess.PIPE,
                stderr=said,
                cwd=folder,
                env=_environment(folder),
                start_new_session=True,
            )

    def hear(self, on_progress: Callable[[float], None], is_cancelled: Callable[[], bool]) -> dict[str, Any]:
        """What it tells until it has told how it ended."""
        for told in self._lines(is_cancelled):
            if "progress" in told:
                on_progress(float(told["progress"]))
            elif "isolation" in told:
                self.isolation = Isolation(**told["isolation"])
                _warn_once(self.isolation)
            elif "peak_bytes" in told:
                self._peak_bytes = int(told["peak_bytes"])
            elif "result" in told:
                return dict(told["result"])
            elif "refused" in told:
                raise _refused(told["refused"])
            elif told.get("crashed") == "memory":
                raise _too_much_memory()
        raise self._death()

    def _lines(self, is_cancelled: Callable[[], bool]) -> Iterator[dict[str, Any]]:
        assert self._process.stdout is not None
        stream, rest, told = self._process.stdout.fileno(), b"", 0
        with selectors.DefaultSelector() as selector:
            selector.register(stream, selectors.EVENT_READ)
            while True:
                self._check(is_cancelled)
                if not selector.select(_LOOK_EVERY_S):
                    continue
                piece = os.read(stream, 65536)
                told += len(piece)
                if not piece or told > _MOST_TOLD:
                    return
                *lines, rest = (rest + piece).split(b"\n")
                for line in lines:
                    yield _understood(line)

    def _check(self, is_cancelled: Callable[[], bool]) -> None:
        if is_cancelled():
            raise _called_off()
        if time.monotonic() - self._started > self._limits.wall_s:
            raise self._too_slow()

    def _death(self) -> Exception:
        """Why it ended without a word."""
        status = self._waited()
        said = (self._folder / "said").read_bytes()[-_SAID:].decode(errors="replace")
        log().warning("media_child_died", status=status, said=said)
        if status == -signal.SIGXCPU:
            return self._too_slow()
        if status == -signal.SIGKILL:
            return _too_much_memory()
        return Crashed(N_("This file broke the program that works on it."), code="crashed")

    def _too_slow(self) -> TimedOut:
        return TimedOut(N_("This file takes longer than %(most)s seconds to work on."), most=round(self._limits.wall_s))

    def end(self) -> Spent:
        """End what is left of it, whatever happened, and say what it cost."""
        self._waited(is_over=False)
        if self._process.stdout is not None:
            self._process.stdout.close()
        return self._spent

    def _waited(self, *, is_over: bool = True) -> int:
        """Its status (negative: a signal); the whole group is killed, while its number is still its own."""
        if self._process.returncode is None:
            if is_over:
                os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT)
            os.killpg(self._process.pid, signal.SIGKILL)
            _pid, status, usage = os.wait4(self._process.pid, 0)
            self._process.returncode = os.waitstatus_to_exitcode(status)
            wall_s = time.monotonic() - self._started
            self._spent = Spent(wall_s, usage.ru_utime + usage.ru_stime, self._peak_bytes)
        return int(self._process.returncode)


def _given(task: str, params: Mapping[str, Any], limits: Limits) -> dict[str, Any]:
    bounds = {"pixels": limits.pixels, "frames": limits.frames}
    most = {"memory_bytes": limits.memory_bytes, "wall_s": limits.wall_s, "file_bytes": limits.file_bytes}
    return {"task": task, "params": _resolved(params), "limits": most, "bounds": bounds, "parent": os.getpid()}


def _resolved(params: Mapping[str, Any]) -> dict[str, Any]:
    """Paths as they are seen from another folder; the target stays with the parent."""
    found = {name: value for name, value in params.items() if name != "target"}
    if found.get("source"):
        found["source"] = str(Path(str(found["source"])).resolve())
    mark = dict(found.get("mark") or {})
    if mark.get("logo"):
        found["mark"] = mark | {"logo": str(Path(str(mark["logo"])).resolve())}
    return found


def _environment(folder: Path) -> dict[str, str]:
    """Nothing of ours: no keys, no tokens, no addresses of databases."""
    own = {"HOME": str(folder), "TMPDIR": str(folder), "LANG": "C.UTF-8", "PYTHONPATH": str(_ROOT)}
    return (
        own
        | {"PATH": os.environ.get("PATH", os.defpath)}
        | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    )


def _understood(line: bytes) -> dict[str, Any]:
    try:
        told = json.loads(line)
    except ValueError:
        told = None
    if not isinstance(told, dict):
        raise Crashed(N_("This file broke the program that works on it."), code="crashed")
    return told


def _refused(told: Mapping[str, Any]) -> Refused:
    return Refused(str(told["sentence"]), code=str(told["code"]), **dict(told["params"]))


def _too_much_memory() -> Crashed:
    return Crashed(N_("This file needs more memory than we give to one."), code="memory")


def _called_off() -> Cancelled:
    return Cancelled(N_("This was called off."))


def _settle(result: Path, target: Path) -> None:
    """The name comes last, and is on the disk when we say so."""
    os.replace(result, target)
    folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


_warned: set[Isolation] = set()


def _warn_once(found: Isolation) -> None:
    if found in _warned or (found.has_no_network and found.sees_own_files):
        return
    _warned.add(found)
    log().warning(
        "media_child_not_isolated",
        has_no_network=found.has_no_network,
        sees_own_files=found.sees_own_files,
        what="people's files are worked on by processes that could reach the network or other files of this user",
    )
