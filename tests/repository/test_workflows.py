"""The workflows for other people's CI type commands that there are, and `silolake init --ci` lays them out."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner
from ruamel.yaml import YAML

from silolake.cli import cli

from .tree import PACKAGE

WORKFLOWS = {"github": ".github/workflows/silolake.yml", "gitlab": ".gitlab-ci.yml"}
_TYPED = re.compile(r"(?:^|\s)(silolake [a-z].*?)(?:\s*[|>].*)?$", re.MULTILINE)


def texts(node: Any) -> Iterator[str]:
    """Every text of a workflow."""
    match node:
        case str():
            yield node
        case dict():
            for each in node.values():
                yield from texts(each)
        case list():
            for each in node:
                yield from texts(each)


def typed(name: str) -> list[list[str]]:
    """The commands of a workflow, word by word."""
    node = YAML(typ="safe", pure=True).load((PACKAGE / "starter" / "ci" / f"{name}.yml").read_text("utf-8"))
    return [shlex.split(line)[1:] for text in texts(node) for line in _TYPED.findall(text)]


@pytest.mark.parametrize("name", WORKFLOWS)
def test_every_command_of_a_workflow_is_one_with_such_options(name: str) -> None:
    commands = typed(name)
    assert {words[0] for words in commands} == {"lint", "test", "plan", "apply"}
    context = click.Context(cli)
    for first, *rest in commands:
        command = cli.get_command(context, first)
        assert command is not None
        command.make_context(first, list(rest), parent=context, resilient_parsing=True)
        with pytest.raises(click.UsageError):
            command.make_context(first, ["--no-such-option"], parent=context)


@pytest.mark.parametrize(("name", "place"), WORKFLOWS.items())
def test_init_lays_a_workflow_out_and_never_writes_over_one(name: str, place: str, tmp_path: Path) -> None:
    """Where one is there already nothing at all is laid out."""
    made = CliRunner().invoke(cli, ["init", str(tmp_path / "new"), "--lake", "mine", "--ci", name])
    assert made.exit_code == 0, made.output
    assert (tmp_path / "new" / place).read_text() == (PACKAGE / "starter" / "ci" / f"{name}.yml").read_text()
    mine = tmp_path / "old" / place
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    refused = CliRunner().invoke(cli, ["init", str(tmp_path / "old"), "--lake", "mine", "--ci", name])
    assert refused.exit_code != 0 and "is there already" in str(refused.exception)
    assert mine.read_text() == "mine" and not (tmp_path / "old" / "provisioning").exists()
