"""Workspaces of their own for tests that live through the example, and the command as a person types it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROOMS = ("provisioning", "pipelines", "cross_silo_views", "notebooks")
_GIT = ("git", "-c", "user.name=A person", "-c", "user.email=person@lake.example", "-c", "commit.gpgsign=false")


def make_workspace(folder: Path) -> Path:
    """This repository's rooms as a workspace of its own, committed to a Git repository of its own. Writes.

    Args:
        folder: made if it is not there; the workspace is ``folder / "lake"``.

    Returns:
        The workspace's root.
    """
    root = folder / "lake"
    root.mkdir(parents=True)
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", "silolake.yaml", ".gitignore", *ROOMS],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        source, target = ROOT / name, root / name
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
    subprocess.run([*_GIT, "init", "--quiet", "--initial-branch=main"], cwd=root, check=True)
    commit(root, "The example")
    return root


def commit(root: Path, message: str) -> None:
    """Commit all that changed in a workspace. Writes."""
    subprocess.run([*_GIT, "add", "--all"], cwd=root, check=True)
    subprocess.run([*_GIT, "commit", "--quiet", f"--message={message}"], cwd=root, check=True)


def environment(further: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's environment without anything that AWS's libraries or silolake would hear."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SILOLAKE_"))}
    return {**kept, **(further or {})}


def silolake(
    root: Path, *args: str, check: bool = True, env: Mapping[str, str] | None = None, timeout: float = 300
) -> subprocess.CompletedProcess[str]:
    """The command, typed in a workspace, by the interpreter of the tests.

    Args:
        root: the folder it is typed in.
        args: its words.
        check: whether any other exit code than 0 fails the test, with what the command said.
        env: variables beside the ordinary ones.
        timeout: in seconds.
    """
    done = subprocess.run(
        [sys.executable, "-m", "silolake", *args],
        cwd=root,
        env=environment(env),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
    )
    if check and done.returncode != 0:
        raise AssertionError(f"silolake {' '.join(args)} ended {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done
