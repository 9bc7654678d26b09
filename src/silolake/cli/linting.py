"""``lint``: the rooms and the run notebooks, before anything runs."""

from __future__ import annotations

import sys

import click

from silolake.cli.terminal import json_option, load_rooms, print_json


@click.command()
@json_option
def lint(as_json: bool) -> None:
    """Check the rooms and the run notebooks.

    Exit code 1 if anything is to be mended.
    """
    from silolake.rooms import check_notebooks
    from silolake.runner.lint import lint_workspace

    rooms = load_rooms()
    check_notebooks(rooms)
    complaints = [str(each) for each in lint_workspace(rooms.root)]
    if as_json:
        print_json(complaints)
    else:
        click.echo("\n".join(complaints) or "Nothing to mend.")
    if complaints:
        sys.exit(1)
