"""``drift``: what the lake is otherwise than what was applied."""

from __future__ import annotations

import sys
from collections import Counter

import click

from silolake.cli.terminal import console, json_option, print_json, progress

_COLOURS = {"missing": "red", "changed": "yellow", "extra": "cyan", "foreign": "magenta"}


@click.command()
@click.option("--exit-code", is_flag=True, help="End with 2 if anything is found, for programs.")
@json_option
def drift(exit_code: bool, as_json: bool) -> None:
    """Tell what the lake is otherwise than what was applied.

    Reads the resources themselves, in every account, in both directions: what is missing or changed, what is the
    lake's and declared no more (extra), and what somebody else has let in or put there (foreign). Changes nothing:
    silolake apply --drift mends.
    """
    from dataclasses import asdict

    from silolake.cli.session import opened

    with opened() as session, progress("reading the resources"):
        found = session.drift()
    if as_json:
        print_json([asdict(each) for each in found.findings])
    else:
        out = console()
        for each in found.findings:
            out.print(str(each), style=_COLOURS[each.kind], markup=False)
        for line in found.unseen:
            out.print(f"not looked at: {line}", markup=False)
        click.echo(_summed(Counter(each.kind for each in found.findings)))
    if exit_code and found.findings:
        sys.exit(2)


def _summed(counted: Counter[str]) -> str:
    if not counted:
        return "No drift: the lake is what was applied."
    said = ", ".join(f"{number} {kind}" for kind, number in sorted(counted.items()))
    return f"\n{said}. silolake plan --drift shows what mends them."
