"""``lint`` and ``test``: what is to be mended before anything runs."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from silolake.cli.terminal import console, json_option, load_rooms, print_json, progress

if TYPE_CHECKING:
    from silolake.checks import Check


@click.command()
@json_option
def lint(as_json: bool) -> None:
    """Check the rooms and the run notebooks.

    Exit code 1 if anything is to be mended.
    """
    from silolake.checks import lint as lint_rooms

    complaints = [each.problem for each in lint_rooms(load_rooms()) if each.problem]
    if as_json:
        print_json(complaints)
    else:
        click.echo("\n".join(complaints) or "Nothing to mend.")
    if complaints:
        sys.exit(1)


@click.command()
@json_option
def test(as_json: bool) -> None:
    """Hold samples against their contracts and views against their cases.

    Needs no cloud. Exit code 1 if any fails.
    """
    from silolake.checks import test as test_rooms

    checks = list(_told(test_rooms(load_rooms()), quiet=as_json))
    failed = sum(bool(each.problem) for each in checks)
    if as_json:
        print_json([asdict(each) for each in checks])
    else:
        click.echo(f"{failed} of {len(checks)} failed" if failed else f"{len(checks)} passed")
    if failed:
        sys.exit(1)


def _told(checks: Iterable[Check], *, quiet: bool) -> Iterable[Check]:
    out = console()
    with progress("testing"):
        for each in checks:
            if not quiet:
                out.print(str(each), style="red" if each.problem else "green", markup=False)
            yield each
