"""The service's remote: commits are checked out whole, nothing leads out of them, and what is at work stays."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from silolake.errors import WrongState
from silolake.service import remote
from silolake.service.places import AppliedCommit, Places

Commit = Callable[..., str]
_WHO = {f"GIT_{who}_{what}": "a@lake.example" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


@pytest.fixture
def places(tmp_path: Path) -> Places:
    made = Places(tmp_path, tmp_path / ".silolake")
    made.data.mkdir()
    remote.ensure(made)
    return made


@pytest.fixture
def commit(tmp_path: Path, places: Places) -> Commit:
    """Commits files to a clone and pushes them past the hook; the commit's id."""
    clone = tmp_path / "clone"

    def git(*words: str) -> str:
        done = subprocess.run(
            ["git", *words], cwd=clone, env={**os.environ, **_WHO}, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def make(**files: str) -> str:
        if not clone.exists():
            clone.mkdir()
            git("init", "--quiet", "--initial-branch=main")
        for name, text in files.items():
            path = clone / name.replace("__", "/").replace("_dot_", ".")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.symlink_to(text[3:]) if text.startswith("-> ") else path.write_text(text)
        git("add", "--all")
        git("commit", "--quiet", "--message=A commit")
        subprocess.run(["git", "fetch", "--quiet", str(clone), "main"], cwd=places.remote, check=True)
        return git("rev-parse", "HEAD")

    return make


def test_a_commit_is_checked_out_whole_whatever_its_attributes_say(places: Places, commit: Commit) -> None:
    """An archive would have left out what is marked export-ignore."""
    made = commit(_dot_gitattributes="secret.txt export-ignore\n", secret_dot_txt="kept", a__b_dot_txt="1")
    folder = remote.check_out(places, made, places.remote)
    assert folder == places.commits / made
    assert (folder / "secret.txt").read_text() == "kept" and (folder / "a" / "b.txt").read_text() == "1"
    assert not (folder / ".git").exists()
    assert [each.name for each in places.commits.iterdir()] == [made]


@pytest.mark.parametrize("target", ["/etc/hosts", "../../../owner.token", "a/../../x"])
def test_a_link_out_of_the_commit_is_refused_and_leaves_nothing(places: Places, commit: Commit, target: str) -> None:
    made = commit(link=f"-> {target}")
    with pytest.raises(WrongState, match="link is a link that leads out of the commit"):
        remote.check_out(places, made, places.remote)
    assert list(places.commits.iterdir()) == []


def test_a_link_within_the_commit_stays(places: Places, commit: Commit) -> None:
    folder = remote.check_out(places, commit(a_dot_txt="1", link="-> a.txt"), places.remote)
    assert (folder / "link").read_text() == "1"


def test_folders_that_nobody_needs_go_and_those_at_work_or_just_made_stay(places: Places, commit: Commit) -> None:
    old, needed, young = (remote.check_out(places, commit(n=str(n)), places.remote) for n in range(3))
    for folder in (old, needed):
        os.utime(folder, (time.time() - 7200,) * 2)
    remote.forget_commits(places, frozenset({needed.name}))
    assert not old.exists() and needed.is_dir() and young.is_dir()


def test_what_is_no_commit_is_told(places: Places, commit: Commit) -> None:
    """Also what looks like an option."""
    commit(n="1")
    for name in ("nothing", "--help", "0" * 40, ""):
        with pytest.raises(WrongState, match="the remote has no commit"):
            remote.find_commit(places.remote, name)


def test_the_commit_applied_last_is_known_while_its_folder_is_there(places: Places, commit: Commit) -> None:
    folder = remote.check_out(places, commit(n="1"), places.remote)
    assert AppliedCommit.read(places) is None
    AppliedCommit(folder.name, str(folder), "2013-01-01").keep(places)
    found = AppliedCommit.read(places)
    assert found is not None and found.commit == folder.name
    places.current.write_text("{")
    assert AppliedCommit.read(places) is None
