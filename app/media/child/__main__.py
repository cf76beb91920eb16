"""The child: closes itself in, reads one task from stdin, tells of it on stdout in lines of JSON, ends."""

from __future__ import annotations

from app.media.child import sandbox  # stands first: unshare refuses a process that has threads

_HAS_NO_NETWORK = sandbox.leave_network()

import json  # noqa: E402
import os  # noqa: E402
import resource  # noqa: E402
import sys  # noqa: E402
import traceback  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

from app.media.marks.linux import end_with_parent  # noqa: E402

_ROOT = Path(__file__).resolve().parents[3]
# libraries, fonts, and what the loader and ImageMagick look up; nothing that keeps a secret
_SYSTEM = (
    "/usr",
    "/lib",
    "/lib64",
    "/etc/ld.so.cache",
    "/etc/ld.so.preload",
    "/etc/ImageMagick-6",
    "/etc/ImageMagick-7",
    "/etc/fonts",
)
_DEVICES = ("/dev/urandom", "/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/sys/devices/system/cpu")


def main() -> None:
    given = json.load(sys.stdin)
    end_with_parent()
    if os.getppid() != given["parent"]:
        sys.exit(1)  # it ended before we could ask to be told
    sandbox.take_limits(counts_own_processes=_HAS_NO_NETWORK, **given["limits"])
    sees_own_files = _see_only(given["params"])
    _tell({"isolation": {"has_no_network": _HAS_NO_NETWORK, "sees_own_files": sees_own_files}})
    done = _done(given["task"], given["params"], given["bounds"])
    _tell({"peak_bytes": _peak_bytes()})
    _tell(done)


def _done(task: str, params: dict[str, Any], bounds: dict[str, int]) -> dict[str, Any]:
    from app.media.child.tasks import TASKS  # Pillow is loaded behind the walls
    from app.media.marks.refusal import Refusal

    try:
        return {"result": TASKS[task](params, bounds, lambda share: _tell({"progress": round(share, 4)}))}
    except Refusal as refusal:
        return {"refused": {"sentence": refusal.sentence, "code": refusal.code, "params": refusal.params}}
    except MemoryError:
        return {"crashed": "memory"}
    except Exception:  # noqa: BLE001 - the edge of a process: the parent hears of whatever it was
        traceback.print_exc()
        return {"crashed": "fault"}


def _peak_bytes() -> int:
    """Of this process and of the largest that it started; the kernel's figure for us begins with our parent's size."""
    status = Path("/proc/self/status").read_text()
    own = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:"))
    return max(own, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) * 1024


def _see_only(params: dict[str, Any]) -> bool:
    python = {sys.prefix, sys.base_prefix, sys.exec_prefix}
    sources = [params.get("source"), (params.get("mark") or {}).get("logo")]
    read = [*_SYSTEM, *_DEVICES, *python, _ROOT / "app", *(source for source in sources if source)]
    return sandbox.see_only(read=[Path(path) for path in read], listed=[_ROOT], written=[Path.cwd(), Path("/dev/null")])


def _tell(what: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
