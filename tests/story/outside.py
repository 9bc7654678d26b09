"""Programs that know nothing of silolake, with nothing but the variables that ``silolake env`` prints."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from .conftest import Lake
from .small_lakes import SmallLake


def variables(lake: Lake | SmallLake, who: str, *further: str) -> dict[str, str]:
    """What ``silolake env`` prints, and the little that every program needs."""
    said: dict[str, str] = json.loads(lake.silolake("env", "--as", who, "--json", *further).stdout)
    return {"PATH": os.environ["PATH"], "HOME": os.devnull, "LANG": "C.UTF-8", **said}


def python(lake: Lake, who: str, code: str, folder: Path, **given: str) -> Any:
    """What a fresh interpreter prints as JSON, run as somebody in a folder that is no workspace.

    Args:
        lake: the lake.
        who: ``account/role``.
        code: the program; ``given`` stands in it as variables.
        folder: its working directory.
        given: texts it is told.
    """
    told = "".join(f"{name} = {value!r}\n" for name, value in given.items())
    done = subprocess.run(
        [sys.executable, "-c", told + code],
        env=variables(lake, who),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


class Shell:
    """The AWS CLI as somebody.

    Args:
        lake: the lake.
        who: ``account/role``.
        program: where the CLI lies.
        folder: its working directory.
        further: more words for ``silolake env``.
    """

    def __init__(self, lake: Lake | SmallLake, who: str, program: Path, folder: Path, *further: str) -> None:
        self._program, self._folder = program, folder
        self._variables = {**variables(lake, who, *further), "AWS_PAGER": "", "AWS_DEFAULT_OUTPUT": "json"}

    def without_profile(self, **variables: str) -> None:
        """Take these variables and no profile from now on."""
        del self._variables["AWS_PROFILE"]
        self._variables |= variables

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """``aws`` and these words."""
        return subprocess.run(
            [str(self._program), *words],
            env=self._variables,
            cwd=self._folder,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def text(self, *words: str) -> str:
        """What it prints."""
        done = self.run(*words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def json(self, *words: str) -> Any:
        """What it prints, read."""
        return json.loads(self.text(*words))

    def complaint(self, *words: str) -> str:
        """What it complains of; it must fail."""
        done = self.run(*words)
        assert done.returncode != 0, done.stdout
        return done.stderr
