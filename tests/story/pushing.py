"""A clone from which people push to a lake's service, with Git as they have it."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .small_lakes import SmallLake, change, make_small
from .workspaces import commit, environment

_AROUND = re.compile(r"^remote: ?", re.MULTILINE)
WATCH_EVERY_S = "1"


@dataclass(frozen=True)
class Pushed:
    """What a push said.

    Attributes:
        code: Git's exit code.
        told: what the service told, without Git's own words around it.
        whole: all that Git printed.
    """

    code: int
    told: str
    whole: str

    @property
    def lines(self) -> list[str]:
        """What was told, line by line."""
        return self.told.splitlines()

    @property
    def runs(self) -> list[str]:
        """How each run ended, without how long it took."""
        ended = re.findall(r"^(completed|failed|not reached) +(.*?)  [\d.]+ s$", self.told, re.MULTILINE)
        return [f"{status}: {words}" for status, words in ended]

    def plan_of(self, notebook: str) -> list[str]:
        """The native steps beneath a notebook's first run in the plan."""
        start = next(n for n, line in enumerate(self.lines) if line.startswith(f"run {notebook}"))
        beneath = []
        for line in self.lines[start + 1 :]:
            if not line.startswith("    "):
                break
            beneath.append(line.strip())
        return beneath


@dataclass(frozen=True)
class Clone:
    """A clone of the lake's workspace, with the service as its remote ``lake``."""

    lake: SmallLake
    root: Path

    def git(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Git, typed in the clone."""
        told = {"GIT_AUTHOR_NAME": "A person", "GIT_AUTHOR_EMAIL": "person@lake.example"}
        told |= {name.replace("AUTHOR", "COMMITTER"): value for name, value in told.items()}
        done = subprocess.run(
            ["git", *words],
            cwd=self.root,
            env={**environment(), **told},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        if check and done.returncode:
            raise AssertionError(f"git {' '.join(words)} ended {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    def push(self, *words: str) -> Pushed:
        """``git push lake``, with what it printed."""
        done = self.git("push", "lake", *(words or ("main",)), check=False)
        whole = done.stdout + done.stderr
        told = "\n".join(
            _AROUND.sub("", line).rstrip() for line in done.stderr.splitlines() if line.startswith("remote:")
        )
        return Pushed(done.returncode, told, whole)

    def write(self, path: str, text: str) -> None:
        """A file, written."""
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")

    def change(self, path: str, old: str, new: str) -> None:
        """One place of a file, changed."""
        change(self.root / path, old, new)

    def commit(self, message: str) -> str:
        """All that changed, committed; the commit's id."""
        commit(self.root, message)
        return self.git("rev-parse", "HEAD").stdout.strip()

    @property
    def main(self) -> str:
        """The commit that the service's ``main`` is at."""
        return self.git("ls-remote", "lake", "refs/heads/main").stdout.split()[0]


@contextmanager
def served(folder: Path) -> Iterator[Clone]:
    """A small lake that was bootstrapped and whose service is up while the block lasts, and a clean clone. Writes."""
    lake = make_small(folder)
    os.environ["SILOLAKE_WATCH_EVERY_S"] = WATCH_EVERY_S
    lake.silolake("up", "--port", "0")
    try:
        lake.silolake("bootstrap")
        serve(lake)
        clone = folder / "clone"
        subprocess.run(["git", "clone", "--quiet", str(lake.root), str(clone)], check=True, env=environment())
        made = Clone(lake, clone)
        made.git("remote", "add", "lake", str(lake.data / "lake.git"))
        yield made
    finally:
        lake.down()


def serve(lake: SmallLake) -> str:
    """Start the service beside a local cloud that is up; what was printed. Writes."""
    from .workspaces import silolake

    every = {"SILOLAKE_WATCH_EVERY_S": WATCH_EVERY_S}
    return silolake(lake.root, "up", "--service", "--port", "0", env=every).stdout


def until(met: Callable[[], object], what: str, patience_s: float = 60) -> None:
    """Wait until something holds.

    Raises:
        AssertionError: it does not within patience.
    """
    end = time.monotonic() + patience_s
    while not met():
        assert time.monotonic() < end, f"{what}: not within {patience_s:.0f} s"
        time.sleep(0.2)
