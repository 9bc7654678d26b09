"""The Git remote of a service: a bare repository whose pushes are handed to the service before they land.

Git runs ``pre-receive`` after it has taken the pushed objects and before it moves a branch; what the hook prints is
shown to who pushes, and where it fails nothing moves. So ``main`` here is always what was applied last.
https://git-scm.com/docs/githooks#pre-receive
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from silolake.errors import WrongState
from silolake.service.places import Places

MAIN = "refs/heads/main"
NOTHING = "0" * 40
_PATIENCE_S = 120
_YOUNG_S = 3600


def ensure(places: Places) -> Path:
    """The bare repository, with the hook of this installation. Writes.

    Raises:
        WrongState: git is not there, or refuses.
    """
    remote = places.remote
    if not (remote / "HEAD").is_file():
        git(places.data, "init", "--quiet", "--bare", "--initial-branch=main", str(remote))
    # Bitmaps and packs are of no use to a handful of pushes, and a daemon of Git's would outlive the service.
    git(remote, "config", "gc.auto", "0")
    hook = remote / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    words = shlex.join([sys.executable, "-m", "silolake.service.hook", str(places.root), str(places.data)])
    hook.write_text(f"#!/bin/sh\nexec {words}\n", encoding="utf-8")
    hook.chmod(0o700)
    return remote


def check_out(places: Places, commit: str, repository: Path) -> Path:
    """A commit's files in a folder of its own; once made it is used again. Writes.

    Args:
        places: where folders of commits lie.
        commit: its full id.
        repository: where it is; its environment may point Git at objects that have only just arrived.

    Raises:
        WrongState: there is no such commit, or a link in it leads out of it.
    """
    folder = places.commits / commit
    if folder.is_dir():
        return folder
    places.commits.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.TemporaryDirectory(dir=places.commits, prefix=".new-") as passing:
        tree, index = Path(passing) / "tree", Path(passing) / "index"
        tree.mkdir()
        # An archive would leave out what .gitattributes says; the index does not.
        own = {"GIT_DIR": str(repository), "GIT_INDEX_FILE": str(index), "GIT_WORK_TREE": str(tree)}
        git(repository, "read-tree", commit, environment={**os.environ, **own})
        git(repository, "checkout-index", "--all", environment={**os.environ, **own})
        for path in tree.rglob("*"):
            if path.is_symlink() and not path.resolve().is_relative_to(tree.resolve()):
                told = f"{path.relative_to(tree)} is a link that leads out of the commit"
                raise WrongState(told, "Commit the file itself")
        try:
            tree.rename(folder)
        except OSError:  # another push of the same commit was quicker
            if not folder.is_dir():
                raise
    return folder


def forget_commits(places: Places, kept: frozenset[str]) -> None:
    """Remove the folders of commits that nobody needs any more. Writes.

    A folder that was made just now stays: whoever pushed it may not have asked for it yet.

    Args:
        places: where they lie.
        kept: the ids of those that are needed.
    """
    for folder in places.commits.glob("*"):
        if folder.name not in kept and time.time() - folder.stat().st_mtime > _YOUNG_S:
            shutil.rmtree(folder, ignore_errors=True)


def is_ancestor(repository: Path, earlier: str, later: str) -> bool:
    """Whether one commit is in another's history. Reads only."""
    answer = _run(repository, ("merge-base", "--is-ancestor", earlier, later), dict(os.environ))
    return answer.returncode == 0


def tip(repository: Path) -> str:
    """The commit that ``main`` is at; empty where nothing was pushed yet. Reads only."""
    answer = _run(repository, ("rev-parse", "--verify", "--quiet", f"{MAIN}^{{commit}}"), dict(os.environ))
    return answer.stdout.strip()


def find_commit(repository: Path, name: str) -> str:
    """A commit's full id by any name Git knows. Reads only.

    Raises:
        WrongState: the remote has none of that name.
    """
    answer = _run(repository, ("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}"), dict(os.environ))
    if answer.returncode or name.startswith("-"):
        raise WrongState(f"the remote has no commit {name!r}", "silolake service log shows what was applied")
    return answer.stdout.strip()


def commit_tree_of(repository: Path, earlier: str) -> str:
    """A new commit on ``main`` whose files are an earlier commit's; ``main`` does not move by it. Writes."""
    message = f"Roll back to {earlier[:12]}"
    identity = {name: os.environ.get(name, value) for name, value in (
        ("GIT_AUTHOR_NAME", "silolake"), ("GIT_AUTHOR_EMAIL", "silolake@localhost"),
        ("GIT_COMMITTER_NAME", "silolake"), ("GIT_COMMITTER_EMAIL", "silolake@localhost"),
    )}  # fmt: skip
    words = ("commit-tree", f"{earlier}^{{tree}}", "-p", MAIN, "-m", message)
    return git(repository, *words, environment={**os.environ, **identity})


def move_main(repository: Path, commit: str, before: str) -> None:
    """Let ``main`` be a commit, if it is still where it was. Writes.

    Raises:
        WrongState: it was moved meanwhile.
    """
    git(repository, "update-ref", MAIN, commit, before or NOTHING)


def git(repository: Path, *words: str, environment: dict[str, str] | None = None) -> str:
    """What Git answers.

    Raises:
        WrongState: it is not there, or fails; with its own words.
    """
    answer = _run(repository, words, environment or dict(os.environ))
    if answer.returncode:
        raise WrongState(f"git {words[0]} failed: {answer.stderr.strip()}", "Mend what it says")
    return answer.stdout.strip()


def _run(repository: Path, words: tuple[str, ...], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            ["git", *words],
            cwd=repository,
            env=environment,
            capture_output=True,
            text=True,
            timeout=_PATIENCE_S,
            check=False,
        )
    except FileNotFoundError:
        raise WrongState("there is no git on this machine", "Install it") from None
