"""The wheel plants `silolake` and nothing else, with every file the engine needs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import silolake

from .tree import PACKAGE, ROOT, linked, tracked


def sources() -> tuple[Path, ...]:
    """What a wheel is built from: the engine, what its links lead to, and what stands beside it."""
    beside = (ROOT / "pyproject.toml", ROOT / "README.md", ROOT / "LICENSE")
    folders = (PACKAGE, *(link.resolve() for link in linked()))
    return tuple(each for each in tracked() if each in beside or any(each.is_relative_to(one) for one in folders))


def shipped() -> set[str]:
    """The names that the wheel must have: the engine's files, and those behind its links."""
    found = {each.relative_to(PACKAGE.parent) for each in sources() if each.is_relative_to(PACKAGE)}
    for link in linked():
        behind = (each.relative_to(link.resolve()) for each in sources() if each.is_relative_to(link.resolve()))
        found |= {link.relative_to(PACKAGE.parent) / each for each in behind}
    return {each.as_posix() for each in found}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """Built from a copy, so that nothing is left beside the sources."""
    folder = tmp_path_factory.mktemp("wheel")
    copy = folder / "source"
    for path in sources():
        target = copy / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    for link in linked():
        target = copy / link.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(link.readlink())
    built = subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "wheel",
            "--no-deps",
            "--no-build-isolation",
            "--wheel-dir",
            str(folder),
            str(copy),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    (path,) = folder.glob("*.whl")
    return zipfile.ZipFile(path)


def test_the_wheel_plants_only_silolake(wheel: zipfile.ZipFile) -> None:
    """No tests, no rooms, no stray top-level module."""
    roots = {Path(name).parts[0] for name in wheel.namelist()}
    assert roots == {"silolake", f"silolake-{silolake.__version__}.dist-info"}


def test_the_wheel_holds_every_file_of_the_engine(wheel: zipfile.ZipFile) -> None:
    """Modules, and the data they read: a file that is forgotten is missed only by whoever installs."""
    held = {name for name in wheel.namelist() if name.startswith("silolake/")}
    assert shipped() == held
    assert sum(name.startswith("silolake/starter/") for name in held) > 20


def test_a_workspace_laid_out_by_the_wheel_can_be_applied(wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    """init, up, bootstrap, apply, and nothing is left to do; by the wheel's own code, far from the clone."""
    installed, workspace = tmp_path / "installed", tmp_path / "workspace"
    wheel.extractall(installed)

    def python(*words: str) -> str:
        # A kernel is handed no PYTHONPATH: it runs by what is installed in this environment, the same engine.
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SILOLAKE_"))}
        done = subprocess.run(
            [sys.executable, *words],
            cwd=workspace, env={**kept, "PYTHONPATH": str(installed)}, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, f"{' '.join(words)}: {done.stdout}{done.stderr}"
        return done.stdout

    def silolake(*words: str) -> str:
        return python("-m", "silolake", *words)

    workspace.mkdir()
    assert python("-c", "import silolake; print(silolake.__file__)").startswith(str(installed))
    said = json.loads(silolake("init", ".", "--lake", "mine", "--json"))
    assert said["lake"] == "mine"
    assert (workspace / "provisioning" / "stack_sets" / "silo_base.yaml").is_file()
    assert (workspace / "notebooks" / "provisioning" / "provision_organization.ipynb").is_file()
    silolake("up", "--port", "0")
    try:
        silolake("bootstrap")
        silolake("apply")
        assert "Nothing to do" in silolake("plan")
        assert json.loads(silolake("lint", "--json")) == []
    finally:
        silolake("down")


def test_the_wheel_carries_the_licence_and_the_command(wheel: zipfile.ZipFile) -> None:
    """Apache-2.0, and `silolake` on the path."""
    about = f"silolake-{silolake.__version__}.dist-info"
    assert b"Apache License" in wheel.read(f"{about}/licenses/LICENSE")
    assert b"License-Expression: Apache-2.0" in wheel.read(f"{about}/METADATA")
    assert b"silolake = silolake.cli:main" in wheel.read(f"{about}/entry_points.txt")
