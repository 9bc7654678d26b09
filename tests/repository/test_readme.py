"""What README tells a reader to type is what there is to type."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator

import click
import pytest

from silolake.cli import COMMANDS, cli

from .tree import ROOT

README = (ROOT / "README.md").read_text()
MAKEFILE = (ROOT / "Makefile").read_text()


def lines() -> Iterator[str]:
    """Every line of every shell block, without its comment."""
    for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL):
        for line in block.splitlines():
            words = shlex.split(line, comments=True)
            if words:
                yield shlex.join(words)


@pytest.mark.parametrize("line", [each for each in lines() if each.startswith("silolake ")])
def test_every_command_of_the_readme_is_taken(line: str) -> None:
    """It is parsed as the command line would; it is not run here."""
    _, name, *arguments = shlex.split(line)
    context = click.Context(cli, info_name="silolake")
    command = cli.get_command(context, name)
    assert command is not None, name
    command.make_context(name, arguments, parent=context)


@pytest.mark.parametrize("line", [each for each in lines() if each.startswith("make ")])
def test_every_target_of_the_readme_is_made(line: str) -> None:
    """The Makefile has it, and explains it."""
    assert re.search(rf"^{shlex.split(line)[1]}:.*## ", MAKEFILE, re.MULTILINE)


def test_bare_make_prints_help() -> None:
    """Each target that explains itself, and nothing is set up for it."""
    said = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    explained = re.findall(r"^([a-z]+):.*## ", MAKEFILE, re.MULTILINE)
    assert {"demo", "test", "bench", "soak", "lint", "strip", "docs", "clean"} <= set(explained)
    for target in explained:
        assert re.search(rf"^  make {target} +\S", said, re.MULTILINE)


def test_the_readme_names_the_command_that_helps_and_the_two_that_matter() -> None:
    """`make demo`, `make test`, `silolake doctor`."""
    assert {"make demo", "make test"} <= set(lines())
    assert "silolake doctor" in README and "doctor" in COMMANDS
