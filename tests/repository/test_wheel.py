"""The wheel plants `silolake` and nothing else, with every file the engine needs."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import silolake

from .tree import PACKAGE, ROOT, tracked


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """Built from a copy, so that nothing is left beside the sources."""
    folder = tmp_path_factory.mktemp("wheel")
    copy = folder / "source"
    for path in tracked():
        if path.is_relative_to(PACKAGE) or path in (ROOT / "pyproject.toml", ROOT / "README.md", ROOT / "LICENSE"):
            target = copy / path.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
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
    wanted = {path.relative_to(PACKAGE.parent).as_posix() for path in tracked() if path.is_relative_to(PACKAGE)}
    held = {name for name in wheel.namelist() if name.startswith("silolake/")}
    assert wanted == held


def test_the_wheel_carries_the_licence_and_the_command(wheel: zipfile.ZipFile) -> None:
    """Apache-2.0, and `silolake` on the path."""
    about = f"silolake-{silolake.__version__}.dist-info"
    assert b"Apache License" in wheel.read(f"{about}/licenses/LICENSE")
    assert b"License-Expression: Apache-2.0" in wheel.read(f"{about}/METADATA")
    assert b"silolake = silolake.cli:main" in wheel.read(f"{about}/entry_points.txt")
