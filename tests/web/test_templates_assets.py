"""deploy/assets.py: hashed names, and no work while nothing changed."""

from __future__ import annotations

import json
from pathlib import Path

from deploy import assets

ROOT = Path(__file__).parents[2]


def fake_packages(root: Path) -> None:
    for source in assets.FILES.values():
        path = root / "node_modules" / source
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"// {source}")


def test_copies_carry_their_hash_and_older_ones_go(tmp_path: Path) -> None:
    fake_packages(tmp_path)
    first = assets.copy(tmp_path, "lock")
    (tmp_path / "node_modules" / assets.FILES["htmx.min.js"]).write_text("// changed")
    second = assets.copy(tmp_path, "lock")
    assert first["htmx.min.js"] != second["htmx.min.js"]
    kept = {path.name for path in (tmp_path / "static" / "vendor").iterdir()}
    assert kept == {*second.values(), "manifest.json"}


def test_up_to_date_means_same_lock_and_whole_files(tmp_path: Path) -> None:
    assert not assets.is_current(tmp_path, "lock", dev=False)
    fake_packages(tmp_path)
    names = assets.copy(tmp_path, "lock")
    assert assets.is_current(tmp_path, "lock", dev=False)
    assert not assets.is_current(tmp_path, "other lock", dev=False)
    (tmp_path / "static" / "vendor" / names["htmx.min.js"]).write_text("cut off")
    assert not assets.is_current(tmp_path, "lock", dev=False)


def test_versions_are_exact_and_the_lock_names_no_registry() -> None:
    package = json.loads((ROOT / "package.json").read_text())
    versions = [*package["dependencies"].values(), *package["devDependencies"].values()]
    assert all(version[0].isdigit() for version in versions)
    assert "resolved" not in (ROOT / "package-lock.json").read_text()
