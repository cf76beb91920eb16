"""The child: what it cannot reach, how it ends, and that nothing of it stays."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from app.core.errors import Invalid
from app.media import child
from app.media.child import parent
from app.media.child.slots import slot
from tests.media.hostile.conftest import Server
from tests.media.hostile.pieces import clip, saved, scene

_ROOT = Path(__file__).parents[3]
_MARK = {"text": "© me"}


@pytest.fixture
def film(tmp_path: Path) -> dict[str, Any]:
    """A video that takes a while, and where its marked copy goes."""
    (tmp_path / "film.mp4").write_bytes(clip(seconds="60", size="640x360"))
    target = str(tmp_path / "out" / "film")
    (tmp_path / "out").mkdir()
    return {"source": str(tmp_path / "film.mp4"), "target": target, "mark": _MARK, "preset": "medium"}


@pytest.fixture
def photo(tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "photo.jpg").write_bytes(saved(scene(), "JPEG"))
    (tmp_path / "out").mkdir()
    return {"source": str(tmp_path / "photo.jpg"), "target": str(tmp_path / "out" / "photo"), "mark": _MARK}


def _descendants(pid: int) -> set[int]:
    """The living processes that a process started, and theirs."""
    found = set()
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for one in task.read_text().split():
            found |= {int(one)} | _descendants(int(one))
    return found


def _of_tasks() -> set[int]:
    """What the child's tasks of this process are: another test's database and servers are its children too."""
    found = set()
    for pid in _descendants(os.getpid()):
        try:
            line = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            continue
        if b"app.media.child" in line or b"ffmpeg" in line:
            found.add(pid)
    return found


def _is_alive(pid: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def _until(what: Callable[[], Any], *, within_s: float = 20) -> Any:
    ends = time.monotonic() + within_s
    while time.monotonic() < ends:
        if found := what():
            return found
        time.sleep(0.05)
    raise AssertionError("it did not come")


def _has_ffmpeg(pids: set[int]) -> int | None:
    for pid in pids:
        try:
            if Path(f"/proc/{pid}/comm").read_text().strip() == "ffmpeg":
                return pid
        except OSError:
            continue
    return None


def test_the_result_is_there_whole_and_nothing_else(photo: dict[str, Any]) -> None:
    told = child.run("mark_image", photo)
    target = Path(photo["target"])
    assert (told["mime"], told["width"]) == ("image/jpeg", 240)
    assert [path.name for path in target.parent.iterdir()] == ["photo"] and target.stat().st_size > 1000


def test_the_same_task_twice_gives_the_same_bytes(photo: dict[str, Any]) -> None:
    child.run("mark_image", photo)
    first = Path(photo["target"]).read_bytes()
    child.run("mark_image", photo)
    assert Path(photo["target"]).read_bytes() == first


def test_progress_of_a_video_is_heard_while_it_runs(film: dict[str, Any]) -> None:
    seen: list[float] = []
    child.run("mark_video", film | {"preset": "ultrafast"}, on_progress=seen.append, limits=child.Limits.for_video(100))
    assert len(seen) > 3 and seen == sorted(seen) and seen[-1] == 1.0


def test_a_refusal_is_a_sentence_for_people(photo: dict[str, Any]) -> None:
    Path(photo["source"]).write_text("no picture")
    with pytest.raises(child.Refused) as refused:
        child.run("mark_image", photo)
    assert isinstance(refused.value, Invalid) and refused.value.status == 422 and refused.value.permanent
    assert refused.value.code == "kind" and refused.value.message.startswith("We work on JPEG, PNG")


def test_a_task_that_takes_too_long_is_ended_with_all_that_it_started(film: dict[str, Any], tmp_path: Path) -> None:
    started = time.monotonic()
    with pytest.raises(child.TimedOut, match="2 seconds"):
        child.run("mark_video", film, limits=child.Limits.for_video(2))
    assert time.monotonic() - started < 8
    assert _of_tasks() == set() and list((tmp_path / "out").iterdir()) == []


def test_a_task_that_is_called_off_ends_at_once(film: dict[str, Any], tmp_path: Path) -> None:
    ffmpeg: list[int] = []

    def is_cancelled() -> bool:
        ffmpeg.extend(filter(None, [_has_ffmpeg(_of_tasks())]))
        return bool(ffmpeg)

    with pytest.raises(child.Cancelled):
        child.run("mark_video", film, limits=child.Limits.for_video(100), is_cancelled=is_cancelled)
    _until(lambda: not _is_alive(ffmpeg[0]), within_s=3)
    assert list((tmp_path / "out").iterdir()) == []


def test_a_child_that_is_killed_leaves_nothing(film: dict[str, Any], tmp_path: Path) -> None:
    def kill() -> None:
        ffmpeg = _until(lambda: _has_ffmpeg(_of_tasks()))
        leader = int(Path(f"/proc/{ffmpeg}/status").read_text().split("PPid:")[1].split()[0])
        os.kill(leader, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    with pytest.raises(child.Crashed):
        child.run("mark_video", film, limits=child.Limits.for_video(100))
    killer.join()
    assert _of_tasks() == set() and list((tmp_path / "out").iterdir()) == []


def test_a_parent_that_is_killed_takes_its_child_along(film: dict[str, Any], tmp_path: Path) -> None:
    code = (
        "import json, sys; from app.media import child; "
        "child.run('mark_video', json.loads(sys.argv[1]), limits=child.Limits.for_video(100))"
    )
    process = subprocess.Popen([sys.executable, "-c", code, json.dumps(film)], cwd=_ROOT, stderr=subprocess.DEVNULL)
    try:
        _until(lambda: _has_ffmpeg(_descendants(process.pid)))
        family = _descendants(process.pid)
        assert len(family) == 2
    finally:
        process.kill()
        process.wait()
    _until(lambda: not any(_is_alive(pid) for pid in family), within_s=5)
    left = list((tmp_path / "out").iterdir())
    assert len(left) == 1 and left[0].name.startswith(".media-work-")
    assert child.sweep(tmp_path, older_than_s=3600, now_s=time.time()) == 0
    assert child.sweep(tmp_path, older_than_s=3600, now_s=time.time() + 4000) == 1
    assert list((tmp_path / "out").iterdir()) == []


def test_a_task_that_needs_too_much_memory_is_said_to(photo: dict[str, Any]) -> None:
    Path(photo["source"]).write_bytes(saved(scene(4000, 3000), "JPEG"))
    with pytest.raises(child.Crashed) as crashed:
        child.run("mark_image", photo, limits=child.Limits(memory_mb=40))
    assert crashed.value.code == "memory"
    assert child.run("mark_image", photo, limits=child.Limits(wall_s=60))["width"] == 4000


def test_a_result_that_grows_too_large_is_refused(film: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(child.Refused) as refused:
        child.run("mark_video", film, limits=child.Limits.for_video(100, file_mb=1))
    assert refused.value.code == "too_large" and list((tmp_path / "out").iterdir()) == []


def test_a_fault_of_ours_is_a_crash_and_is_logged(photo: dict[str, Any]) -> None:
    with capture_logs() as logs, pytest.raises(child.Crashed):
        child.run("no_such_task", photo)
    assert [(line["event"], "KeyError" in line["said"]) for line in logs if line["event"] == "media_child_died"] == [
        ("media_child_died", True)
    ]


def test_the_child_hears_none_of_our_secrets(photo: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "CANARY-KEY")
    heard: list[bytes] = []

    def is_cancelled() -> bool:
        for pid in _of_tasks():
            heard.append(Path(f"/proc/{pid}/environ").read_bytes())
        return False

    child.run("mark_image", photo, is_cancelled=is_cancelled)
    theirs = [one for one in heard if b"PYTHONPATH" in one]
    assert theirs and not any(b"CANARY-KEY" in one for one in theirs)


def test_the_child_loads_nothing_of_the_app() -> None:
    code = (
        "import sys, app.media.child.__main__, app.media.child.tasks, app.media.marks.stills, app.media.marks.videos;"
        "print(sorted(name for name in sys.modules if name.split('.')[0] in"
        " ('flask', 'peewee', 'huey', 'babel', 'structlog') or name.startswith(('app.core', 'app.media.child.parent', 'app.boot'))))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=_ROOT)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


def _inside(code: str, *arguments: str, before: tuple[str, ...] = ()) -> str:
    line = [*before, sys.executable, "-c", f"import sys, socket; from pathlib import Path; {code}", *arguments]
    # Without the measuring of coverage, which wants to write a file of its own and may not.
    env = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    done = subprocess.run(line, capture_output=True, text=True, cwd=_ROOT, timeout=60, env=env)
    return (done.stdout + done.stderr).strip().rsplit("\n", 1)[-1]


def test_there_is_no_network_behind_the_wall_and_there_is_one_without_it(server: Server) -> None:
    port = server.address.rsplit(":", 1)[1]
    call = "socket.create_connection(('127.0.0.1', int(sys.argv[1])), 2); print('called')"
    assert _inside(call, port) == "called" and len(server.callers) == 1
    leave = "from app.media.child import sandbox; assert sandbox.leave_network(); "
    assert "Network is unreachable" in _inside(leave + call, port)
    assert len(server.callers) == 1


def test_other_files_are_closed_behind_the_wall_and_open_without_it(tmp_path: Path) -> None:
    for name in ("secret", "own", "work"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(f"{name} CANARY")
    read = "print(Path(sys.argv[1], 'file').read_text())"
    assert _inside(read, str(tmp_path / "secret")) == "secret CANARY"
    wall = (
        "from app.media.child import sandbox; assert sandbox.see_only("
        "read=[Path(sys.argv[2], 'file')], listed=[], written=[Path(sys.argv[3])]); "
    )
    places = [str(tmp_path / "own"), str(tmp_path / "work")]
    assert "PermissionError" in _inside(wall + read, str(tmp_path / "secret"), *places)
    assert _inside(wall + read, str(tmp_path / "own"), *places) == "own CANARY"
    write = "Path(sys.argv[1], 'new').write_text('x'); print('written')"
    assert _inside(wall + write, str(tmp_path / "work"), *places) == "written"
    assert "PermissionError" in _inside(wall + write, str(tmp_path / "own"), *places)
    links = "import os; os.symlink(sys.argv[1] + '/file', sys.argv[3] + '/link'); print(Path(sys.argv[3], 'link').read_text())"
    assert "PermissionError" in _inside(wall + links, str(tmp_path / "secret"), *places)


def test_this_machine_has_both_walls() -> None:
    assert child.isolation() == child.Isolation(has_no_network=True, sees_own_files=True)


def test_where_the_kernel_refuses_the_log_says_so_loudly_and_once(photo: dict[str, Any]) -> None:
    """Inside a user namespace whose limit of network namespaces is nought."""
    code = (
        "import json; from app.media import child; params = json.loads(sys.argv[1]); "
        "child.run('mark_image', params); child.run('mark_image', params); print(child.isolation())"
    )
    refuse = 'echo 0 > /proc/sys/user/max_net_namespaces && exec "$@"'
    line = ["unshare", "-Ur", "sh", "-c", refuse, "sh", sys.executable, "-c", f"import sys; {code}", json.dumps(photo)]
    done = subprocess.run(line, capture_output=True, text=True, cwd=_ROOT, timeout=60)
    told = done.stdout + done.stderr
    assert "Isolation(has_no_network=False, sees_own_files=True)" in told, told
    assert told.count("media_child_not_isolated") == 1 and "warning" in told
    assert Path(photo["target"]).exists()


def test_where_both_walls_stand_nothing_is_said(photo: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parent, "_warned", set())
    with capture_logs() as logs:
        child.run("mark_image", photo)
    assert [line["event"] for line in logs] == ["media_task"]


def test_a_child_that_talks_nonsense_is_a_crash() -> None:
    for line in (b"no json", b"[]", b"7"):
        with pytest.raises(child.Crashed):
            parent._understood(line)


@pytest.fixture
def held(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "slots"
    with slot(folder, is_cancelled=lambda: False, count=2) as may:
        assert may
        yield folder


def test_as_many_encode_at_once_as_there_are_slots(held: Path) -> None:
    with slot(held, is_cancelled=lambda: False, count=2) as second:
        assert second
        with slot(held, is_cancelled=lambda: True, count=2) as third:
            assert not third
    with slot(held, is_cancelled=lambda: True, count=2) as again:
        assert again


def test_a_slot_comes_back_when_its_holder_dies(tmp_path: Path) -> None:
    folder = tmp_path / "slots"
    code = (
        "import sys, time; from pathlib import Path; from app.media.child.slots import slot\n"
        "with slot(Path(sys.argv[1]), is_cancelled=lambda: False, count=1): print('held', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen([sys.executable, "-c", code, str(folder)], cwd=_ROOT, stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None and holder.stdout.readline() == "held\n"
    with slot(folder, is_cancelled=lambda: True, count=1) as may:
        assert not may
    holder.kill()
    holder.wait()
    holder.stdout.close()
    with slot(folder, is_cancelled=lambda: True, count=1) as may:
        assert may


def test_a_video_waits_for_its_slot_and_can_be_called_off_meanwhile(film: dict[str, Any], tmp_path: Path) -> None:
    folder = tmp_path / "slots"
    names = [slot(folder, is_cancelled=lambda: False) for _ in os.sched_getaffinity(0)]
    for one in names:
        assert one.__enter__()
    asked: list[int] = []
    with pytest.raises(child.Cancelled):
        child.run("mark_video", film, slots=folder, is_cancelled=lambda: bool(asked.append(1) or len(asked) > 1))
    assert _has_ffmpeg(_of_tasks()) is None
    for one in names:
        one.__exit__(None, None, None)


def test_the_doctor_tells_of_walls_and_tools(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from app.cli import doctor

    assert doctor._media() and "ok   media: people's files are worked on without network" in capsys.readouterr().out
    monkeypatch.setattr(child, "isolation", child.Isolation, raising=False)
    monkeypatch.setattr(child, "run", lambda *_args: {"missing": ["ffmpeg"]}, raising=False)
    assert not doctor._media()
    told = capsys.readouterr().out
    assert "FAIL media: ffmpeg is not installed" in told and "WITH network" in told and "no Landlock" in told
