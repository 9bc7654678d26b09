"""A workspace of its own for the benchmarks: this repository's rooms, and a local cloud nobody else uses."""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

from silolake.cloud import LocalEndpoint, find_local

ROOT = Path(__file__).parents[1]
ROOMS = ("silolake.yaml", "provisioning", "pipelines", "cross_silo_views", "notebooks")
PLACE = ROOT / "build" / "bench"


class Failed(Exception):
    """A command that a benchmark stands on did not end well."""


def silolake(workspace: Path, *arguments: str) -> str:
    """Run a command as a person would, standing in a workspace; what it printed.

    Raises:
        Failed: it ended with another code than 0.
    """
    command = [sys.executable, "-m", "silolake", *arguments]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SILOLAKE_"))}
    done = subprocess.run(command, cwd=workspace, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(f"silolake {' '.join(arguments)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def fresh(name: str) -> Path:
    """An empty folder below ``build/bench``; a local cloud that an earlier benchmark left there is stopped first."""
    folder = PLACE / name
    if folder.exists():
        for data in (folder, folder / ".silolake"):
            if find_local(data) is not None:
                silolake(ROOT, "down", "--directory", str(data))
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    return folder


def rooms(name: str) -> Path:
    """A copy of this repository's rooms."""
    folder = fresh(name)
    for room in ROOMS:
        source = ROOT / room
        shutil.copytree(source, folder / room) if source.is_dir() else shutil.copyfile(source, folder / room)
    return folder


@cache
def demo() -> tuple[Path, float]:
    """The demo's lake, built once for all benchmarks of one invocation, and how long that took."""
    from bench.measuring import timed

    folder = rooms("demo")
    atexit.register(silolake, folder, "down")
    with timed() as watch:
        silolake(folder, "demo")
    return folder, watch.s


def endpoint(workspace: Path) -> LocalEndpoint:
    """Where a workspace's local cloud answers.

    Raises:
        Failed: none is up.
    """
    found = find_local(workspace / ".silolake")
    if found is None:
        raise Failed(f"no local cloud is up in {workspace}")
    return found
